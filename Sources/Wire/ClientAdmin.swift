import CProtobufC
import GKickProtos
public import Jobs

/// What GetServerInfo answers.
public struct ServerDescription: Hashable, Sendable {
  public var id = ""
  public var version = ""
  public var store = ""
  public var startedAt: Timestamp?

  public init() {}
}

/// AdminService as an operator sees it: requests encoded, responses decoded. Texts must not contain NUL.
extension Codec {
  /// The requests without fields.
  public func encodeEmptyRequest() -> Int {
    begin()
    return unsafe finish(arena.make(gkick__v1__get_server_info_request__init))
  }

  /// - Parameter pageToken: of the last response; empty for the first page.
  public func encodeListQueuesRequest(prefix: String = "", pageSize: UInt32 = 0, pageToken: String = "") -> Int {
    begin()
    let message = unsafe arena.make(gkick__v1__list_queues_request__init)
    unsafe message.pointee.prefix = arena.copy(prefix)
    unsafe message.pointee.page_size = pageSize
    unsafe message.pointee.page_token = arena.copy(pageToken)
    return unsafe finish(message)
  }

  /// - Parameter queue: only workers that take from it; empty: all.
  public func encodeListWorkersRequest(queue: String = "", pageSize: UInt32 = 0, pageToken: String = "") -> Int {
    begin()
    let message = unsafe arena.make(gkick__v1__list_workers_request__init)
    unsafe message.pointee.queue = arena.copy(queue)
    unsafe message.pointee.page_size = pageSize
    unsafe message.pointee.page_token = arena.copy(pageToken)
    return unsafe finish(message)
  }

  public func encodeChangeJobsRequest(_ change: BulkChange) -> Int {
    begin()
    let message = unsafe arena.make(gkick__v1__change_jobs_request__init)
    switch change.action {
    case .count: unsafe message.pointee.action = GKICK__V1__BULK_ACTION__BULK_ACTION_COUNT
    case .retry(let resetAttempts):
      unsafe message.pointee.action = GKICK__V1__BULK_ACTION__BULK_ACTION_RETRY
      unsafe message.pointee.reset_attempts = resetAttempts ? 1 : 0
    case .cancel(let reason):
      unsafe message.pointee.action = GKICK__V1__BULK_ACTION__BULK_ACTION_CANCEL
      unsafe message.pointee.reason = arena.copy(reason)
    case .delete: unsafe message.pointee.action = GKICK__V1__BULK_ACTION__BULK_ACTION_DELETE
    }
    let states = change.query.states.map(\.rawValue).sorted()
    unsafe message.pointee.n_states = states.count
    unsafe message.pointee.states = enums(states, Gkick__V1__JobState.init(rawValue:))
    unsafe message.pointee.queue = arena.copy(change.query.queue)
    unsafe message.pointee.name = arena.copy(change.query.name)
    unsafe message.pointee.batch_id = arena.copy(change.query.batchID)
    unsafe message.pointee.concurrency_key = arena.copy(change.query.concurrencyKey)
    unsafe message.pointee.created_before = timestamp(change.query.createdBefore)
    return unsafe finish(message)
  }

  /// PauseQueue, ResumeQueue and DeleteQueue.
  public func encodeQueueRequest(_ queue: String) -> Int {
    begin()
    let message = unsafe arena.make(gkick__v1__pause_queue_request__init)
    unsafe message.pointee.queue = arena.copy(queue)
    return unsafe finish(message)
  }

  public func encodePurgeQueueRequest(_ queue: String, states: Set<JobState>) -> Int {
    begin()
    let message = unsafe arena.make(gkick__v1__purge_queue_request__init)
    unsafe message.pointee.queue = arena.copy(queue)
    let states = states.map(\.rawValue).sorted()
    unsafe message.pointee.n_states = states.count
    unsafe message.pointee.states = enums(states, Gkick__V1__JobState.init(rawValue:))
    return unsafe finish(message)
  }

  public func encodeRetryJobsRequest(
    _ queue: String, states: Set<JobState>, name: String, resetAttempts: Bool
  ) -> Int {
    begin()
    let message = unsafe arena.make(gkick__v1__retry_jobs_request__init)
    unsafe message.pointee.queue = arena.copy(queue)
    let states = states.map(\.rawValue).sorted()
    unsafe message.pointee.n_states = states.count
    unsafe message.pointee.states = enums(states, Gkick__V1__JobState.init(rawValue:))
    unsafe message.pointee.name = arena.copy(name)
    unsafe message.pointee.reset_attempts = resetAttempts ? 1 : 0
    return unsafe finish(message)
  }

  public func encodeDrainWorkerRequest(_ worker: String) -> Int {
    begin()
    let message = unsafe arena.make(gkick__v1__drain_worker_request__init)
    unsafe message.pointee.worker_id = arena.copy(worker)
    return unsafe finish(message)
  }

  /// PurgeQueue, RetryJobs and ChangeJobs answer alike.
  public func decodeCountResponse(_ bytes: RawSpan) throws(WireError) -> UInt64 {
    unsafe try open(bytes, gkick__v1__purge_queue_response__unpack).pointee.deleted
  }

