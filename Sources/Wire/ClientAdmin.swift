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
    return finish(Proto.GetServerInfoRequest(in: arena))
  }

  /// - Parameter pageToken: of the last response; empty for the first page.
  public func encodeListQueuesRequest(prefix: String = "", pageSize: UInt32 = 0, pageToken: String = "") -> Int {
    begin()
    let message = Proto.ListQueuesRequest(in: arena)
    message.prefix = arena.copy(prefix)
    message.pageSize = pageSize
    message.pageToken = arena.copy(pageToken)
    return finish(message)
  }

  /// - Parameter queue: only workers that take from it; empty: all.
  public func encodeListWorkersRequest(queue: String = "", pageSize: UInt32 = 0, pageToken: String = "") -> Int {
    begin()
    let message = Proto.ListWorkersRequest(in: arena)
    message.queue = arena.copy(queue)
    message.pageSize = pageSize
    message.pageToken = arena.copy(pageToken)
    return finish(message)
  }

  public func encodeChangeJobsRequest(_ change: BulkChange) -> Int {
    begin()
    let message = Proto.ChangeJobsRequest(in: arena)
    switch change.action {
    case .count: message.action = GKICK__V1__BULK_ACTION__BULK_ACTION_COUNT
    case .retry(let resetAttempts):
      message.action = GKICK__V1__BULK_ACTION__BULK_ACTION_RETRY
      message.resetAttempts = resetAttempts
    case .cancel(let reason):
      message.action = GKICK__V1__BULK_ACTION__BULK_ACTION_CANCEL
      message.reason = arena.copy(reason)
    case .delete: message.action = GKICK__V1__BULK_ACTION__BULK_ACTION_DELETE
    }
    let states = change.query.states.map(\.rawValue).sorted()
    message.states = enums(states, Gkick__V1__JobState.init(rawValue:))
    message.queue = arena.copy(change.query.queue)
    message.name = arena.copy(change.query.name)
    message.batchID = arena.copy(change.query.batchID)
    message.concurrencyKey = arena.copy(change.query.concurrencyKey)
    message.createdBefore = timestamp(change.query.createdBefore)
    return finish(message)
  }

  /// PauseQueue, ResumeQueue and DeleteQueue.
  public func encodeQueueRequest(_ queue: String) -> Int {
    begin()
    let message = Proto.PauseQueueRequest(in: arena)
    message.queue = arena.copy(queue)
    return finish(message)
  }

  public func encodePurgeQueueRequest(_ queue: String, states: Set<JobState>) -> Int {
    begin()
    let message = Proto.PurgeQueueRequest(in: arena)
    message.queue = arena.copy(queue)
    let states = states.map(\.rawValue).sorted()
    message.states = enums(states, Gkick__V1__JobState.init(rawValue:))
    return finish(message)
  }

  public func encodeRetryJobsRequest(
    _ queue: String, states: Set<JobState>, name: String, resetAttempts: Bool
  ) -> Int {
    begin()
    let message = Proto.RetryJobsRequest(in: arena)
    message.queue = arena.copy(queue)
    let states = states.map(\.rawValue).sorted()
    message.states = enums(states, Gkick__V1__JobState.init(rawValue:))
    message.name = arena.copy(name)
    message.resetAttempts = resetAttempts
    return finish(message)
  }

  public func encodeDrainWorkerRequest(_ worker: String) -> Int {
    begin()
    let message = Proto.DrainWorkerRequest(in: arena)
    message.workerID = arena.copy(worker)
    return finish(message)
  }

  /// PurgeQueue, RetryJobs and ChangeJobs answer alike.
  public func decodeCountResponse(_ bytes: RawSpan) throws(WireError) -> UInt64 {
    try open(bytes, as: Proto.PurgeQueueResponse.self).deleted
  }

  public func decodeServerInfo(_ bytes: RawSpan) throws(WireError) -> ServerDescription {
    let message = try open(bytes, as: Proto.GetServerInfoResponse.self)
    var info = ServerDescription()
    info.id = try text(message.serverID, "server_id", max: .max)
    info.version = try text(message.version, "version", max: .max)
    info.store = try text(message.store, "store", max: .max)
    info.startedAt = try timestamp(message.startedAt, "started_at")
    return info
  }

  public func decodeServers(_ bytes: RawSpan) throws(WireError) -> [ServerView] {
    let message = try open(bytes, as: Proto.ListServersResponse.self)
    var servers: [ServerView] = []
    for server in message.servers {
      servers.append(
        ServerView(
          serverID: try text(server.serverID, "servers.server_id", max: .max),
          address: try text(server.address, "servers.address", max: .max),
          version: try text(server.version, "servers.version", max: .max),
          leads: server.leads,
          startedAt: try timestamp(server.startedAt, "servers.started_at") ?? .distantPast,
          lastSeenAt: try timestamp(server.lastSeenAt, "servers.last_seen_at") ?? .distantPast,
          workers: server.workers))
    }
    return servers
  }

  /// Page by page: `next` is empty after the last one.
  public func decodeQueues(_ bytes: RawSpan) throws(WireError) -> (queues: [QueueView], next: String) {
    let message = try open(bytes, as: Proto.ListQueuesResponse.self)
    var queues: [QueueView] = []
    for queue in message.queues {
      var figures = QueueStatistics(name: try text(queue.name, "queues.name", max: .max))
      figures.paused = queue.paused
      figures.ready = queue.ready
      figures.scheduled = queue.scheduled
      figures.running = queue.running
      figures.dead = queue.dead
      figures.blocked = queue.blocked
      figures.succeededTotal = queue.succeededTotal
      figures.failedTotal = queue.failedTotal
      queues.append(
        QueueView(
          statistics: figures,
          oldestReadyAge: try interval(queue.oldestReadyAge, "queues.oldest_ready_age"),
          workers: queue.workers))
    }
    return (queues, try text(message.nextPageToken, "next_page_token", max: .max))
  }

  /// The same of workers.
  public func decodeWorkers(_ bytes: RawSpan) throws(WireError) -> (workers: [WorkerView], next: String) {
    let message = try open(bytes, as: Proto.ListWorkersResponse.self)
    var workers: [WorkerView] = []
    for worker in message.workers {
      var labels: [String: String] = [:]
      for entry in worker.labels {
        let key = try text(entry.key, "workers.labels", max: .max)
        labels[key] = try text(entry.value, "workers.labels", max: .max)
      }
      workers.append(
        WorkerView(
          workerID: try text(worker.workerID, "workers.worker_id", max: .max),
          serverID: try text(worker.serverID, "workers.server_id", max: .max),
          queues: try texts(worker.queues, "workers.queues", max: .max, each: .max),
          names: try texts(worker.names, "workers.names", max: .max, each: .max),
          maxInFlight: worker.maxInFlight, running: worker.running,
          lostTotal: worker.lostTotal, succeededTotal: worker.succeededTotal,
          failedTotal: worker.failedTotal, draining: worker.draining,
          connectedAt: try timestamp(worker.connectedAt, "workers.connected_at") ?? .distantPast,
          lastSeenAt: try timestamp(worker.lastSeenAt, "workers.last_seen_at") ?? .distantPast,
          address: try text(worker.address, "workers.address", max: .max), labels: labels))
    }
    return (workers, try text(message.nextPageToken, "next_page_token", max: .max))
  }
}
