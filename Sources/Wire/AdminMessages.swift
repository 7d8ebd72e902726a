import GKickProtos
public import Jobs

/// AdminService, as the server sees it.
extension Codec {
  /// PauseQueue, ResumeQueue and DeleteQueue.
  public func decodeQueueRequest(_ bytes: RawSpan) throws(WireError) -> String {
    let message = try open(bytes, as: Proto.PauseQueueRequest.self)
    return try required(message.queue, "queue")
  }

  public func decodePurgeQueueRequest(_ bytes: RawSpan) throws(WireError) -> Sweep {
    let message = try open(bytes, as: Proto.PurgeQueueRequest.self)
    let queue = try required(message.queue, "queue")
    var states = try choices(message.states, "states", as: JobState.self)
    guard !states.contains(.running) else {
      throw WireError("states", "running jobs are not purged")
    }
    if states.isEmpty { states = Set(JobState.allCases).subtracting([.running]) }
    return Sweep(action: .delete, queue: queue, states: states)
  }

  public func decodeRetryJobsRequest(_ bytes: RawSpan) throws(WireError) -> Sweep {
    let message = try open(bytes, as: Proto.RetryJobsRequest.self)
    let queue = try identifier(message.queue, "queue")
    var states = try choices(message.states, "states", as: JobState.self)
    guard states.isSubset(of: [.dead, .canceled, .expired, .retrying]) else {
      throw WireError("states", "only DEAD, CANCELED, EXPIRED and RETRYING jobs are retried")
    }
    if states.isEmpty { states = [.dead] }
    return Sweep(
      action: .retry(resetAttempts: message.resetAttempts), queue: queue,
      states: states,
      name: try text(message.name, "name", max: Bounds.name))
  }

  public func decodeChangeJobsRequest(_ bytes: RawSpan) throws(WireError) -> BulkChange {
    let message = try open(bytes, as: Proto.ChangeJobsRequest.self)
    let reason = try text(message.reason, "reason", max: Bounds.reason)
    var query = JobQuery()
    query.states = try choices(message.states, "states", as: JobState.self)
    query.queue = try identifier(message.queue, "queue")
    query.name = try text(message.name, "name", max: Bounds.name)
    query.batchID = try identifier(message.batchID, "batch_id")
    query.concurrencyKey = try text(message.concurrencyKey, "concurrency_key", max: Bounds.key)
    query.createdBefore = try timestamp(message.createdBefore, "created_before")
    let action: BulkChange.Action
    // An unknown value is refused like none.
    switch message.action {
    case GKICK__V1__BULK_ACTION__BULK_ACTION_COUNT: action = .count
    case GKICK__V1__BULK_ACTION__BULK_ACTION_RETRY:
      action = .retry(resetAttempts: message.resetAttempts)
    case GKICK__V1__BULK_ACTION__BULK_ACTION_CANCEL: action = .cancel(reason: reason)
    case GKICK__V1__BULK_ACTION__BULK_ACTION_DELETE: action = .delete
    default: throw WireError("action", "COUNT, RETRY, CANCEL or DELETE")
    }
    return BulkChange(action: action, query: query)
  }

  public func decodeListQueuesRequest(_ bytes: RawSpan) throws(WireError) -> QueueQuery {
    let message = try open(bytes, as: Proto.ListQueuesRequest.self)
    return QueueQuery(
      prefix: try identifier(message.prefix, "prefix"),
      after: try pageToken(message.pageToken),
      limit: Codec.pageSize(message.pageSize, default: 1_000, most: Bounds.queuePage))
  }

  public func decodeListWorkersRequest(_ bytes: RawSpan) throws(WireError) -> WorkerQuery {
    let message = try open(bytes, as: Proto.ListWorkersRequest.self)
    return WorkerQuery(
      queue: try identifier(message.queue, "queue"),
      after: try pageToken(message.pageToken),
      limit: Codec.pageSize(message.pageSize, default: 100, most: Bounds.page))
  }

  /// A list by name or id goes on after the last one shown: that, behind this mark.
  static let tokenMark = ">"

  func pageToken(_ field: TextView) throws(WireError) -> String {
    let token = try text(field, "page_token", max: Bounds.key + 1)
    guard token.isEmpty || token.hasPrefix(Codec.tokenMark) else {
      throw WireError("page_token", "not one that this server gave")
    }
    return String(token.dropFirst())
  }

  public func decodeDrainWorkerRequest(_ bytes: RawSpan) throws(WireError) -> String {
    let message = try open(bytes, as: Proto.DrainWorkerRequest.self)
    let worker = try text(message.workerID, "worker_id", max: Bounds.id)
    guard !worker.isEmpty else { throw WireError("worker_id", "required") }
    return worker
  }

  /// The requests without fields: only that the bytes are a message at all.
  public func decodeEmptyRequest(_ bytes: RawSpan) throws(WireError) {
    _ = try open(bytes, as: Proto.GetServerInfoRequest.self)
  }

  public func encodeEmptyResponse() -> Int {
    begin()
    return finish(Proto.PauseQueueResponse(in: arena))
  }

  /// PurgeQueue, RetryJobs and ChangeJobs answer alike.
  public func encodeCountResponse(_ count: UInt64) -> Int {
    begin()
    let message = Proto.PurgeQueueResponse(in: arena)
    message.deleted = count
    return finish(message)
  }

  public func encodeServerInfo(id: String, version: String, store: String, startedAt: Timestamp)
    -> Int
  {
    begin()
    let message = Proto.GetServerInfoResponse(in: arena)
    message.serverID = arena.copy(id)
    message.version = arena.copy(version)
    message.store = arena.copy(store)
    message.startedAt = timestamp(startedAt)
    return finish(message)
  }

}
