#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif
public import Jobs
import Tracing

/// A producer's and a watcher's view of a gKick server.
///
///     let client = try Client("localhost:7450")
///     let job = try await client.enqueue(SendEmail(to: "ada@example.com"))
///     try await client.schedule(SendReport(), in: .seconds(3600))
///
/// It may be used from anywhere and holds one connection, which it makes when first needed and again when it is lost.
/// Every method throws ``GKickError``.
public struct Client: Sendable {
  package let backend: GRPCBackend

  /// Ends all calls and closes the connection.
  public func close() async { await backend.close() }

  // MARK: - Enqueue

  /// Stores a job that may run now. When this returns, the job is as safe as the server's durability (or the options') promises.
  @discardableResult
  public func enqueue<Parameters: JobParameters>(
    _ job: Parameters, options: JobOptions = JobOptions()
  ) async throws -> JobHandle<Parameters> {
    try await store(job, options, .now)
  }

  /// Stores a job that may run at a time.
  @discardableResult
  public func schedule<Parameters: JobParameters>(
    _ job: Parameters, at time: Date, options: JobOptions = JobOptions()
  ) async throws -> JobHandle<Parameters> {
    try await store(job, options, .at(time))
  }

  /// Stores a job that may run after a delay, by the server's clock.
  @discardableResult
  public func schedule<Parameters: JobParameters>(
    _ job: Parameters, in delay: Duration, options: JobOptions = JobOptions()
  ) async throws -> JobHandle<Parameters> {
    try await store(job, options, .after(delay))
  }

  /// Stores a job that this program has no type for; returns its id.
  @discardableResult
  public func enqueue(_ job: UntypedJob, options: JobOptions = JobOptions()) async throws -> String {
    try await send(JobRequest(job, options: options, when: .now), options.durability).id
  }

  /// As ``enqueue(_:options:)-(UntypedJob,_)``, to run at a time.
  @discardableResult
  public func schedule(_ job: UntypedJob, at time: Date, options: JobOptions = JobOptions()) async throws -> String {
    try await send(JobRequest(job, options: options, when: .at(time)), options.durability).id
  }

  /// As ``enqueue(_:options:)-(UntypedJob,_)``, to run after a delay.
  @discardableResult
  public func schedule(_ job: UntypedJob, in delay: Duration, options: JobOptions = JobOptions()) async throws -> String
  {
    try await send(JobRequest(job, options: options, when: .after(delay)), options.durability).id
  }

  private func store<Parameters: JobParameters>(
    _ job: Parameters, _ options: JobOptions, _ when: JobRequest.When
  ) async throws -> JobHandle<Parameters> {
    let stored = try await send(JobRequest(job, options: options, when: when), options.durability)
    return JobHandle(id: stored.id, isDuplicate: stored.isDuplicate, client: self)
  }

  private func send(_ request: JobRequest, _ durability: Durability?) async throws -> Enqueued {
    try await TraceContext.withEnqueueSpan(request) { request in
      try await backend.enqueue(request, durability: durability)
    }
  }

  // MARK: - One job

  /// - Throws: ``GKickError`` with `notFound` when there is none, or no longer.
  public func job(_ id: String) async throws -> JobInfo { try await backend.job(id) }

  /// Why the job is not running, and when it could be.
  public func explain(_ id: String) async throws -> JobExplanation { try await backend.explain(id) }

  /// Waits until the job has ended, however it ended.
  /// - Parameter timeout: `nil`: as long as it takes.
  /// - Throws: ``GKickError`` with `timedOut` when it has not ended by then.
  public func wait(for id: String, timeout: Duration? = nil) async throws -> JobInfo {
    let clock = ContinuousClock()
    let end = timeout.map { clock.now + $0 }
    while true {
      // One call does not wait for ever, so that a connection that hangs is noticed.
      let left = end.map { $0 - clock.now } ?? Self.longestWait
      let job = try await backend.wait(for: id, timeout: min(max(left, .zero), Self.longestWait))
      if job.state.isFinal { return job }
      if let end, clock.now >= end {
        throw GKickError(.timedOut, "job \(id) is \(job.state) after \(timeout ?? .zero)")
      }
    }
  }

  private static let longestWait = Duration.seconds(60)

  /// A waiting job is cancelled at once; a running one's worker is told, and the job is `canceled` when it has stopped.
  @discardableResult
  public func cancel(_ id: String, reason: String = "") async throws -> JobInfo {
    try await backend.cancel(id, reason: reason)
  }

  /// A `dead`, `canceled`, `expired` or `retrying` job may run again now.
  @discardableResult
  public func retry(_ id: String, resetAttempts: Bool = false) async throws -> JobInfo {
    try await backend.retry(id, resetAttempts: resetAttempts)
  }

  public func delete(_ id: String) async throws { try await backend.delete(id) }

  // MARK: - Many jobs

  /// The jobs that match, newest first, read page by page as they are asked for.
  public func jobs(matching query: JobQuery = JobQuery(), pageSize: Int = 100) -> JobList {
    JobList(backend: backend, query: query, pageSize: pageSize)
  }

  /// What happens, from now on or from a cursor, for as long as it is iterated. A broken connection is made anew and the events go
  /// on where they stopped: none is missing, none comes twice.
  ///
  /// - Parameters:
  ///   - cursor: of the last event (``JobEvent/cursor``) that was dealt with; "0": from the oldest that is stored; `nil`: from now on.
  ///   - queues, names, jobIDs, kinds: each empty means all.
  public func events(
    after cursor: String? = nil, queues: [String] = [], names: [String] = [], jobIDs: [String] = [],
    kinds: [JobEvent.Kind] = [], batchID: String? = nil
  ) -> JobEvents {
    var filter = EventFilter()
    filter.queues = queues
    filter.names = names
    filter.jobIDs = jobIDs
    filter.kinds = kinds
    filter.batchID = batchID ?? ""
    return JobEvents(backend: backend, filter: filter, cursor: cursor ?? "")
  }
}

extension Client {
  /// - Parameter sparesJitter: for tests that count the seconds between a job's attempts.
  package init(_ caller: Caller, sparesJitter: Bool) {
    self.init(backend: GRPCBackend(caller, sparesJitter: sparesJitter))
  }

  /// Makes no connection yet.
  /// - Throws: when the address makes no sense or the TLS files cannot be read.
  public init(_ endpoint: Endpoint) throws(GKickError) {
    self.init(backend: try GRPCBackend(endpoint))
  }

  /// A client of the server at this address, see ``Endpoint/address``.
  public init(address: String) throws(GKickError) {
    try self.init(Endpoint(address))
  }
}
