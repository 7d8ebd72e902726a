import Engine
import Jobs
import RPC
import Wire

extension Services {
  static func registerJobService(into methods: inout MethodTable, host: EngineHost) {
    let service = "/gkick.v1.JobService/"
    methods.unary(service + "Enqueue", host: host) { desk, request throws(Status) in try desk.enqueue(request) }
    methods.unary(service + "Schedule", host: host) { desk, request throws(Status) in try desk.schedule(request) }
    methods.unary(service + "EnqueueBatch", host: host) { desk, request throws(Status) in
      let batch = try request.decode { (bytes) throws(WireError) in
        try desk.codec.decodeEnqueueBatchRequest(bytes, now: desk.now)
      }
      BatchCall(call: request.call).start(BatchPlan(batch, of: request.call), desk: desk)
    }
    methods.stream(service + "EnqueueStream", .bidirectionalStreaming, host: host) { desk, call in
      EnqueueStream(call: call, desk: desk)
    }
    methods.unary(service + "GetJob", host: host) { desk, request throws(Status) in
      try JobCall(call: request.call, purpose: .show).start(try request.jobID(desk), desk: desk)
    }
    methods.unary(service + "ExplainJob", host: host) { desk, request throws(Status) in
      try JobCall(call: request.call, purpose: .explain).start(try request.jobID(desk), desk: desk)
    }
    methods.stream(service + "ListJobs", .unary, host: host) { desk, call in ListCall(call: call, desk: desk) }
    methods.stream(service + "WaitJob", .unary, host: host) { desk, call in JobWaiter(call: call, desk: desk) }
    methods.unary(service + "CancelJob", host: host) { desk, request throws(Status) in
      let (id, reason) = try request.decode(desk.codec.decodeCancelJobRequest)
      try ControlCall(call: request.call, jobID: id, verb: .cancel).start(
        .cancel(jobID: id, reason: reason), desk: desk)
    }
    methods.unary(service + "RetryJob", host: host) { desk, request throws(Status) in
      let (id, reset) = try request.decode(desk.codec.decodeRetryJobRequest)
      try ControlCall(call: request.call, jobID: id, verb: .retry)
        .start(.retry(jobID: id, resetAttempts: reset), desk: desk)
    }
    methods.unary(service + "DeleteJob", host: host) { desk, request throws(Status) in
      let id = try request.jobID(desk)
      try ControlCall(call: request.call, jobID: id, verb: .delete).start(.delete(jobID: id), desk: desk)
    }
    methods.stream(service + "StreamEvents", .serverStreaming, host: host) { desk, call in
      EventWatcher(call: call, desk: desk)
    }
  }
}

extension Request {
  fileprivate func jobID(_ desk: LoopDesk) throws(Status) -> String {
    try decode(desk.codec.decodeJobIDRequest)
  }
}
