import Dispatch
import Testing

/// For tests that block: that wait for processes and sockets without suspending, or compute for seconds. They take turns on a thread of
/// their own, because Swift's pool has only as many threads as there are cores, and tests that wait for each other's answers need them.
public struct Aside: SuiteTrait, TestTrait, TestScoping {
  public var isRecursive: Bool { true }

  public func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    try await withTaskExecutorPreference(Thread.shared) { try await function() }
  }

  private final class Thread: TaskExecutor {
    static let shared = Thread()
    private let queue = DispatchQueue(label: "tests that block")

    func enqueue(_ job: consuming ExecutorJob) {
      let job = UnownedJob(job)
      queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
  }
}

extension Trait where Self == Aside {
  /// The test runs on the thread for those that block.
  public static var aside: Self { Aside() }
}
