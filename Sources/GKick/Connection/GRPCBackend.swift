import Jobs
import NIOCore
import RPC
import Wire

/// A client's calls over gRPC.
package final class GRPCBackend: Sendable {
  let caller: Caller
  private var codec: SharedCodec { caller.codec }

  private let sparesJitter: Bool

  init(_ caller: Caller, sparesJitter: Bool = false) {
    self.caller = caller
    self.sparesJitter = sparesJitter
  }

  convenience init(_ endpoint: Endpoint) throws(GKickError) { self.init(try Caller(endpoint)) }

  func close() async { await caller.close() }

  // MARK: - Calls

  private func call<Answer: Sendable>(
    _ method: String, timeout: TimeAmount? = nil, waitForReady: Bool? = nil, mayRepeat: Bool = false,
    _ encode: (Codec) -> Int, _ decode: (Codec, RawSpan) throws(WireError) -> Answer
  ) async throws -> Answer {
    try await caller.call(
      "JobService/\(method)", timeout: timeout, waitForReady: waitForReady, mayRepeat: mayRepeat, encode, decode)
  }

  /// As it is to be stored.
  private func prepared(_ job: JobRequest) -> JobRequest {
    guard sparesJitter else { return job }
    var job = job
    var retry = job.retry ?? .default
    retry.jitter = 0
    job.retry = retry
    return job
  }

  package func enqueue(_ job: JobRequest, durability: Durability?) async throws -> Enqueued {
    let job = prepared(job)
    let receipt: JobReceipt
    // A job with an id of its own can be sent twice without harm: so wait for a server that restarts.
    let waitForReady = job.id.isEmpty ? nil : true
    if case .now = job.when {
      receipt = try await call(
        "Enqueue", waitForReady: waitForReady, mayRepeat: !job.id.isEmpty,
        { $0.encodeEnqueueRequest(JobSpec(job), durability) },
        { codec, bytes throws(WireError) in try codec.decodeEnqueueResponse(bytes) })
    } else {
      receipt = try await call(
        "Schedule", waitForReady: waitForReady, mayRepeat: !job.id.isEmpty,
        { $0.encodeScheduleRequest(JobOrder(job), durability) },
        { codec, bytes throws(WireError) in try codec.decodeScheduleResponse(bytes) })
    }
    var stored = Enqueued(id: receipt.jobID, isDuplicate: receipt.duplicate, state: receipt.state ?? .ready)
    stored.runAt = receipt.runAt
    stored.durability = receipt.durability
    return stored
  }

  /// At most 1,000 jobs; one result each, in order. Throws for all when `allOrNothing` and one is not stored.
  package func enqueue(
    _ jobs: [JobRequest], allOrNothing: Bool, durability: Durability?
  ) async throws -> [Result<Enqueued, GKickError>] {
    let results = try await call(
      "EnqueueBatch", mayRepeat: jobs.allSatisfy { !$0.id.isEmpty },
      {
        $0.encodeEnqueueBatchRequest(
          jobs.map { JobOrder(prepared($0)) }, allOrNothing: allOrNothing, durability)
      },
      { codec, bytes throws(WireError) in try codec.decodeEnqueueBatchResponse(bytes) })
    let stored = results.map { result -> Result<Enqueued, GKickError> in
      if result.statusCode == 0 {
        return .success(
          Enqueued(id: result.jobID, isDuplicate: result.duplicate, state: result.state ?? .ready))
      }
      let code = StatusCode(rawValue: Int(result.statusCode)) ?? .unknown
      return .failure(GKickError(Status(code, result.statusMessage)))
    }
    if allOrNothing { try Self.throwCause(of: stored) }
    return stored
  }

  /// The refused job's error; those that were refused because of it only say so.
  private static func throwCause(of results: [Result<Enqueued, GKickError>]) throws(GKickError) {
    var cause: GKickError?
    for case .failure(let error) in results where cause == nil || cause?.code == .notPossibleNow { cause = error }
    if let cause { throw cause }
  }

  func job(_ id: String) async throws -> JobInfo { try await info("GetJob") { $0.encodeJobIDRequest(id) } }

  /// The job as soon as it is final, or as it is after about `timeout`.
  package func wait(for id: String, timeout: Duration) async throws -> JobInfo {
    // The server answers with the state so far when the deadline is near; give that answer time to come.
    do {
      return try await info("WaitJob", timeout: TimeAmount(timeout) + .seconds(1)) { $0.encodeJobIDRequest(id) }
    } catch let error as GKickError where error.code == .timedOut {
      // The answer was late, not the job: ask how it stands. A server that does not answer that either is away.
      return try await job(id)
    }
  }

  func cancel(_ id: String, reason: String) async throws -> JobInfo {
    try await info("CancelJob") { $0.encodeCancelJobRequest(id, reason: reason) }
  }

  func retry(_ id: String, resetAttempts: Bool) async throws -> JobInfo {
    try await info("RetryJob") { $0.encodeRetryJobRequest(id, resetAttempts: resetAttempts) }
  }

  private func info(
    _ method: String, timeout: TimeAmount? = nil, _ encode: (Codec) -> Int
  ) async throws -> JobInfo {
    JobInfo(
      try await call(method, timeout: timeout, mayRepeat: true, encode) { codec, bytes throws(WireError) in
        try codec.decodeJobResponse(bytes)
      })
  }

  func delete(_ id: String) async throws {
    try await call("DeleteJob", mayRepeat: false, { $0.encodeJobIDRequest(id) }, { _, _ throws(WireError) in })
  }

  func explain(_ id: String) async throws -> JobExplanation {
    JobExplanation(
      try await call(
        "ExplainJob", mayRepeat: true, { $0.encodeJobIDRequest(id) },
        { codec, bytes throws(WireError) in try codec.decodeExplainJobResponse(bytes) }))
  }

  package func jobs(_ query: JobQuery, pageSize: Int, pageToken: String) async throws -> JobPage {
    var wire = Jobs.JobQuery()
    wire.queue = query.queue ?? ""
    wire.states = query.states
    wire.name = query.name ?? ""
    wire.batchID = query.batchID ?? ""
    wire.concurrencyKey = query.concurrencyKey ?? ""
    wire.fairnessKey = query.fairnessKey ?? ""
    wire.recurringJobID = query.recurringJobID ?? ""
    wire.limit = min(1_000, max(1, pageSize))
    let request = wire
    let page = try await call(
      "ListJobs", mayRepeat: true, { $0.encodeListJobsRequest(request, pageToken: pageToken) },
      { codec, bytes throws(WireError) in try codec.decodeListJobsResponse(bytes) })
    return JobPage(jobs: page.jobs.map { JobInfo($0) }, nextPageToken: page.nextPageToken)
  }

  // MARK: - Events

  /// One connection's worth of events.
  package func events(_ filter: EventFilter, after cursor: String) async throws -> EventBatches {
    var request = EventsRequest()
    if !cursor.isEmpty {
      guard let number = Int64(cursor) else { throw GKickError(.invalid, "\"\(cursor)\" is no cursor") }
      request.after = number
    }
    request.queues = filter.queues
    request.names = filter.names
    request.jobIDs = filter.jobIDs
    request.kinds = Set(filter.kinds)
    request.batchID = filter.batchID
    let message = codec.encode { $0.encodeStreamEventsRequest(request) }
    // The server speaks every five seconds, if only to say that there was nothing.
    do {
      return EventBatches(
        try await caller.carrier.answers(
          "/gkick.v1.JobService/StreamEvents", message, metadata: caller.metadata,
          options: CallOptions(silence: .seconds(20))))
    } catch let status as Status {
      throw GKickError(status)
    }
  }
}

/// One StreamEvents call: the events as they come.
package final class EventBatches: Sendable {
  private let stream: any AnswerStream
  private let codec = SharedCodec()

  fileprivate init(_ stream: any AnswerStream) { self.stream = stream }

  /// Waits for the next batch, which may be empty; `nil` when the server ended the call.
  package func next() async throws -> EventBatch? {
    let messages: [ByteBuffer]
    do {
      messages = try await stream.nextBatch()
    } catch let status as Status {
      if status.code == .cancelled, Task.isCancelled { throw CancellationError() }
      throw GKickError(status)
    }
    if messages.isEmpty { return nil }
    var batch = EventBatch(events: [], cursor: "")
    for message in messages {
      do throws(WireError) {
        let (events, cursor) = try codec.decode(message) { codec, bytes throws(WireError) in
          try codec.decodeStreamEventsResponse(bytes)
        }
        batch.events.append(contentsOf: events.map { JobEvent($0) })
        if !cursor.isEmpty { batch.cursor = cursor }
      } catch {
        throw GKickError(error)
      }
    }
    return batch
  }

  package func cancel() { stream.cancel() }
}
