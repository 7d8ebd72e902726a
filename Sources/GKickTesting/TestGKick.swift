#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif
public import GKick
import Jobs
import Logging
import Synchronization

/// A gKick without a server: its ``client`` stores jobs in memory, and ``runJobs()`` runs them here, by a clock that the test moves.
///
///     let gkick = TestGKick()
///     gkick.register(SendEmail.self)
///     try await signUp("ada@example.com", using: gkick.client)     // the code under test
///     #expect(gkick.enqueued(SendEmail.self).map(\.to) == ["ada@example.com"])
///     await gkick.runJobs()
///     #expect(gkick.jobs.allSatisfy { $0.state == .succeeded })
///
/// What is modelled: states, retries with their waits (without jitter), schedules, priorities, uniqueness, dependencies, expiry,
/// results, failures, progress, events, batches. What is not: queues' limits and pauses, leases, attempts' time-outs.
public final class TestGKick: JobRegistering, Sendable {
  private let backend: TestBackend
  private let registry = Mutex(JobRegistry())
  /// To be given to the code under test.
  public let client: Client

  /// - Parameters:
  ///   - worker: whose jobs are run: all that is registered with it, and its middleware.
  ///   - now: what the clock shows at first.
  public init(worker: Worker? = nil, now: Date = Date(timeIntervalSince1970: 1_700_000_000)) {
    let shared = TestBackend(now: now)
    backend = shared
    client = Client(backend: shared)
    if let worker { registry.withLock { $0 = worker.registry } }
  }

  /// Takes a handler for jobs of one name; see `register`.
  public func add(_ name: String, _ handler: @escaping @Sendable (JobContext) async throws -> JobResult) {
    registry.withLock { $0.add(name, handler) }
  }

  /// Runs around every job. The first that was added is the outermost.
  public func use(_ middleware: any JobMiddleware) {
    registry.withLock { $0.use(middleware) }
  }

  // MARK: - Looking

  /// Every job that was ever enqueued, oldest first, as it stands now.
  public var jobs: [JobInfo] { backend.state.withLock { $0.all } }

  /// The parameters of every job of this type, oldest first; those that cannot be read are left out.
  public func enqueued<Parameters: JobParameters>(_ type: Parameters.Type) -> [Parameters] {
    jobs.filter { $0.name == Parameters.name }.compactMap { try? $0.parameters(as: type) }
  }

  // MARK: - Time

  /// What the clock shows.
  public var now: Date { backend.state.withLock { $0.now } }

  /// Moves the clock forward. Jobs that are due then are run by the next ``runJobs()``.
  public func advance(by duration: Duration) {
    backend.state.withLock { $0.advance(by: duration) }
  }

  // MARK: - Running

  /// Runs every job that is ready and has a handler, one after the other, the most urgent first, and those that they enqueue, until
  /// none is left. Jobs for a later time stay.
  /// - Returns: the jobs in the order in which they ran, as they stood after their run.
  @discardableResult
  public func runJobs() async -> [JobInfo] {
    var ran: [JobInfo] = []
    let runner = JobRunner(
      registry: registry.withLock { $0 }, workerID: "test",
      logger: Logger(label: "gkick.test", factory: { _ in SwiftLogNoOpLogHandler() }))
    let names = Set(runner.names)
    while let assignment = backend.state.withLock({ $0.claim(names) }) {
      let how = await runner.run(assignment, reports: backend)
      if let job = backend.state.withLock({ $0.settle(assignment, how) }) { ran.append(job) }
    }
    return ran
  }

  /// As ``runJobs()``, but also moves the clock to when the next job is due, again and again, until nothing is left to run or `limit`
  /// jobs have run.
  @discardableResult
  public func runJobs(movingClock limit: Int) async -> [JobInfo] {
    var ran: [JobInfo] = []
    while ran.count < limit {
      let round = await runJobs()
      ran += round
      let names = Set(registry.withLock { $0.handlers.keys })
      guard backend.state.withLock({ $0.advanceToNext(names) }) else { break }
    }
    return ran
  }
}
