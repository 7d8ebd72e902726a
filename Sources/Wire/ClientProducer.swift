import CProtobufC
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
    let message = unsafe arena.make(gkick__v1__enqueue_request__init)
    unsafe message.pointee.job = spec(job)
    unsafe message.pointee.durability = Gkick__V1__Durability(
      rawValue: UInt32(durability?.rawValue ?? 0))
    return unsafe finish(message)
  }

  public func encodeScheduleRequest(_ order: JobOrder, _ durability: Durability? = nil) -> Int {
    begin()
    return unsafe finish(self.order(order, durability))
  }

  public func encodeEnqueueBatchRequest(
    _ orders: [JobOrder], allOrNothing: Bool = false, _ durability: Durability? = nil
  ) -> Int {
    begin()
    let message = unsafe arena.make(gkick__v1__enqueue_batch_request__init)
    unsafe message.pointee.n_jobs = orders.count
    unsafe message.pointee.jobs = arena.array(orders.count) { unsafe order(orders[$0], nil) }
    unsafe message.pointee.all_or_nothing = allOrNothing ? 1 : 0
    unsafe message.pointee.durability = Gkick__V1__Durability(
      rawValue: UInt32(durability?.rawValue ?? 0))
    return unsafe finish(message)
  }

  private func order(
    _ order: JobOrder, _ durability: Durability?
  ) -> UnsafeMutablePointer<Gkick__V1__ScheduleRequest> {
    let message = unsafe arena.make(gkick__v1__schedule_request__init)
    unsafe message.pointee.job = spec(order.job)
    switch order.time {
    case .at(let time):
      unsafe message.pointee.when_case = GKICK__V1__SCHEDULE_REQUEST__WHEN_RUN_AT
      unsafe message.pointee.run_at = timestamp(time)
    case .after(let delay):
      unsafe message.pointee.when_case = GKICK__V1__SCHEDULE_REQUEST__WHEN_DELAY
      unsafe message.pointee.delay = duration(delay)
    case nil: break
    }
    unsafe message.pointee.durability = Gkick__V1__Durability(
      rawValue: UInt32(durability?.rawValue ?? 0))
    return unsafe message
  }

  public func decodeEnqueueResponse(_ bytes: RawSpan) throws(WireError) -> JobReceipt {
    let message = unsafe try open(bytes, gkick__v1__enqueue_response__unpack)
    return JobReceipt(
      jobID: unsafe try text(message.pointee.job_id, "job_id", max: .max),
      duplicate: unsafe message.pointee.duplicate != 0,
      state: unsafe try choice(message.pointee.state.rawValue, "state", as: JobState.self),
      durability: unsafe try choice(
        message.pointee.durability.rawValue, "durability", as: Durability.self))
  }

  public func decodeScheduleResponse(_ bytes: RawSpan) throws(WireError) -> JobReceipt {
    let message = unsafe try open(bytes, gkick__v1__schedule_response__unpack)
    return JobReceipt(
      jobID: unsafe try text(message.pointee.job_id, "job_id", max: .max),
      duplicate: unsafe message.pointee.duplicate != 0,
      state: unsafe try choice(message.pointee.state.rawValue, "state", as: JobState.self),
      runAt: unsafe try timestamp(message.pointee.run_at, "run_at"),
      durability: unsafe try choice(
        message.pointee.durability.rawValue, "durability", as: Durability.self))
  }

  public func decodeEnqueueBatchResponse(_ bytes: RawSpan) throws(WireError) -> [BatchResult] {
    let message = unsafe try open(bytes, gkick__v1__enqueue_batch_response__unpack)
    var results: [BatchResult] = []
    for index in 0..<(unsafe message.pointee.n_results) {
      // There are n_results of them, and none is nil.
      let result = unsafe message.pointee.results[index]!
      results.append(
        BatchResult(
          jobID: unsafe try text(result.pointee.job_id, "job_id", max: .max),
          duplicate: unsafe result.pointee.duplicate != 0,
          state: unsafe try choice(result.pointee.state.rawValue, "state", as: JobState.self),
          statusCode: unsafe result.pointee.status_code,
          statusMessage: unsafe try text(result.pointee.status_message, "status_message", max: .max)
        ))
    }
    return results
  }

  /// GetJob, WaitJob, DeleteJob and ExplainJob ask alike.
  public func encodeJobIDRequest(_ jobID: String) -> Int {
    begin()
    let message = unsafe arena.make(gkick__v1__get_job_request__init)
    unsafe message.pointee.job_id = arena.copy(jobID)
    return unsafe finish(message)
  }

  public func encodeCancelJobRequest(_ jobID: String, reason: String = "") -> Int {
    begin()
    let message = unsafe arena.make(gkick__v1__cancel_job_request__init)
    unsafe message.pointee.job_id = arena.copy(jobID)
    unsafe message.pointee.reason = arena.copy(reason)
    return unsafe finish(message)
  }

  public func encodeRetryJobRequest(_ jobID: String, resetAttempts: Bool) -> Int {
    begin()
    let message = unsafe arena.make(gkick__v1__retry_job_request__init)
    unsafe message.pointee.job_id = arena.copy(jobID)
    unsafe message.pointee.reset_attempts = resetAttempts ? 1 : 0
    return unsafe finish(message)
  }

  /// - Parameter pageToken: of the last response; nil or empty for the first page. `query.before` is not looked at.
  public func encodeListJobsRequest(_ query: JobQuery, pageToken: String = "") -> Int {
    begin()
    let message = unsafe arena.make(gkick__v1__list_jobs_request__init)
    unsafe message.pointee.queue = arena.copy(query.queue)
    let states = query.states.map(\.rawValue).sorted()
    unsafe message.pointee.n_states = states.count
    unsafe message.pointee.states = enums(states, Gkick__V1__JobState.init(rawValue:))
    unsafe message.pointee.name = arena.copy(query.name)
    unsafe message.pointee.batch_id = arena.copy(query.batchID)
    unsafe message.pointee.concurrency_key = arena.copy(query.concurrencyKey)
    unsafe message.pointee.fairness_key = arena.copy(query.fairnessKey)
    unsafe message.pointee.recurring_job_id = arena.copy(query.recurringJobID)
    unsafe message.pointee.page_size = UInt32(clamping: query.limit)
    unsafe message.pointee.page_token = arena.copy(pageToken)
    return unsafe finish(message)
  }

  public func encodeStreamEventsRequest(_ request: EventsRequest) -> Int {
    begin()
    let message = unsafe arena.make(gkick__v1__stream_events_request__init)
    unsafe message.pointee.after_cursor = arena.copy(request.after.map { String($0) } ?? "")
    unsafe message.pointee.n_queues = request.queues.count
    unsafe message.pointee.queues = texts(request.queues)
    unsafe message.pointee.n_names = request.names.count
    unsafe message.pointee.names = texts(request.names)
    unsafe message.pointee.n_job_ids = request.jobIDs.count
    unsafe message.pointee.job_ids = texts(request.jobIDs)
    let kinds = request.kinds.map(\.rawValue).sorted()
    unsafe message.pointee.n_types = kinds.count
    unsafe message.pointee.types = enums(kinds, Gkick__V1__EventType.init(rawValue:))
    unsafe message.pointee.batch_id = arena.copy(request.batchID)
    return unsafe finish(message)
  }

  func enums<Raw>(_ values: [UInt8], _ make: (UInt32) -> Raw) -> UnsafeMutablePointer<Raw> {
    // Every place is filled.
    let array = unsafe arena.allocate(values.count * MemoryLayout<Raw>.stride).assumingMemoryBound(
      to: Raw.self)
    for (index, value) in values.enumerated() {
      unsafe (array + index).initialize(to: make(UInt32(value)))
    }
    return unsafe array
  }
}
