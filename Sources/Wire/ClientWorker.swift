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
    let request = Proto.WorkRequest(in: arena)
    request.hello = hello.map { self.hello($0) }
    request.ackSeq = message.ackSeq
    if let most = message.capacity {
      let capacity = Proto.SetCapacity(in: arena)
      capacity.maxInFlight = most
      request.capacity = capacity
    }
    request.outcomes = arena.array(message.outcomes.count) {
      outcome(message.outcomes[$0])
    }
    request.progress = arena.array(message.progress.count) {
      report(message.progress[$0])
    }
    request.drain = message.drain
    return finish(request)
  }

  private func hello(_ hello: WorkerHello) -> Proto.WorkerHello {
    let message = Proto.WorkerHello(in: arena)
    message.workerID = arena.copy(hello.workerID)
    message.queues = subscriptions(hello.subscriptions)
    message.names = texts(hello.names)
    message.maxInFlight = hello.maxInFlight
    message.maxInFlightBytes = hello.maxInFlightBytes
    message.resumeWindow = duration(hello.resumeWindow)
    let labels = Array(hello.labels)
    message.labels = arena.array(labels.count) { index in
      let entry = Proto.WorkerHelloLabelsEntry(in: arena)
      entry.key = arena.copy(labels[index].key)
      entry.value = arena.copy(labels[index].value)
      return entry
    }
    message.held = arena.array(hello.held.count) { lease(hello.held[$0]) }
    return message
  }

  private func subscriptions(
    _ given: [Subscription]
  ) -> MessageList<Proto.QueueSubscription> {
    arena.array(given.count) { index in
      let pattern = given[index].pattern
      let message = Proto.QueueSubscription(in: arena)
      message.queue = arena.copy(
        pattern.isPrefix ? pattern.text + "*" : pattern.text)
      message.weight = given[index].weight
      return message
    }
  }

  private func outcome(_ outcome: WorkerOutcome) -> Proto.Outcome {
    let message = Proto.Outcome(in: arena)
    message.lease = lease(outcome.lease)
    switch outcome.how {
    case .success(let result):
      let success = Proto.Success(in: arena)
      success.result = arena.copy(result)
      message.howCase = GKICK__V1__OUTCOME__HOW_SUCCESS
      message.success = success
    case .failure(let given):
      message.howCase = GKICK__V1__OUTCOME__HOW_FAILURE
      message.failure = failure(given)
    case .release(let delay):
      let release = Proto.Release(in: arena)
      release.delay = duration(delay)
      message.howCase = GKICK__V1__OUTCOME__HOW_RELEASE
      message.release = release
    case .canceled:
      message.howCase = GKICK__V1__OUTCOME__HOW_CANCELED
      message.canceled = true
    case .refused: break
    }
    return message
  }

  private func report(_ report: ProgressReport) -> Proto.ProgressReport {
    let message = Proto.ProgressReport(in: arena)
    message.lease = lease(report.lease)
    message.progress = progress(report.progress)
    return message
  }

  public func encodeFetchRequest(_ fetch: Fetch) -> Int {
    begin()
    let message = Proto.FetchRequest(in: arena)
    message.workerID = arena.copy(fetch.workerID)
    message.queues = subscriptions(fetch.subscriptions)
    message.names = texts(fetch.names)
    message.maxJobs = fetch.maxJobs
    message.maxWait = duration(fetch.maxWait)
    message.lease = duration(fetch.lease)
    return finish(message)
  }

  public func encodeReportRequest(_ given: Report) -> Int {
    begin()
    let message = Proto.ReportRequest(in: arena)
    message.workerID = arena.copy(given.workerID)
    message.outcomes = arena.array(given.outcomes.count) {
      outcome(given.outcomes[$0])
    }
    message.progress = arena.array(given.progress.count) {
      report(given.progress[$0])
    }
    message.extend = arena.array(given.extend.count) {
      lease(given.extend[$0])
    }
    return finish(message)
  }

  public func decodeWorkResponse(_ bytes: RawSpan) throws(WireError) -> WorkResponseInfo {
    let message = try open(bytes, as: Proto.WorkResponse.self)
    var response = WorkResponseInfo()
    response.seq = message.seq
    if let welcome = message.welcome {
      var info = WelcomeInfo()
      info.workerID = try text(welcome.workerID, "welcome.worker_id", max: .max)
      info.serverID = try text(welcome.serverID, "welcome.server_id", max: .max)
      info.serverVersion = try text(welcome.serverVersion, "welcome.server_version", max: .max)
      info.lease = try interval(welcome.lease, "welcome.lease") ?? .zero
      info.heartbeat = try interval(welcome.heartbeat, "welcome.heartbeat") ?? .zero
      info.lost = try leases(welcome.lost, "welcome.lost", most: .max)
      response.welcome = info
    }
    response.jobs = try assignments(message.jobs)
    response.results = try statuses(message.results)
    response.cancellations = try cancellations(message.cancellations)
    response.drain = message.drain
    return response
  }

  public func decodeFetchResponse(_ bytes: RawSpan) throws(WireError) -> (
    jobs: [Assignment], lease: Interval
  ) {
    let message = try open(bytes, as: Proto.FetchResponse.self)
    return (
      try assignments(message.jobs),
      try interval(message.lease, "lease") ?? .zero
    )
  }

  public func decodeReportResponse(
    _ bytes: RawSpan
  ) throws(WireError) -> (results: [OutcomeStatus], cancellations: [CancellationInfo]) {
    let message = try open(bytes, as: Proto.ReportResponse.self)
    return (
      try statuses(message.results),
      try cancellations(message.cancellations)
    )
  }

  private func assignments(
    _ values: MessageList<Proto.Assignment>
  ) throws(WireError) -> [Assignment] {
    var result: [Assignment] = []
    for given in values {
      var job = Assignment(lease: lease(given.lease))
      job.attempt = given.attempt
      job.queue = try text(given.queue, "jobs.queue", max: .max)
      job.name = try text(given.name, "jobs.name", max: .max)
      job.payload = self.bytes(given.payload)
      job.contentType = try text(given.contentType, "jobs.content_type", max: .max)
      for entry in given.metadata {
        let key = try text(entry.key, "jobs.metadata", max: .max)
        job.metadata[key] = try text(entry.value, "jobs.metadata", max: .max)
      }
      job.createdAt = try timestamp(given.createdAt, "jobs.created_at")
      job.deadline = try timestamp(given.deadline, "jobs.deadline")
      job.maxAttempts = given.maxAttempts
      job.priority = given.priority
      job.dependsOn = try texts(given.dependsOn, "jobs.depends_on", max: .max)
      job.batchID = try text(given.batchID, "jobs.batch_id", max: .max)
      result.append(job)
    }
    return result
  }

  private func statuses(
    _ values: MessageList<Proto.OutcomeResult>
  ) throws(WireError) -> [OutcomeStatus] {
    var result: [OutcomeStatus] = []
    for given in values {
      result.append(
        OutcomeStatus(
          lease: lease(given.lease),
          statusCode: given.statusCode,
          statusMessage: try text(given.statusMessage, "results.status_message", max: .max)))
    }
    return result
  }

  private func cancellations(
    _ values: MessageList<Proto.Cancellation>
  ) throws(WireError) -> [CancellationInfo] {
    var result: [CancellationInfo] = []
    for given in values {
      result.append(
        CancellationInfo(
          lease: lease(given.lease),
          reason: try text(given.reason, "cancellations.reason", max: .max)))
    }
    return result
  }
}
