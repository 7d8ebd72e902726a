#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif
public import GKick
import Logging
import Synchronization

/// A gKick within the test: a whole server without its sockets and threads, which keeps jobs in memory, a ``client`` of it, and a clock that
/// the test moves. ``runJobs()`` runs the jobs here.
///
///     let gkick = TestGKick()
///     gkick.register(SendEmail.self)
///     try await signUp("ada@example.com", using: gkick.client)     // the code under test
///     #expect(gkick.enqueued(SendEmail.self).map(\.to) == ["ada@example.com"])
///     await gkick.runJobs()
///     #expect(gkick.jobs.allSatisfy { $0.state == .succeeded })
///
/// It is the server's own engine, and calls go to it as they go to a server, so nothing of it can differ. Three things are set so that tests are
/// easier to write: retries wait without jitter, finished jobs are kept unless the job itself says for how long, and time stands still.
public final class TestGKick: JobRegistering, Sendable {
  private let server: TestServer
  private let caller: Caller
  private let registry = Mutex(JobRegistry())
  /// To be given to the code under test.
  public let client: Client
  /// For what operators do: pauses, limits, many jobs at once.
  public let admin: AdminClient

  /// - Parameters:
  ///   - worker: whose jobs are run: all that is registered with it, and its middleware. The recurring jobs that it declares are there from the start;
  ///     one that a server would refuse ends the test's process and says why.
  ///   - now: what the clock shows at first.
  public init(worker: Worker? = nil, now: Date = Date(timeIntervalSince1970: 1_700_000_000)) {
    server = TestServer(now: now)
    caller = Caller(server, Endpoint("in-process"))
    client = Client(caller, sparesJitter: true)
    admin = AdminClient(caller)
    guard let worker else { return }
    registry.withLock { $0 = worker.registry }
    do { try server.declare(worker.declared) } catch {
      preconditionFailure("the worker declares a recurring job that the server refuses: \(error)")
    }
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

  /// Every job that was enqueued and is still kept, oldest first, as it stands now.
  public var jobs: [JobInfo] { server.jobs }

  /// The parameters of every job of this type, oldest first; those that cannot be read are left out.
  public func enqueued<Parameters: JobParameters>(_ type: Parameters.Type) -> [Parameters] {
    jobs.filter { $0.name == Parameters.name }.compactMap { try? $0.parameters(as: type) }
  }

  // MARK: - Time

  /// What the clock shows.
  public var now: Date { server.now }

  /// Moves the clock forward, by way of everything that is due meanwhile. Jobs that are due then are run by the next ``runJobs()``.
  public func advance(by duration: Duration) { server.advance(by: duration) }

  // MARK: - Running

  /// Runs every job that is ready and has a handler, one after the other, the most urgent first, and those that they enqueue, until
  /// none is left. Jobs for a later time stay.
  /// - Returns: the jobs in the order in which they ran, as they stood after their run.
  @discardableResult
  public func runJobs() async -> [JobInfo] {
    var ran: [JobInfo] = []
    let registry = registry.withLock { $0 }
    if registry.isEmpty { return [] }
    let runner = JobRunner(
      registry: registry, workerID: TestWorker.id,
      logger: Logger(label: "gkick.test", factory: { _ in SwiftLogNoOpLogHandler() }))
    let worker = TestWorker(server: server, caller: caller, runner: runner)
    // A call fails only when the test's task is cancelled.
    while let assignment = try? await worker.next() {
      try? await worker.run(assignment)
      if let job = try? await client.job(assignment.given.lease.jobID) { ran.append(job) }
    }
    return ran
  }

  /// As ``runJobs()``, but also moves the clock to when the next job is due, or a rate (``Limit``) lets one start, again and again, until nothing is
  /// left to run or `limit` jobs have run.
  @discardableResult
  public func runJobs(movingClock limit: Int) async -> [JobInfo] {
    var ran: [JobInfo] = []
    while ran.count < limit {
      let round = await runJobs()
      ran += round
      let registry = registry.withLock { $0 }
      let names = registry.fallback == nil ? Set(registry.handlers.keys) : []
      guard !registry.isEmpty, server.advanceToNext(names) else { break }
    }
    return ran
  }
}
