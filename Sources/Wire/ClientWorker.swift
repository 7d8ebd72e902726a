import CProtobufC
import GKickProtos
public import Jobs

/// One job given to a worker, `gkick.v1.Assignment`.
public struct Assignment: Hashable, Sendable {
  public var lease: Lease
  public var attempt: UInt32 = 1
  public var queue = ""
  public var name = ""
  public var payload: [UInt8] = []
  public var contentType = ""
  public var metadata: [String: String] = [:]
  public var createdAt: Timestamp?
  public var deadline: Timestamp?
  public var maxAttempts: UInt32 = 0
  public var priority: Int32 = 0
  /// Their results: `GetJob`.
  public var dependsOn: [String] = []
  public var batchID = ""

  public init(lease: Lease) { self.lease = lease }
}

public struct WelcomeInfo: Hashable, Sendable {
  public var workerID = ""
  public var serverID = ""
  public var serverVersion = ""
  public var lease = Interval.zero
  public var heartbeat = Interval.zero
  public var lost: [Lease] = []

  public init() {}
}

/// What became of an outcome or an extension. 0: stored; 9 (FAILED_PRECONDITION): no longer held.
public struct OutcomeStatus: Hashable, Sendable {
  public var lease: Lease
  public var statusCode: Int32
  public var statusMessage: String
}

public struct CancellationInfo: Hashable, Sendable {
  public var lease: Lease
  /// "canceled", "timeout", "lease lost".
  public var reason: String
}

/// What a server says on a Work stream.
public struct WorkResponseInfo: Hashable, Sendable {
  public var seq: UInt64 = 0
  public var welcome: WelcomeInfo?
  public var jobs: [Assignment] = []
  public var results: [OutcomeStatus] = []
  public var cancellations: [CancellationInfo] = []
  public var drain = false

  public init() {}
}

/// WorkerService as a worker sees it.
extension Codec {
  public func encodeWorkRequest(
    hello: WorkerHello? = nil, _ message: WorkerMessage = WorkerMessage()
  ) -> Int {
    begin()
    let request = unsafe arena.make(gkick__v1__work_request__init)
    unsafe request.pointee.hello = hello.map { unsafe self.hello($0) }
    unsafe request.pointee.ack_seq = message.ackSeq
    if let most = message.capacity {
      let capacity = unsafe arena.make(gkick__v1__set_capacity__init)
      unsafe capacity.pointee.max_in_flight = most
      unsafe request.pointee.capacity = capacity
    }
    unsafe request.pointee.n_outcomes = message.outcomes.count
    unsafe request.pointee.outcomes = arena.array(message.outcomes.count) {
      unsafe outcome(message.outcomes[$0])
    }
    unsafe request.pointee.n_progress = message.progress.count
    unsafe request.pointee.progress = arena.array(message.progress.count) {
      unsafe report(message.progress[$0])
    }
    unsafe request.pointee.drain = message.drain ? 1 : 0
    return unsafe finish(request)
  }

  private func hello(_ hello: WorkerHello) -> UnsafeMutablePointer<Gkick__V1__WorkerHello> {
    let message = unsafe arena.make(gkick__v1__worker_hello__init)
    unsafe message.pointee.worker_id = arena.copy(hello.workerID)
    unsafe message.pointee.n_queues = hello.subscriptions.count
    unsafe message.pointee.queues = subscriptions(hello.subscriptions)
    unsafe message.pointee.n_names = hello.names.count
    unsafe message.pointee.names = texts(hello.names)
    unsafe message.pointee.max_in_flight = hello.maxInFlight
    unsafe message.pointee.max_in_flight_bytes = hello.maxInFlightBytes
    unsafe message.pointee.resume_window = duration(hello.resumeWindow)
    let labels = Array(hello.labels)
    unsafe message.pointee.n_labels = labels.count
    unsafe message.pointee.labels = arena.array(labels.count) { index in
      let entry = unsafe arena.make(gkick__v1__worker_hello__labels_entry__init)
      unsafe entry.pointee.key = arena.copy(labels[index].key)
      unsafe entry.pointee.value = arena.copy(labels[index].value)
      return unsafe entry
    }
    unsafe message.pointee.n_held = hello.held.count
    unsafe message.pointee.held = arena.array(hello.held.count) { unsafe lease(hello.held[$0]) }
    return unsafe message
  }

