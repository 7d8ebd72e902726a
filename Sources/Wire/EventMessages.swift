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
    let message = try open(bytes, as: Proto.StreamEventsRequest.self)
    var request = EventsRequest()
    let cursor = try text(message.afterCursor, "after_cursor", max: 32)
    if !cursor.isEmpty {
      guard let after = Codec.number(cursor) else {
        throw WireError("after_cursor", "not one that this server gave")
      }
      request.after = after
    }
    request.queues = try texts(message.queues, "queues", max: Bounds.filter)
    request.names = try texts(message.names, "names", max: Bounds.filter)
    request.jobIDs = try texts(message.jobIDs, "job_ids", max: Bounds.filter)
    request.kinds = try choices(message.types, "types", as: Event.Kind.self)
    request.batchID = try text(message.batchID, "batch_id", max: Bounds.id)
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
    let message = Proto.StreamEventsResponse(in: arena)
    message.events = arena.array(end - start) { event(events[start + $0]) }
    message.cursor = arena.copy(
      String(end < events.count ? events[end - 1].cursor : cursor))
    return (finish(message), end)
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

  private func event(_ event: Event) -> Proto.Event {
    let message = Proto.Event(in: arena)
    message.cursor = arena.copy(String(event.cursor))
    message.type = Gkick__V1__EventType(rawValue: UInt32(event.kind.rawValue))
    message.at = timestamp(event.at)
    message.jobID = arena.copy(event.jobID)
    message.queue = arena.copy(event.queue)
    message.name = arena.copy(event.name)
    message.attempt = event.attempt
    message.workerID = arena.copy(event.workerID)
    message.batchID = arena.copy(event.batchID)
    switch event.detail {
    case .none: break
    case .failure(let given): message.failure = failure(given)
    case .retry(let given, let next):
      message.failure = failure(given)
      message.nextRunAt = timestamp(next)
    case .progress(let given): message.progress = progress(given)
    case .due(let time): message.nextRunAt = timestamp(time)
    case .audit(let principal, let call):
      message.principal = arena.copy(principal)
      message.call = arena.copy(call)
    }
    return message
  }
}
