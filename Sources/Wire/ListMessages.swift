public import Jobs

/// The lists of AdminService, as the server shows them.
extension Codec {
  /// One page, of as many as fit into a message.
  /// - Parameter limit: of the page; one more says that there is another.
  public func encodeQueues(_ found: [QueueView], limit: Int) -> Int {
    begin()
    let queues = Codec.page(found, limit: limit) { $0.messageSize }
    let message = Proto.ListQueuesResponse(in: arena)
    if queues.count < found.count, let last = queues.last {
      message.nextPageToken = arena.copy(Codec.tokenMark + last.statistics.name)
    }
    message.queues = arena.array(queues.count) { index in
      let view = queues[index]
      let queue = Proto.Queue(in: arena)
      queue.name = arena.copy(view.statistics.name)
      queue.paused = view.statistics.paused
      queue.ready = view.statistics.ready
      queue.scheduled = view.statistics.scheduled
      queue.running = view.statistics.running
      queue.dead = view.statistics.dead
      queue.blocked = view.statistics.blocked
      queue.succeededTotal = view.statistics.succeededTotal
      queue.failedTotal = view.statistics.failedTotal
      queue.oldestReadyAge = duration(view.oldestReadyAge)
      queue.workers = view.workers
      return queue
    }
    return finish(message)
  }

  /// The same of workers.
  public func encodeWorkers(_ found: [WorkerView], limit: Int) -> Int {
    begin()
    let workers = Codec.page(found, limit: limit) { $0.messageSize }
    let message = Proto.ListWorkersResponse(in: arena)
    if workers.count < found.count, let last = workers.last {
      message.nextPageToken = arena.copy(Codec.tokenMark + last.workerID)
    }
    message.workers = arena.array(workers.count) {
      worker(workers[$0])
    }
    return finish(message)
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
    let message = Proto.ListServersResponse(in: arena)
    message.servers = arena.array(servers.count) { index in
      let view = servers[index]
      let server = Proto.Server(in: arena)
      server.serverID = arena.copy(view.serverID)
      server.address = arena.copy(view.address)
      server.version = arena.copy(view.version)
      server.leads = view.leads
      server.startedAt = timestamp(view.startedAt)
      server.lastSeenAt = timestamp(view.lastSeenAt)
      server.workers = view.workers
      return server
    }
    return finish(message)
  }

  private func worker(_ view: WorkerView) -> Proto.Worker {
    let worker = Proto.Worker(in: arena)
    worker.workerID = arena.copy(view.workerID)
    worker.serverID = arena.copy(view.serverID)
    worker.queues = texts(view.queues)
    worker.names = texts(view.names)
    worker.maxInFlight = view.maxInFlight
    worker.running = view.running
    worker.lostTotal = view.lostTotal
    worker.draining = view.draining
    worker.connectedAt = timestamp(view.connectedAt)
    worker.lastSeenAt = timestamp(view.lastSeenAt)
    worker.address = arena.copy(view.address)
    let labels = view.labels.sorted { $0.key < $1.key }
    worker.labels = arena.array(labels.count) { index in
      let entry = Proto.WorkerLabelsEntry(in: arena)
      entry.key = arena.copy(labels[index].key)
      entry.value = arena.copy(labels[index].value)
      return entry
    }
    worker.succeededTotal = view.succeededTotal
    worker.failedTotal = view.failedTotal
    return worker
  }
}