  private func subscriptions(
    _ given: [Subscription]
  ) -> UnsafeMutablePointer<UnsafeMutablePointer<Gkick__V1__QueueSubscription>?> {
    unsafe arena.array(given.count) { index in
      let pattern = given[index].pattern
      let message = unsafe arena.make(gkick__v1__queue_subscription__init)
      unsafe message.pointee.queue = arena.copy(
        pattern.isPrefix ? pattern.text + "*" : pattern.text)
      unsafe message.pointee.weight = given[index].weight
      return unsafe message
    }
  }

  private func outcome(_ outcome: WorkerOutcome) -> UnsafeMutablePointer<Gkick__V1__Outcome> {
    let message = unsafe arena.make(gkick__v1__outcome__init)
    unsafe message.pointee.lease = lease(outcome.lease)
    switch outcome.how {
    case .success(let result):
      let success = unsafe arena.make(gkick__v1__success__init)
      unsafe success.pointee.result = arena.copy(result)
      unsafe message.pointee.how_case = GKICK__V1__OUTCOME__HOW_SUCCESS
      unsafe message.pointee.success = success
    case .failure(let given):
      unsafe message.pointee.how_case = GKICK__V1__OUTCOME__HOW_FAILURE
      unsafe message.pointee.failure = failure(given)
    case .release(let delay):
      let release = unsafe arena.make(gkick__v1__release__init)
      unsafe release.pointee.delay = duration(delay)
      unsafe message.pointee.how_case = GKICK__V1__OUTCOME__HOW_RELEASE
      unsafe message.pointee.release = release
    case .canceled:
      unsafe message.pointee.how_case = GKICK__V1__OUTCOME__HOW_CANCELED
      unsafe message.pointee.canceled = 1
    case .refused: break
    }
    return unsafe message
  }

  private func report(_ report: ProgressReport) -> UnsafeMutablePointer<Gkick__V1__ProgressReport> {
    let message = unsafe arena.make(gkick__v1__progress_report__init)
    unsafe message.pointee.lease = lease(report.lease)
    unsafe message.pointee.progress = progress(report.progress)
    return unsafe message
  }

  public func encodeFetchRequest(_ fetch: Fetch) -> Int {
    begin()
    let message = unsafe arena.make(gkick__v1__fetch_request__init)
    unsafe message.pointee.worker_id = arena.copy(fetch.workerID)
    unsafe message.pointee.n_queues = fetch.subscriptions.count
    unsafe message.pointee.queues = subscriptions(fetch.subscriptions)
    unsafe message.pointee.n_names = fetch.names.count
    unsafe message.pointee.names = texts(fetch.names)
    unsafe message.pointee.max_jobs = fetch.maxJobs
    unsafe message.pointee.max_wait = duration(fetch.maxWait)
    unsafe message.pointee.lease = duration(fetch.lease)
    return unsafe finish(message)
  }

  public func encodeReportRequest(_ given: Report) -> Int {
    begin()
    let message = unsafe arena.make(gkick__v1__report_request__init)
    unsafe message.pointee.worker_id = arena.copy(given.workerID)
    unsafe message.pointee.n_outcomes = given.outcomes.count
    unsafe message.pointee.outcomes = arena.array(given.outcomes.count) {
      unsafe outcome(given.outcomes[$0])
    }
    unsafe message.pointee.n_progress = given.progress.count
    unsafe message.pointee.progress = arena.array(given.progress.count) {
      unsafe report(given.progress[$0])
    }
    unsafe message.pointee.n_extend = given.extend.count
    unsafe message.pointee.extend = arena.array(given.extend.count) {
      unsafe lease(given.extend[$0])
    }
    return unsafe finish(message)
  }

  public func decodeWorkResponse(_ bytes: RawSpan) throws(WireError) -> WorkResponseInfo {
    let message = unsafe try open(bytes, gkick__v1__work_response__unpack)
    var response = WorkResponseInfo()
    response.seq = unsafe message.pointee.seq
    if let welcome = unsafe message.pointee.welcome {
      var info = WelcomeInfo()
      info.workerID = unsafe try text(welcome.pointee.worker_id, "welcome.worker_id", max: .max)
      info.serverID = unsafe try text(welcome.pointee.server_id, "welcome.server_id", max: .max)
      info.serverVersion = unsafe try text(
        welcome.pointee.server_version, "welcome.server_version", max: .max)
      info.lease = unsafe try interval(welcome.pointee.lease, "welcome.lease") ?? .zero
      info.heartbeat = unsafe try interval(welcome.pointee.heartbeat, "welcome.heartbeat") ?? .zero
      info.lost = unsafe try leases(
        welcome.pointee.lost, welcome.pointee.n_lost, "welcome.lost", most: .max)
      response.welcome = info
    }
    response.jobs = unsafe try assignments(message.pointee.jobs, message.pointee.n_jobs)
    response.results = unsafe try statuses(message.pointee.results, message.pointee.n_results)
    response.cancellations = unsafe try cancellations(
      message.pointee.cancellations, message.pointee.n_cancellations)
    response.drain = unsafe message.pointee.drain != 0
    return response
  }

