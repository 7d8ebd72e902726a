import NIOCore
import RPC
import Synchronization

/// What all lanes of one measurement share: how much is left to do, and how far they are. Counts only, touched from every loop.
final class BenchRun: Sendable {
  let total: Int
  /// Nothing new is begun after that.
  let until: NIODeadline
  private let given = Atomic<Int>(0)
  private let done = Atomic<Int>(0)
  private let failed = Atomic<Int>(0)
  private let stopped = Atomic<Bool>(false)
  private let firstFailure = Mutex<Status?>(nil)

  init(total: Int, until: NIODeadline) {
    self.total = total
    self.until = until
  }

  /// The next jobs, at most `count`; empty: all are given out, or the time is over.
  func take(_ count: Int) -> Range<Int> {
    guard NIODeadline.now() < until else { return 0..<0 }
    let start = given.add(count, ordering: .relaxed).oldValue
    return start < total ? start..<min(start + count, total) : 0..<0
  }

  func finished(_ count: Int) { done.add(count, ordering: .relaxed) }

  func failed(_ count: Int, _ status: Status) {
    failed.add(count, ordering: .relaxed)
    firstFailure.withLock { if $0 == nil { $0 = status } }
  }

  /// Nothing more is begun, so nobody need wait for it.
  func stop() { stopped.store(true, ordering: .relaxed) }

  var finishedJobs: Int { done.load(ordering: .relaxed) }
  var failedJobs: Int { failed.load(ordering: .relaxed) }
  var failure: Status? { firstFailure.withLock { $0 } }
  var isOver: Bool { stopped.load(ordering: .relaxed) || finishedJobs + failedJobs >= total }
}
