import Jobs
import NIOCore
import Synchronization

/// Where jobs' tasks leave what they have to say, and the loop fetches it: one wake-up for all that piles up in between.
final class WorkerOutbox: ProgressSink {
  struct Content {
    var finished: [(token: UInt64, how: WorkerOutcome.How)] = []
    var progress: [(token: UInt64, percent: UInt32, message: String)] = []
    fileprivate var isAnnounced = false
  }

  private let content = Mutex(Content())
  private let loop: any EventLoop
  private let announce: @Sendable () -> Void

  /// - Parameter announce: called on the loop when there is something to `take`.
  init(loop: any EventLoop, announce: @escaping @Sendable () -> Void) {
    self.loop = loop
    self.announce = announce
  }

  func finished(_ token: UInt64, _ how: WorkerOutcome.How) {
    add { $0.finished.append((token, how)) }
  }

  func progress(percent: Int, message: String, of assignment: Assignment) {
    let token = assignment.given.lease.token
    add { $0.progress.append((token, UInt32(percent), message)) }
  }

  private func add(_ change: (inout Content) -> Void) {
    let isFirst = content.withLock { content in
      change(&content)
      defer { content.isAnnounced = true }
      return !content.isAnnounced
    }
    if isFirst { loop.execute(announce) }
  }

  func take() -> Content {
    content.withLock { content in
      var taken = Content()
      swap(&taken, &content)
      return taken
    }
  }
}
