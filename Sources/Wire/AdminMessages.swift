import CProtobufC
import GKickProtos
public import Jobs

/// AdminService, as the server sees it.
extension Codec {
  /// PauseQueue, ResumeQueue and DeleteQueue.
  public func decodeQueueRequest(_ bytes: RawSpan) throws(WireError) -> String {
    let message = unsafe try open(bytes, gkick__v1__pause_queue_request__unpack)
    return unsafe try required(message.pointee.queue, "queue")
  }

  public func decodePurgeQueueRequest(_ bytes: RawSpan) throws(WireError) -> Sweep {
    let message = unsafe try open(bytes, gkick__v1__purge_queue_request__unpack)
    let queue = unsafe try required(message.pointee.queue, "queue")
    var states = unsafe try choices(
      message.pointee.states, message.pointee.n_states, "states", as: JobState.self)
    guard !states.contains(.running) else {
      throw WireError("states", "running jobs are not purged")
    }
    if states.isEmpty { states = Set(JobState.allCases).subtracting([.running]) }
    return Sweep(action: .delete, queue: queue, states: states)
  }

  public func decodeRetryJobsRequest(_ bytes: RawSpan) throws(WireError) -> Sweep {
    let message = unsafe try open(bytes, gkick__v1__retry_jobs_request__unpack)
    let queue = unsafe try required(message.pointee.queue, "queue")
    var states = unsafe try choices(
      message.pointee.states, message.pointee.n_states, "states", as: JobState.self)
    guard states.isSubset(of: [.dead, .canceled, .expired, .retrying]) else {
      throw WireError("states", "only DEAD, CANCELED, EXPIRED and RETRYING jobs are retried")
    }
    if states.isEmpty { states = [.dead] }
    return Sweep(
      action: .retry(resetAttempts: unsafe message.pointee.reset_attempts != 0), queue: queue,
      states: states,
      name: unsafe try text(message.pointee.name, "name", max: Bounds.name))
  }

  public func decodeChangeJobsRequest(_ bytes: RawSpan) throws(WireError) -> BulkChange {
    let message = unsafe try open(bytes, gkick__v1__change_jobs_request__unpack)
    let reason = unsafe try text(message.pointee.reason, "reason", max: Bounds.reason)
    var query = JobQuery()
    query.states = unsafe try choices(
      message.pointee.states, message.pointee.n_states, "states", as: JobState.self)
    query.queue = unsafe try identifier(message.pointee.queue, "queue")
    query.name = unsafe try text(message.pointee.name, "name", max: Bounds.name)
    query.batchID = unsafe try identifier(message.pointee.batch_id, "batch_id")
    query.concurrencyKey = unsafe try text(message.pointee.concurrency_key, "concurrency_key", max: Bounds.key)
    query.createdBefore = unsafe try timestamp(message.pointee.created_before, "created_before")
    let action: BulkChange.Action
    // An unknown value is refused like none.
    switch unsafe message.pointee.action {
    case GKICK__V1__BULK_ACTION__BULK_ACTION_COUNT: action = .count
    case GKICK__V1__BULK_ACTION__BULK_ACTION_RETRY:
      action = .retry(resetAttempts: unsafe message.pointee.reset_attempts != 0)
    case GKICK__V1__BULK_ACTION__BULK_ACTION_CANCEL: action = .cancel(reason: reason)
    case GKICK__V1__BULK_ACTION__BULK_ACTION_DELETE: action = .delete
    default: throw WireError("action", "COUNT, RETRY, CANCEL or DELETE")
    }
    return BulkChange(action: action, query: query)
  }

  public func decodeListQueuesRequest(_ bytes: RawSpan) throws(WireError) -> QueueQuery {
    let message = unsafe try open(bytes, gkick__v1__list_queues_request__unpack)
    return QueueQuery(
      prefix: unsafe try identifier(message.pointee.prefix, "prefix"),
      after: unsafe try pageToken(message.pointee.page_token),
      limit: unsafe Codec.pageSize(message.pointee.page_size, default: 1_000, most: Bounds.queuePage))
  }

  public func decodeListWorkersRequest(_ bytes: RawSpan) throws(WireError) -> WorkerQuery {
    let message = unsafe try open(bytes, gkick__v1__list_workers_request__unpack)
    return WorkerQuery(
      queue: unsafe try identifier(message.pointee.queue, "queue"),
      after: unsafe try pageToken(message.pointee.page_token),
      limit: unsafe Codec.pageSize(message.pointee.page_size, default: 100, most: Bounds.page))
  }

  /// A list by name or id goes on after the last one shown: that, behind this mark.
  static let tokenMark = ">"

  func pageToken(_ field: UnsafeMutablePointer<CChar>?) throws(WireError) -> String {
    let token = unsafe try text(field, "page_token", max: Bounds.key + 1)
    guard token.isEmpty || token.hasPrefix(Codec.tokenMark) else {
      throw WireError("page_token", "not one that this server gave")
    }
    return String(token.dropFirst())
  }

  public func decodeDrainWorkerRequest(_ bytes: RawSpan) throws(WireError) -> String {
    let message = unsafe try open(bytes, gkick__v1__drain_worker_request__unpack)
    let worker = unsafe try text(message.pointee.worker_id, "worker_id", max: Bounds.id)
    guard !worker.isEmpty else { throw WireError("worker_id", "required") }
    return worker
  }

  /// The requests without fields: only that the bytes are a message at all.
  public func decodeEmptyRequest(_ bytes: RawSpan) throws(WireError) {
    _ = unsafe try open(bytes, gkick__v1__get_server_info_request__unpack)
  }

  public func encodeEmptyResponse() -> Int {
    begin()
    return unsafe finish(arena.make(gkick__v1__pause_queue_response__init))
  }

  /// PurgeQueue, RetryJobs and ChangeJobs answer alike.
  public func encodeCountResponse(_ count: UInt64) -> Int {
    begin()
    let message = unsafe arena.make(gkick__v1__purge_queue_response__init)
    unsafe message.pointee.deleted = count
    return unsafe finish(message)
  }

  public func encodeServerInfo(id: String, version: String, store: String, startedAt: Timestamp)
    -> Int
  {
    begin()
    let message = unsafe arena.make(gkick__v1__get_server_info_response__init)
    unsafe message.pointee.server_id = arena.copy(id)
    unsafe message.pointee.version = arena.copy(version)
    unsafe message.pointee.store = arena.copy(store)
    unsafe message.pointee.started_at = timestamp(startedAt)
    return unsafe finish(message)
  }

}
