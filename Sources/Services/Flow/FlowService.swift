import Engine
import Jobs
import RPC
import Wire

extension Services {
  /// Batches are JobService's, limits and recurring jobs AdminService's.
  static func registerFlow(into methods: inout MethodTable, host: EngineHost) {
    registerBatches(into: &methods, host: host)
    registerLimits(into: &methods, host: host)
    registerRecurring(into: &methods, host: host)
  }

  private static func registerBatches(into methods: inout MethodTable, host: EngineHost) {
    let service = "/gkick.v1.JobService/"
    methods.unary(service + "PutBatch", host: host) { desk, request throws(Status) in
      let terms = try request.decode(desk.codec.decodePutBatchRequest)
      for (job, field) in [(terms.onFinished, "on_finished.queue"), (terms.onSucceeded, "on_succeeded.queue")] {
        try request.call.mayUse(job?.queue ?? "", as: field)
      }
      try FlowCall(call: request.call, "batch \(terms.id)").start(desk, .putBatch(terms)) { $0.batchID = terms.id }
    }
    methods.unary(service + "GetBatch", host: host) { desk, request throws(Status) in
      let id = try request.decode(desk.codec.decodeGetBatchRequest)
      try FlowCall(call: request.call, "batch \(id)").start(desk, .batch(id))
    }
    methods.unary(service + "ListBatches", host: host) { desk, request throws(Status) in
      let asked = try request.decode(desk.codec.decodeListBatchesRequest)
      try FlowCall(call: request.call, "batch").start(
        desk, .batches(unfinishedOnly: asked.unfinishedOnly, before: asked.before, limit: asked.limit))
    }
    methods.stream(service + "CancelBatch", .unary, host: host) { desk, call in
      CancelBatchCall(call: call, desk: desk)
    }
  }

  private static func registerLimits(into methods: inout MethodTable, host: EngineHost) {
    let service = "/gkick.v1.AdminService/"
    methods.unary(service + "PutLimit", host: host) { desk, request throws(Status) in
      let limit = try request.decode(desk.codec.decodePutLimitRequest)
      try request.call.mayLimit(limit.scope)
      try FlowCall(call: request.call, "limit of \(limit.scope)").start(desk, .putLimit(limit)) { audit in
        if case .queue(let name) = limit.scope { audit.queue = name }
      }
    }
    methods.unary(service + "DeleteLimit", host: host) { desk, request throws(Status) in
      let scope = try request.decode(desk.codec.decodeDeleteLimitRequest)
      try request.call.mayLimit(scope)
      try FlowCall(call: request.call, "limit of \(scope)").start(desk, .deleteLimit(scope)) { audit in
        if case .queue(let name) = scope { audit.queue = name }
      }
    }
    methods.unary(service + "ListLimits", host: host) { desk, request throws(Status) in
      let asked = try request.decode(desk.codec.decodeListLimitsRequest)
      try FlowCall(call: request.call, "limit").start(desk, .limits(after: asked.after, limit: asked.limit))
    }
  }

  private static func registerRecurring(into methods: inout MethodTable, host: EngineHost) {
    let service = "/gkick.v1.AdminService/"
    methods.unary(service + "PutRecurringJob", host: host) { desk, request throws(Status) in
      let job = try request.decode { (bytes) throws(WireError) in
        try desk.codec.decodePutRecurringJobRequest(bytes, now: desk.now)
      }
      try request.call.mayUse(job.job.queue, as: "job.queue")
      try FlowCall(call: request.call, "recurring job \(job.id)").start(desk, .putRecurring(job)) {
        $0.queue = job.job.queue
      }
    }
    methods.unary(service + "ListRecurringJobs", host: host) { desk, request throws(Status) in
      let asked = try request.decode(desk.codec.decodeListRecurringJobsRequest)
      try FlowCall(call: request.call, "recurring job").start(
        desk, .recurring(after: asked.after, limit: asked.limit, bytes: 3_500_000))
    }
    methods.unary(service + "DeleteRecurringJob", host: host) { desk, request throws(Status) in
      let id = try request.decode(desk.codec.decodeRecurringIDRequest)
      try FlowCall(call: request.call, "recurring job \(id)").start(desk, .deleteRecurring(id)) { _ in }
    }
    methods.unary(service + "TriggerRecurringJob", host: host) { desk, request throws(Status) in
      let id = try request.decode(desk.codec.decodeRecurringIDRequest)
      try FlowCall(call: request.call, "recurring job \(id)").start(desk, .triggerRecurring(id)) { _ in }
    }
    methods.unary(service + "PreviewRecurringJob", host: host) { desk, request throws(Status) in
      let asked = try request.decode { (bytes) throws(WireError) in
        try desk.codec.decodePreviewRequest(bytes, now: desk.now)
      }
      var times: [Timestamp] = []
      var time = asked.after
      // As if it were put then.
      while times.count < asked.count, let next = asked.schedule.next(after: time, anchor: asked.after) {
        times.append(next)
        time = next
      }
      request.call.reply(desk.codec, desk.codec.encodePreviewResponse(times))
    }
  }
}
