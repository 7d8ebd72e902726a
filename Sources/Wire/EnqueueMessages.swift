import CProtobufC
import GKickProtos
public import Jobs

/// One job of a batch: to be stored, or why not.
public enum BatchEntry: Sendable {
  case job(NewJob)
  case refused(WireError)
}

public struct BatchRequest: Sendable {
  /// At most 1,000.
  public var entries: [BatchEntry]
  public var allOrNothing: Bool
  public var durability: Durability?
}

/// One `EnqueueResult` of a batch's response.
public struct BatchResult: Hashable, Sendable {
  public var jobID: String
  public var duplicate: Bool
  public var state: JobState?
  /// A gRPC status code; 0: stored.
  public var statusCode: Int32
  public var statusMessage: String

  public init(
    jobID: String = "", duplicate: Bool = false, state: JobState? = nil, statusCode: Int32 = 0,
    statusMessage: String = ""
  ) {
    self.jobID = jobID
    self.duplicate = duplicate
    self.state = state
    self.statusCode = statusCode
    self.statusMessage = statusMessage
  }
}

/// Enqueue, Schedule, EnqueueBatch and EnqueueStream, as the server sees them.
extension Codec {
  public func decodeEnqueueRequest(_ bytes: RawSpan) throws(WireError) -> (NewJob, Durability?) {
    let message = unsafe try open(bytes, gkick__v1__enqueue_request__unpack)
    let durability = unsafe try durability(message.pointee.durability)
    return (unsafe try newJob(message.pointee.job, runAt: nil), durability)
  }

  /// - Parameter now: what a delay is counted from.
  public func decodeScheduleRequest(
    _ bytes: RawSpan, now: Timestamp
  ) throws(WireError) -> (NewJob, Durability?) {
    let message = unsafe try open(bytes, gkick__v1__schedule_request__unpack)
    let durability = unsafe try durability(message.pointee.durability)
    guard let runAt = unsafe try runAt(message, now: now) else {
      throw WireError("when", "run_at or delay is required")
    }
    return (unsafe try newJob(message.pointee.job, runAt: runAt), durability)
  }

  public func decodeEnqueueBatchRequest(
    _ bytes: RawSpan, now: Timestamp
  ) throws(WireError) -> BatchRequest {
    let message = unsafe try open(bytes, gkick__v1__enqueue_batch_request__unpack)
    let count = unsafe message.pointee.n_jobs
    guard count <= Bounds.batch else { throw WireError("jobs", "at most \(Bounds.batch)") }
    var request = BatchRequest(
      entries: [], allOrNothing: unsafe message.pointee.all_or_nothing != 0,
      durability: unsafe try durability(message.pointee.durability))
    request.entries.reserveCapacity(count)
    for index in 0..<count {
      do throws(WireError) {
        // There are n_jobs of them, and none is nil.
        let entry = unsafe message.pointee.jobs[index]!
        let runAt = unsafe try runAt(entry, now: now)
        request.entries.append(.job(unsafe try newJob(entry.pointee.job, runAt: runAt)))
      } catch {
        request.entries.append(.refused(error))
      }
    }
    return request
  }

  private func runAt(
    _ message: UnsafeMutablePointer<Gkick__V1__ScheduleRequest>, now: Timestamp
  ) throws(WireError) -> Timestamp? {
    // The case says which member of the union holds.
    switch unsafe message.pointee.when_case {
    case GKICK__V1__SCHEDULE_REQUEST__WHEN_RUN_AT:
      unsafe try timestamp(message.pointee.run_at, "run_at")
    case GKICK__V1__SCHEDULE_REQUEST__WHEN_DELAY:
      unsafe try interval(message.pointee.delay, "delay").map { now + $0 }
    default: nil
    }
  }

  private func durability(_ raw: Gkick__V1__Durability) throws(WireError) -> Durability? {
    try choice(raw.rawValue, "durability", as: Durability.self)
  }

  public func encodeEnqueueResponse(
    jobID: String, duplicate: Bool, state: JobState, durability: Durability
  ) -> Int {
    write { message in
      message.text(1, jobID)
      message.scalar(2, duplicate ? 1 : 0)
      message.scalar(3, UInt64(state.rawValue))
      message.scalar(4, UInt64(durability.rawValue))
    }
  }

  public func encodeScheduleResponse(
    jobID: String, duplicate: Bool, state: JobState, runAt: Timestamp, durability: Durability
  ) -> Int {
    begin()
    let message = unsafe arena.make(gkick__v1__schedule_response__init)
    unsafe message.pointee.job_id = arena.copy(jobID)
    unsafe message.pointee.duplicate = duplicate ? 1 : 0
    unsafe message.pointee.state = Gkick__V1__JobState(rawValue: UInt32(state.rawValue))
    unsafe message.pointee.run_at = timestamp(runAt)
    unsafe message.pointee.durability = Gkick__V1__Durability(rawValue: UInt32(durability.rawValue))
    return unsafe finish(message)
  }

  public func encodeEnqueueBatchResponse(_ results: [BatchResult]) -> Int {
    begin()
    let message = unsafe arena.make(gkick__v1__enqueue_batch_response__init)
    unsafe message.pointee.n_results = results.count
    unsafe message.pointee.results = arena.array(results.count) { index in
      let result = unsafe arena.make(gkick__v1__enqueue_result__init)
      unsafe result.pointee.job_id = arena.copy(results[index].jobID)
      unsafe result.pointee.duplicate = results[index].duplicate ? 1 : 0
      unsafe result.pointee.state = Gkick__V1__JobState(
        rawValue: UInt32(results[index].state?.rawValue ?? 0))
      unsafe result.pointee.status_code = results[index].statusCode
      unsafe result.pointee.status_message = arena.copy(results[index].statusMessage)
      return unsafe result
    }
    return unsafe finish(message)
  }
}