  public func decodeServerInfo(_ bytes: RawSpan) throws(WireError) -> ServerDescription {
    let message = unsafe try open(bytes, gkick__v1__get_server_info_response__unpack)
    var info = ServerDescription()
    info.id = unsafe try text(message.pointee.server_id, "server_id", max: .max)
    info.version = unsafe try text(message.pointee.version, "version", max: .max)
    info.store = unsafe try text(message.pointee.store, "store", max: .max)
    info.startedAt = unsafe try timestamp(message.pointee.started_at, "started_at")
    return info
  }

  public func decodeServers(_ bytes: RawSpan) throws(WireError) -> [ServerView] {
    let message = unsafe try open(bytes, gkick__v1__list_servers_response__unpack)
    var servers: [ServerView] = []
    for index in 0..<(unsafe message.pointee.n_servers) {
      // There are n_servers of them, and none is nil.
      let server = unsafe message.pointee.servers[index]!
      servers.append(
        ServerView(
          serverID: unsafe try text(server.pointee.server_id, "servers.server_id", max: .max),
          address: unsafe try text(server.pointee.address, "servers.address", max: .max),
          version: unsafe try text(server.pointee.version, "servers.version", max: .max),
          leads: unsafe server.pointee.leads != 0,
          startedAt: unsafe try timestamp(server.pointee.started_at, "servers.started_at") ?? .distantPast,
          lastSeenAt: unsafe try timestamp(server.pointee.last_seen_at, "servers.last_seen_at") ?? .distantPast,
          workers: unsafe server.pointee.workers))
    }
    return servers
  }

  /// Page by page: `next` is empty after the last one.
  public func decodeQueues(_ bytes: RawSpan) throws(WireError) -> (queues: [QueueView], next: String) {
    let message = unsafe try open(bytes, gkick__v1__list_queues_response__unpack)
    var queues: [QueueView] = []
    for index in 0..<(unsafe message.pointee.n_queues) {
      // There are n_queues of them, and none is nil.
      let queue = unsafe message.pointee.queues[index]!
      var figures = QueueStatistics(name: unsafe try text(queue.pointee.name, "queues.name", max: .max))
      figures.paused = unsafe queue.pointee.paused != 0
      figures.ready = unsafe queue.pointee.ready
      figures.scheduled = unsafe queue.pointee.scheduled
      figures.running = unsafe queue.pointee.running
      figures.dead = unsafe queue.pointee.dead
      figures.blocked = unsafe queue.pointee.blocked
      figures.succeededTotal = unsafe queue.pointee.succeeded_total
      figures.failedTotal = unsafe queue.pointee.failed_total
      queues.append(
        QueueView(
          statistics: figures,
          oldestReadyAge: unsafe try interval(queue.pointee.oldest_ready_age, "queues.oldest_ready_age"),
          workers: unsafe queue.pointee.workers))
    }
    return (queues, unsafe try text(message.pointee.next_page_token, "next_page_token", max: .max))
  }

  /// The same of workers.
  public func decodeWorkers(_ bytes: RawSpan) throws(WireError) -> (workers: [WorkerView], next: String) {
    let message = unsafe try open(bytes, gkick__v1__list_workers_response__unpack)
    var workers: [WorkerView] = []
    for index in 0..<(unsafe message.pointee.n_workers) {
      // There are n_workers of them, and none is nil.
      let worker = unsafe message.pointee.workers[index]!
      var labels: [String: String] = [:]
      for index in 0..<(unsafe worker.pointee.n_labels) {
        let entry = unsafe worker.pointee.labels[index]!
        let key = unsafe try text(entry.pointee.key, "workers.labels", max: .max)
        labels[key] = unsafe try text(entry.pointee.value, "workers.labels", max: .max)
      }
      workers.append(
        WorkerView(
          workerID: unsafe try text(worker.pointee.worker_id, "workers.worker_id", max: .max),
          serverID: unsafe try text(worker.pointee.server_id, "workers.server_id", max: .max),
          queues: unsafe try texts(
            worker.pointee.queues, worker.pointee.n_queues, "workers.queues", max: .max, each: .max),
          names: unsafe try texts(
            worker.pointee.names, worker.pointee.n_names, "workers.names", max: .max, each: .max),
          maxInFlight: unsafe worker.pointee.max_in_flight, running: unsafe worker.pointee.running,
          lostTotal: unsafe worker.pointee.lost_total, succeededTotal: unsafe worker.pointee.succeeded_total,
          failedTotal: unsafe worker.pointee.failed_total, draining: unsafe worker.pointee.draining != 0,
          connectedAt: unsafe try timestamp(worker.pointee.connected_at, "workers.connected_at") ?? .distantPast,
          lastSeenAt: unsafe try timestamp(worker.pointee.last_seen_at, "workers.last_seen_at") ?? .distantPast,
          address: unsafe try text(worker.pointee.address, "workers.address", max: .max), labels: labels))
    }
    return (workers, unsafe try text(message.pointee.next_page_token, "next_page_token", max: .max))
  }
}
