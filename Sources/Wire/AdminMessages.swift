import CProtobufC
import GKickProtos
public import Jobs

/// AdminService, as the server sees it.
extension Codec {
  /// PauseQueue and ResumeQueue.
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

  /// PurgeQueue and RetryJobs answer alike.
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

  public func encodeQueues(_ queues: [QueueView]) -> Int {
    begin()
    let message = unsafe arena.make(gkick__v1__list_queues_response__init)
    unsafe message.pointee.n_queues = queues.count
    unsafe message.pointee.queues = arena.array(queues.count) { index in
      let view = queues[index]
      let queue = unsafe arena.make(gkick__v1__queue__init)
      unsafe queue.pointee.name = arena.copy(view.statistics.name)
      unsafe queue.pointee.paused = view.statistics.paused ? 1 : 0
      unsafe queue.pointee.ready = view.statistics.ready
      unsafe queue.pointee.scheduled = view.statistics.scheduled
      unsafe queue.pointee.running = view.statistics.running
      unsafe queue.pointee.dead = view.statistics.dead
      unsafe queue.pointee.blocked = view.statistics.blocked
      unsafe queue.pointee.succeeded_total = view.statistics.succeededTotal
      unsafe queue.pointee.failed_total = view.statistics.failedTotal
      unsafe queue.pointee.oldest_ready_age = duration(view.oldestReadyAge)
      unsafe queue.pointee.workers = view.workers
      return unsafe queue
    }
    return unsafe finish(message)
  }

  public func encodeWorkers(_ workers: [WorkerView]) -> Int {
    begin()
    let message = unsafe arena.make(gkick__v1__list_workers_response__init)
    unsafe message.pointee.n_workers = workers.count
    unsafe message.pointee.workers = arena.array(workers.count) {
      unsafe worker(workers[$0])
    }
    return unsafe finish(message)
  }

  private func worker(_ view: WorkerView) -> UnsafeMutablePointer<Gkick__V1__Worker> {
    let worker = unsafe arena.make(gkick__v1__worker__init)
    unsafe worker.pointee.worker_id = arena.copy(view.workerID)
    unsafe worker.pointee.server_id = arena.copy(view.serverID)
    unsafe worker.pointee.n_queues = view.queues.count
    unsafe worker.pointee.queues = texts(view.queues)
    unsafe worker.pointee.n_names = view.names.count
    unsafe worker.pointee.names = texts(view.names)
    unsafe worker.pointee.max_in_flight = view.maxInFlight
    unsafe worker.pointee.running = view.running
    unsafe worker.pointee.lost_total = view.lostTotal
    unsafe worker.pointee.draining = view.draining ? 1 : 0
    unsafe worker.pointee.connected_at = timestamp(view.connectedAt)
    unsafe worker.pointee.last_seen_at = timestamp(view.lastSeenAt)
    unsafe worker.pointee.address = arena.copy(view.address)
    let labels = view.labels.sorted { $0.key < $1.key }
    unsafe worker.pointee.n_labels = labels.count
    unsafe worker.pointee.labels = arena.array(labels.count) { index in
      let entry = unsafe arena.make(gkick__v1__worker__labels_entry__init)
      unsafe entry.pointee.key = arena.copy(labels[index].key)
      unsafe entry.pointee.value = arena.copy(labels[index].value)
      return unsafe entry
    }
    unsafe worker.pointee.succeeded_total = view.succeededTotal
    unsafe worker.pointee.failed_total = view.failedTotal
    return unsafe worker
  }
}
