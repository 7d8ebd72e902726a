import GKickProtos
public import Jobs

/// When a job is to run, as `ScheduleRequest.when` says it.
public enum JobTime: Hashable, Sendable {
  case at(Timestamp)
  case after(Interval)
}

/// One job of a request: what and, in `ScheduleRequest`s, when.
public struct JobOrder: Hashable, Sendable {
  public var job: JobSpec
  /// nil: now.
  public var time: JobTime?

  public init(job: JobSpec, time: JobTime? = nil) {
    self.job = job
    self.time = time
  }
}

/// What Enqueue and Schedule answer.
public struct JobReceipt: Hashable, Sendable {
  public var jobID = ""
  public var duplicate = false
  public var state: JobState?
  /// Schedule only.
  public var runAt: Timestamp?
  public var durability: Durability?
}

/// JobService as a producer sees it: requests encoded, responses decoded. Texts must not contain NUL: what follows one is cut off.
extension Codec {
  public func encodeEnqueueRequest(_ job: JobSpec, _ durability: Durability? = nil) -> Int {
    begin()
    let message = Proto.EnqueueRequest(in: arena)
    message.job = spec(job)
    message.durability = Gkick__V1__Durability(rawValue: UInt32(durability?.rawValue ?? 0))
    return finish(message)
  }

  public func encodeScheduleRequest(_ order: JobOrder, _ durability: Durability? = nil) -> Int {
    begin()
    return finish(self.order(order, durability))
  }

  public func encodeEnqueueBatchRequest(
    _ orders: [JobOrder], allOrNothing: Bool = false, _ durability: Durability? = nil
  ) -> Int {
    begin()
    let message = Proto.EnqueueBatchRequest(in: arena)
    message.jobs = arena.array(orders.count) { order(orders[$0], nil) }
    message.allOrNothing = allOrNothing
    message.durability = Gkick__V1__Durability(rawValue: UInt32(durability?.rawValue ?? 0))
    return finish(message)
  }

  private func order(
    _ order: JobOrder, _ durability: Durability?
  ) -> Proto.ScheduleRequest {
    let message = Proto.ScheduleRequest(in: arena)
    message.job = spec(order.job)
    switch order.time {
    case .at(let time):
      message.whenCase = GKICK__V1__SCHEDULE_REQUEST__WHEN_RUN_AT
      message.runAt = timestamp(time)
    case .after(let delay):
      message.whenCase = GKICK__V1__SCHEDULE_REQUEST__WHEN_DELAY
      message.delay = duration(delay)
    case nil: break
    }
    message.durability = Gkick__V1__Durability(rawValue: UInt32(durability?.rawValue ?? 0))
    return message
  }

  public func decodeEnqueueResponse(_ bytes: RawSpan) throws(WireError) -> JobReceipt {
    let message = try open(bytes, as: Proto.EnqueueResponse.self)
    return JobReceipt(
      jobID: try text(message.jobID, "job_id", max: .max),
      duplicate: message.duplicate,
      state: try choice(message.state.rawValue, "state", as: JobState.self),
      durability: try choice(message.durability.rawValue, "durability", as: Durability.self))
  }

  public func decodeScheduleResponse(_ bytes: RawSpan) throws(WireError) -> JobReceipt {
    let message = try open(bytes, as: Proto.ScheduleResponse.self)
    return JobReceipt(
      jobID: try text(message.jobID, "job_id", max: .max),
      duplicate: message.duplicate,
      state: try choice(message.state.rawValue, "state", as: JobState.self),
      runAt: try timestamp(message.runAt, "run_at"),
      durability: try choice(message.durability.rawValue, "durability", as: Durability.self))
  }

  public func decodeEnqueueBatchResponse(_ bytes: RawSpan) throws(WireError) -> [BatchResult] {
    let message = try open(bytes, as: Proto.EnqueueBatchResponse.self)
    var results: [BatchResult] = []
    for result in message.results {
      results.append(
        BatchResult(
          jobID: try text(result.jobID, "job_id", max: .max),
          duplicate: result.duplicate,
          state: try choice(result.state.rawValue, "state", as: JobState.self),
          statusCode: result.statusCode,
          statusMessage: try text(result.statusMessage, "status_message", max: .max)
        ))
    }
    return results
  }

  /// GetJob, WaitJob, DeleteJob and ExplainJob ask alike.
  public func encodeJobIDRequest(_ jobID: String) -> Int {
    begin()
    let message = Proto.GetJobRequest(in: arena)
    message.jobID = arena.copy(jobID)
    return finish(message)
  }

  public func encodeCancelJobRequest(_ jobID: String, reason: String = "") -> Int {
    begin()
    let message = Proto.CancelJobRequest(in: arena)
    message.jobID = arena.copy(jobID)
    message.reason = arena.copy(reason)
    return finish(message)
  }

  public func encodeRetryJobRequest(_ jobID: String, resetAttempts: Bool) -> Int {
    begin()
    let message = Proto.RetryJobRequest(in: arena)
    message.jobID = arena.copy(jobID)
    message.resetAttempts = resetAttempts
    return finish(message)
  }

  /// - Parameter pageToken: of the last response; nil or empty for the first page. `query.before` is not looked at.
  public func encodeListJobsRequest(_ query: JobQuery, pageToken: String = "") -> Int {
    begin()
    let message = Proto.ListJobsRequest(in: arena)
    message.queue = arena.copy(query.queue)
    let states = query.states.map(\.rawValue).sorted()
    message.states = enums(states, Gkick__V1__JobState.init(rawValue:))
    message.name = arena.copy(query.name)
    message.batchID = arena.copy(query.batchID)
    message.concurrencyKey = arena.copy(query.concurrencyKey)
    message.fairnessKey = arena.copy(query.fairnessKey)
    message.recurringJobID = arena.copy(query.recurringJobID)
    message.pageSize = UInt32(clamping: query.limit)
    message.pageToken = arena.copy(pageToken)
    return finish(message)
  }

  public func encodeStreamEventsRequest(_ request: EventsRequest) -> Int {
    begin()
    let message = Proto.StreamEventsRequest(in: arena)
    message.afterCursor = arena.copy(request.after.map { String($0) } ?? "")
    message.queues = texts(request.queues)
    message.names = texts(request.names)
    message.jobIDs = texts(request.jobIDs)
    let kinds = request.kinds.map(\.rawValue).sorted()
    message.types = enums(kinds, Gkick__V1__EventType.init(rawValue:))
    message.batchID = arena.copy(request.batchID)
    return finish(message)
  }

  func enums<Raw>(_ values: [UInt8], _ make: (UInt32) -> Raw) -> ValueList<Raw> {
    arena.values(values.count) { make(UInt32(values[$0])) }
  }
}
