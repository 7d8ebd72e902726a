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
      try AdminCall(call: request.call, limit: limit).start(desk) { .queuePage(query, $0) }
    }
    for (method, isPause) in [("PauseQueue", true), ("ResumeQueue", false)] {
      methods.unary(service + method, host: host) { desk, request throws(Status) in
        let queue = try request.decode(desk.codec.decodeQueueRequest)
        try AdminCall(call: request.call).start(desk) { .pause(queue: queue, isPause, $0) }
      }
    }
    methods.unary(service + "DeleteQueue", host: host) { desk, request throws(Status) in
      let queue = try request.decode(desk.codec.decodeQueueRequest)
      try AdminCall(call: request.call, about: "queue \(queue)").start(desk) { .deleteQueue(queue, $0) }
    }
    methods.unary(service + "PurgeQueue", host: host) { desk, request throws(Status) in
      let sweep = try request.decode(desk.codec.decodePurgeQueueRequest)
      try AdminCall(call: request.call).start(desk) { .sweep(sweep, $0) }
    }
    methods.unary(service + "RetryJobs", host: host) { desk, request throws(Status) in
      let sweep = try request.decode(desk.codec.decodeRetryJobsRequest)
      try AdminCall(call: request.call).start(desk) { .sweep(sweep, $0) }
    }
    methods.unary(service + "ListWorkers", host: host) { desk, request throws(Status) in
      var query = try request.decode(desk.codec.decodeListWorkersRequest)
      let limit = query.limit
      query.limit += 1
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
      try AdminCall(call: request.call, about: "worker \(worker)").start(desk) { .drainWorker(id: worker, $0) }
    }
  }
}

extension Request {
  fileprivate func decodeEmpty(_ desk: LoopDesk) throws(Status) {
    try decode(desk.codec.decodeEmptyRequest)
  }
}
