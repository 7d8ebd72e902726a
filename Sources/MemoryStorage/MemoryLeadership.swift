import Jobs
import Synchronization

/// Who leads, and who is there, among servers that share one object.
final class MemoryLeadership: Sendable {
  struct State: Sendable {
    var servers: [String: ServerRecord] = [:]
    /// By `clock`.
    var seenAt: [String: Timestamp] = [:]
    var leader: String?
    var epoch = Epoch(0)
    var renewedAt = Timestamp.distantPast
  }
  let clock: @Sendable () -> Timestamp
  let secret: [UInt8]
  let state = Mutex(State())
  /// One that was silent for longer is gone.
  static let silence = Interval.seconds(10)

  init(clock: @escaping @Sendable () -> Timestamp, secret: UInt32) {
    self.clock = clock
    self.secret = (0..<32).map { UInt8(truncatingIfNeeded: secret >> UInt32($0 % 4 * 8)) ^ UInt8($0) }
  }
}

final class SharedLeadership: Leadership {
  private let shared: MemoryLeadership
  private let storage: MemoryStorage

  init(_ shared: MemoryLeadership, _ storage: MemoryStorage) {
    self.shared = shared
    self.storage = storage
  }

  func secret() throws(StoreError) -> [UInt8] { shared.secret }

  func announce(_ server: ServerRecord) throws(StoreError) {
    let now = shared.clock()
    shared.state.withLock { state in
      state.servers[server.id] = server
      state.seenAt[server.id] = now
    }
  }

  func leave(_ serverID: String) throws(StoreError) {
    shared.state.withLock { state in
      state.servers[serverID] = nil
      state.seenAt[serverID] = nil
    }
  }

  func servers() throws(StoreError) -> [ServerRecord] {
    let now = shared.clock()
    return shared.state.withLock { state in
      let gone = state.seenAt.filter { $0.value + MemoryLeadership.silence <= now }.map(\.key)
      for id in gone {
        state.servers[id] = nil
        state.seenAt[id] = nil
      }
      return state.servers.values.sorted { $0.id < $1.id }.map { server in
        var server = server
        server.leads = server.id == state.leader
        return server
      }
    }
  }

  func seek(_ serverID: String, term: Interval) throws(StoreError) -> Leading {
    let now = shared.clock()
    return shared.state.withLock { state in
      if let leader = state.leader, leader != serverID, now < state.renewedAt + term {
        return .elsewhere(serverID: leader, address: state.servers[leader]?.address ?? "")
      }
      state.leader = serverID
      state.renewedAt = now
      // Under the lock, so that the epoch is that of the last who came to lead.
      state.epoch = storage.nextEpoch()
      return .here(state.epoch)
    }
  }

  func renew(_ serverID: String, epoch: Epoch) throws(StoreError) {
    let now = shared.clock()
    let isLeader = shared.state.withLock { state in
      guard state.leader == serverID, state.epoch == epoch else { return false }
      state.renewedAt = now
      return true
    }
    if !isLeader { throw MemoryStorage.deposed }
  }

  func resign(_ serverID: String, epoch: Epoch) throws(StoreError) {
    shared.state.withLock { state in
      if state.leader == serverID, state.epoch == epoch { state.leader = nil }
    }
  }
}
