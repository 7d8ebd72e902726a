import CProtobufC
import GKickProtos
public import Jobs

/// The lists of AdminService, as the server shows them.
extension Codec {
  /// One page, of as many as fit into a message.
  /// - Parameter limit: of the page; one more says that there is another.
  public func encodeQueues(_ found: [QueueView], limit: Int) -> Int {
    begin()
    let queues = Codec.page(found, limit: limit) { $0.messageSize }
    let message = unsafe arena.make(gkick__v1__list_queues_response__init)
    if queues.count < found.count, let last = queues.last {
      unsafe message.pointee.next_page_token = arena.copy(Codec.tokenMark + last.statistics.name)
    }
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

  /// The same of workers.
  public func encodeWorkers(_ found: [WorkerView], limit: Int) -> Int {
    begin()
    let workers = Codec.page(found, limit: limit) { $0.messageSize }
    let message = unsafe arena.make(gkick__v1__list_workers_response__init)
    if workers.count < found.count, let last = workers.last {
      unsafe message.pointee.next_page_token = arena.copy(Codec.tokenMark + last.workerID)
    }
    unsafe message.pointee.n_workers = workers.count
    unsafe message.pointee.workers = arena.array(workers.count) {
      unsafe worker(workers[$0])
    }
    return unsafe finish(message)
  }

  /// As many as fit into an answer, one at least.
  static func page<Element>(_ found: [Element], limit: Int, size: (Element) -> Int) -> ArraySlice<Element> {
    var room = MessageSize.answer
    var count = 0
    for element in found.prefix(limit) {
      room -= size(element)
      if room < 0, count > 0 { break }
      count += 1
    }
    return found.prefix(count)
  }

  public func encodeServers(_ servers: [ServerView]) -> Int {
    begin()
    let message = unsafe arena.make(gkick__v1__list_servers_response__init)
    unsafe message.pointee.n_servers = servers.count
    unsafe message.pointee.servers = arena.array(servers.count) { index in
      let view = servers[index]
      let server = unsafe arena.make(gkick__v1__server__init)
      unsafe server.pointee.server_id = arena.copy(view.serverID)
      unsafe server.pointee.address = arena.copy(view.address)
      unsafe server.pointee.version = arena.copy(view.version)
      unsafe server.pointee.leads = view.leads ? 1 : 0
      unsafe server.pointee.started_at = timestamp(view.startedAt)
      unsafe server.pointee.last_seen_at = timestamp(view.lastSeenAt)
      unsafe server.pointee.workers = view.workers
      return unsafe server
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
