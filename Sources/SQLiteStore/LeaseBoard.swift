import Jobs
import Synchronization

/// The ends of renewed leases, for readers: a renewal is not written to the database.
final class LeaseBoard: Sendable {
  private struct State {
    var published: [Int64: Timestamp] = [:]
    /// Of this tick; nil: the lease has ended.
    var pending: [(seq: Int64, until: Timestamp?)] = []
  }
  private let state = Mutex(State())

  func note(_ seq: Int64, until: Timestamp?) {
    state.withLock { $0.pending.append((seq, until)) }
  }

  func publish() {
    state.withLock { state in
      for change in state.pending { state.published[change.seq] = change.until }
      state.pending.removeAll(keepingCapacity: true)
    }
  }

  func forget() { state.withLock { $0.pending.removeAll() } }

  func until(_ seq: Int64) -> Timestamp? { state.withLock { $0.published[seq] } }
}
