import Engine
import Jobs
import RPC
import Wire

extension Services {
  static func registerAdminService(
    into methods: inout MethodTable, host: EngineHost, configuration: ServicesConfiguration
  ) {
    let service = "/gkick.v1.AdminService/"
    methods.unary(service + "GetServerInfo", host: host) { desk, request throws(Status) in
      try request.decodeEmpty(desk)
      request.call.reply(
        desk.codec,
        desk.codec.encodeServerInfo(
          id: configuration.serverID, version: configuration.version, store: configuration.storeKind,
          startedAt: configuration.startedAt))
    }
    methods.unary(service + "ListQueues", host: host) { desk, request throws(Status) in
      var query = try request.decode(desk.codec.decodeListQueuesRequest)
      let limit = query.limit
      query.limit += 1
      query.scope = request.call.scope
      try AdminCall(call: request.call, limit: limit).start(desk) { .queuePage(query, $0) }
    }
    for (method, isPause) in [("PauseQueue", true), ("ResumeQueue", false)] {
      methods.unary(service + method, host: host) { desk, request throws(Status) in
        let queue = try request.decode(desk.codec.decodeQueueRequest)
        try request.call.mayUse(queue)
        try AdminCall(call: request.call).start(desk) { route in
          request.call.audited(.pause(queue: queue, isPause, route), route, "queue \(queue)") { $0.queue = queue }
        }
      }
    }
    methods.unary(service + "DeleteQueue", host: host) { desk, request throws(Status) in
      let queue = try request.decode(desk.codec.decodeQueueRequest)
      try request.call.mayUse(queue)
      try AdminCall(call: request.call, about: "queue \(queue)").start(desk) { route in
        request.call.audited(.deleteQueue(queue, route), route, "queue \(queue)") { $0.queue = queue }
      }
    }
    methods.unary(service + "PurgeQueue", host: host) { desk, request throws(Status) in
      try desk.sweep(try request.decode(desk.codec.decodePurgeQueueRequest), request.call)
    }
    methods.unary(service + "RetryJobs", host: host) { desk, request throws(Status) in
      try desk.sweep(try request.decode(desk.codec.decodeRetryJobsRequest), request.call)
    }
    methods.unary(service + "ListWorkers", host: host) { desk, request throws(Status) in
      var query = try request.decode(desk.codec.decodeListWorkersRequest)
      let limit = query.limit
      query.limit += 1
      try request.call.mayUse(query.queue)
      query.scope = request.call.scope
      try AdminCall(call: request.call, limit: limit).start(desk) { .workerPage(query, $0) }
    }
    methods.stream(service + "ChangeJobs", .unary, host: host) { desk, call in BulkCall(call: call, desk: desk) }
    methods.unary(service + "ListServers", host: host) { desk, request throws(Status) in
      try request.decodeEmpty(desk)
      let server = ServerView(
        serverID: configuration.serverID, address: configuration.address, version: configuration.version, leads: true,
        startedAt: configuration.startedAt, lastSeenAt: EngineHost.wallClock(),
        workers: UInt32(clamping: host.sessions.load(ordering: .relaxed)))
      request.call.reply(desk.codec, desk.codec.encodeServers([server]))
    }
    methods.unary(service + "DrainWorker", host: host) { desk, request throws(Status) in
      let worker = try request.decode(desk.codec.decodeDrainWorkerRequest)
      try AdminCall(call: request.call, about: "worker \(worker)").start(desk) { route in
        let command = Command.drainWorker(id: worker, within: request.call.scope, route)
        return request.call.audited(command, route, "worker \(worker)") { $0.workerID = worker }
      }
    }
  }
}

extension LoopDesk {
  /// What is changed in one queue, in slices.
  fileprivate func sweep(_ sweep: Sweep, _ call: ServerCall) throws(Status) {
    var sweep = sweep
    let queue = sweep.query.queue
    try call.mayUse(queue)
    sweep.query.scope = call.scope
    try AdminCall(call: call).start(self) { route in
      call.audited(.sweep(sweep, route), route, queue.isEmpty ? "all queues" : "queue \(queue)") { $0.queue = queue }
    }
  }
}

extension Request {
  fileprivate func decodeEmpty(_ desk: LoopDesk) throws(Status) {
    try decode(desk.codec.decodeEmptyRequest)
  }
}
