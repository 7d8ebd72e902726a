import CProtobufC
import GKickProtos
public import Jobs

/// What a watcher asks for. Each empty list: all.
public struct EventsRequest: Hashable, Sendable {
  /// nil: from now on; 0: from the oldest stored.
  public var after: Int64?
  public var queues: [String] = []
  public var names: [String] = []
  public var jobIDs: [String] = []
  public var kinds: Set<Event.Kind> = []
  public var batchID = ""

  public init(after: Int64? = nil) { self.after = after }
}

extension Codec {
  public func decodeStreamEventsRequest(_ bytes: RawSpan) throws(WireError) -> EventsRequest {
    let message = unsafe try open(bytes, gkick__v1__stream_events_request__unpack)
    var request = EventsRequest()
    let cursor = unsafe try text(message.pointee.after_cursor, "after_cursor", max: 32)
    if !cursor.isEmpty {
      guard let after = Codec.number(cursor) else {
        throw WireError("after_cursor", "not one that this server gave")
      }
      request.after = after
    }
    request.queues = unsafe try texts(
      message.pointee.queues, message.pointee.n_queues, "queues", max: Bounds.filter)
    request.names = unsafe try texts(
      message.pointee.names, message.pointee.n_names, "names", max: Bounds.filter)
    request.jobIDs = unsafe try texts(
      message.pointee.job_ids, message.pointee.n_job_ids, "job_ids", max: Bounds.filter)
    request.kinds = unsafe try choices(
      message.pointee.types, message.pointee.n_types, "types", as: Event.Kind.self)
    request.batchID = unsafe try text(message.pointee.batch_id, "batch_id", max: Bounds.id)
    return request
  }

  /// Of `events` as many from `start` on as fit into a message of about `size` bytes, at least one; the response's cursor
  /// is the last one's, or `cursor` when these are the last of `events`.
  /// - Returns: the message's size and where to go on in `events`.
  public func encodeStreamEventsResponse(
    _ events: [Event], from start: Int, cursor: Int64, size limit: Int
  ) -> (size: Int, next: Int) {
    begin()
    var end = start
    var estimate = 0
    while end < events.count, end == start || estimate < limit {
      estimate += Codec.estimatedSize(events[end])
      end += 1
    }
    let message = unsafe arena.make(gkick__v1__stream_events_response__init)
    unsafe message.pointee.n_events = end - start
    unsafe message.pointee.events = arena.array(end - start) { unsafe event(events[start + $0]) }
    unsafe message.pointee.cursor = arena.copy(
      String(end < events.count ? events[end - 1].cursor : cursor))
    return (unsafe finish(message), end)
  }

  private static func estimatedSize(_ event: Event) -> Int {
    let detail =
      switch event.detail {
      case .failure(let failure), .retry(let failure, _):
        failure.type.utf8.count + failure.message.utf8.count + failure.backtrace.utf8.count + 160
      case .progress(let progress): progress.message.utf8.count
      case .audit(let principal, let call): principal.utf8.count + call.utf8.count
      case .none, .due: 0
      }
    return 100 + event.jobID.utf8.count + event.queue.utf8.count + event.name.utf8.count
      + event.workerID.utf8.count
      + event.batchID.utf8.count + detail
  }

  private func event(_ event: Event) -> UnsafeMutablePointer<Gkick__V1__Event> {
    let message = unsafe arena.make(gkick__v1__event__init)
    unsafe message.pointee.cursor = arena.copy(String(event.cursor))
    unsafe message.pointee.type = Gkick__V1__EventType(rawValue: UInt32(event.kind.rawValue))
    unsafe message.pointee.at = timestamp(event.at)
    unsafe message.pointee.job_id = arena.copy(event.jobID)
    unsafe message.pointee.queue = arena.copy(event.queue)
    unsafe message.pointee.name = arena.copy(event.name)
    unsafe message.pointee.attempt = event.attempt
    unsafe message.pointee.worker_id = arena.copy(event.workerID)
    unsafe message.pointee.batch_id = arena.copy(event.batchID)
    switch event.detail {
    case .none: break
    case .failure(let given): unsafe message.pointee.failure = failure(given)
    case .retry(let given, let next):
      unsafe message.pointee.failure = failure(given)
      unsafe message.pointee.next_run_at = timestamp(next)
    case .progress(let given): unsafe message.pointee.progress = progress(given)
    case .due(let time): unsafe message.pointee.next_run_at = timestamp(time)
    case .audit(let principal, let call):
      unsafe message.pointee.principal = arena.copy(principal)
      unsafe message.pointee.call = arena.copy(call)
    }
    return unsafe message
  }
}
