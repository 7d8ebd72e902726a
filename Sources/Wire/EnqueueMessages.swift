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
    let message = try open(bytes, as: Proto.EnqueueRequest.self)
    let durability = try durability(message.durability)
    return (try newJob(message.job, runAt: nil), durability)
  }

  /// - Parameter now: what a delay is counted from.
  public func decodeScheduleRequest(
    _ bytes: RawSpan, now: Timestamp
  ) throws(WireError) -> (NewJob, Durability?) {
    let message = try open(bytes, as: Proto.ScheduleRequest.self)
    let durability = try durability(message.durability)
    guard let runAt = try runAt(message, now: now) else {
      throw WireError("when", "run_at or delay is required")
    }
    return (try newJob(message.job, runAt: runAt), durability)
  }

  public func decodeEnqueueBatchRequest(
    _ bytes: RawSpan, now: Timestamp
  ) throws(WireError) -> BatchRequest {
    let message = try open(bytes, as: Proto.EnqueueBatchRequest.self)
    let entries = message.jobs
    guard entries.count <= Bounds.batch else { throw WireError("jobs", "at most \(Bounds.batch)") }
    var request = BatchRequest(
      entries: [], allOrNothing: message.allOrNothing,
      durability: try durability(message.durability))
    request.entries.reserveCapacity(entries.count)
    for entry in entries {
      do throws(WireError) {
        let time = try runAt(entry, now: now)
        request.entries.append(.job(try newJob(entry.job, runAt: time)))
      } catch {
        request.entries.append(.refused(error))
      }
    }
    return request
  }

  private func runAt(
    _ message: Proto.ScheduleRequest, now: Timestamp
  ) throws(WireError) -> Timestamp? {
    // The case says which member of the union holds.
    switch message.whenCase {
    case GKICK__V1__SCHEDULE_REQUEST__WHEN_RUN_AT:
      try timestamp(message.runAt, "run_at")
    case GKICK__V1__SCHEDULE_REQUEST__WHEN_DELAY:
      try interval(message.delay, "delay").map { now + $0 }
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
    let message = Proto.ScheduleResponse(in: arena)
    message.jobID = arena.copy(jobID)
    message.duplicate = duplicate
    message.state = Gkick__V1__JobState(rawValue: UInt32(state.rawValue))
    message.runAt = timestamp(runAt)
    message.durability = Gkick__V1__Durability(rawValue: UInt32(durability.rawValue))
    return finish(message)
  }

  public func encodeEnqueueBatchResponse(_ results: [BatchResult]) -> Int {
    begin()
    let message = Proto.EnqueueBatchResponse(in: arena)
    message.results = arena.array(results.count) { index in
      let result = Proto.EnqueueResult(in: arena)
      result.jobID = arena.copy(results[index].jobID)
      result.duplicate = results[index].duplicate
      result.state = Gkick__V1__JobState(rawValue: UInt32(results[index].state?.rawValue ?? 0))
      result.statusCode = results[index].statusCode
      result.statusMessage = arena.copy(results[index].statusMessage)
      return result
    }
    return finish(message)
  }
}
