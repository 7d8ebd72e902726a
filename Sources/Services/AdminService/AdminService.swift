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
      try request.decodeEmpty(desk)
      try AdminCall(call: request.call).start(desk) { .queues($0) }
    }
    for (method, isPause) in [("PauseQueue", true), ("ResumeQueue", false)] {
      methods.unary(service + method, host: host) { desk, request throws(Status) in
        let queue = try request.decode(desk.codec.decodeQueueRequest)
        try AdminCall(call: request.call).start(desk) { .pause(queue: queue, isPause, $0) }
      }
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
      try request.decodeEmpty(desk)
      try AdminCall(call: request.call).start(desk) { .workers($0) }
    }
    methods.unary(service + "DrainWorker", host: host) { desk, request throws(Status) in
      let worker = try request.decode(desk.codec.decodeDrainWorkerRequest)
      try AdminCall(call: request.call, workerID: worker).start(desk) { .drainWorker(id: worker, $0) }
    }
    for method in [
      "PutRecurringJob", "ListRecurringJobs", "DeleteRecurringJob", "TriggerRecurringJob", "PutLimit", "ListLimits",
      "DeleteLimit",
    ] {
      methods.unary(service + method) { call, _ in
        call.finish(Status(.unimplemented, "\(method) is not supported by this server yet"))
      }
    }
  }
}

extension Request {
  fileprivate func decodeEmpty(_ desk: LoopDesk) throws(Status) {
    try decode(desk.codec.decodeEmptyRequest)
  }
}