  public func decodeFetchResponse(_ bytes: RawSpan) throws(WireError) -> (
    jobs: [Assignment], lease: Interval
  ) {
    let message = unsafe try open(bytes, gkick__v1__fetch_response__unpack)
    return (
      unsafe try assignments(message.pointee.jobs, message.pointee.n_jobs),
      unsafe try interval(message.pointee.lease, "lease") ?? .zero
    )
  }

  public func decodeReportResponse(
    _ bytes: RawSpan
  ) throws(WireError) -> (results: [OutcomeStatus], cancellations: [CancellationInfo]) {
    let message = unsafe try open(bytes, gkick__v1__report_response__unpack)
    return (
      unsafe try statuses(message.pointee.results, message.pointee.n_results),
      unsafe try cancellations(message.pointee.cancellations, message.pointee.n_cancellations)
    )
  }

  private func assignments(
    _ values: UnsafeMutablePointer<UnsafeMutablePointer<Gkick__V1__Assignment>?>?, _ count: Int
  ) throws(WireError) -> [Assignment] {
    var result: [Assignment] = []
    for index in 0..<count {
      // There are `count` of them, and none is nil.
      let given = unsafe values![index]!
      var job = Assignment(lease: unsafe lease(given.pointee.lease))
      job.attempt = unsafe given.pointee.attempt
      job.queue = unsafe try text(given.pointee.queue, "jobs.queue", max: .max)
      job.name = unsafe try text(given.pointee.name, "jobs.name", max: .max)
      job.payload = unsafe self.bytes(given.pointee.payload)
      job.contentType = unsafe try text(given.pointee.content_type, "jobs.content_type", max: .max)
      for index in 0..<(unsafe given.pointee.n_metadata) {
        let entry = unsafe given.pointee.metadata[index]!
        let key = unsafe try text(entry.pointee.key, "jobs.metadata", max: .max)
        job.metadata[key] = unsafe try text(entry.pointee.value, "jobs.metadata", max: .max)
      }
      job.createdAt = unsafe try timestamp(given.pointee.created_at, "jobs.created_at")
      job.deadline = unsafe try timestamp(given.pointee.deadline, "jobs.deadline")
      job.maxAttempts = unsafe given.pointee.max_attempts
      job.priority = unsafe given.pointee.priority
      job.dependsOn = unsafe try texts(
        given.pointee.depends_on, given.pointee.n_depends_on, "jobs.depends_on", max: .max)
      job.batchID = unsafe try text(given.pointee.batch_id, "jobs.batch_id", max: .max)
      result.append(job)
    }
    return result
  }

  private func statuses(
    _ values: UnsafeMutablePointer<UnsafeMutablePointer<Gkick__V1__OutcomeResult>?>?, _ count: Int
  ) throws(WireError) -> [OutcomeStatus] {
    var result: [OutcomeStatus] = []
    for index in 0..<count {
      // There are `count` of them, and none is nil.
      let given = unsafe values![index]!
      result.append(
        OutcomeStatus(
          lease: unsafe lease(given.pointee.lease),
          statusCode: unsafe given.pointee.status_code,
          statusMessage: unsafe try text(
            given.pointee.status_message, "results.status_message", max: .max)))
    }
    return result
  }

  private func cancellations(
    _ values: UnsafeMutablePointer<UnsafeMutablePointer<Gkick__V1__Cancellation>?>?, _ count: Int
  ) throws(WireError) -> [CancellationInfo] {
    var result: [CancellationInfo] = []
    for index in 0..<count {
      // There are `count` of them, and none is nil.
      let given = unsafe values![index]!
      result.append(
        CancellationInfo(
          lease: unsafe lease(given.pointee.lease),
          reason: unsafe try text(given.pointee.reason, "cancellations.reason", max: .max)))
    }
    return result
  }
}
