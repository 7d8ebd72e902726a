import GKickProtos
public import Jobs

/// One message of a worker on its stream.
public struct WorkerWords: Sendable {
  /// First message only.
  public var hello: WorkerHello?
  /// All that any message may say.
  public var message: WorkerMessage
}

/// The Work stream, as the server sees it.
extension Codec {
  public func decodeWorkRequest(_ bytes: RawSpan) throws(WireError) -> WorkerWords {
    let request = try open(bytes, as: Proto.WorkRequest.self)
    var message = WorkerMessage(ackSeq: request.ackSeq, drain: request.drain)
    if let capacity = request.capacity {
      message.capacity = min(capacity.maxInFlight, Bounds.inFlight)
    }
    message.outcomes = try outcomes(request.outcomes)
    message.progress = try progressReports(request.progress)
    return WorkerWords(hello: try hello(request.hello), message: message)
  }

  private func hello(_ hello: Proto.WorkerHello?) throws(WireError)
    -> WorkerHello?
  {
    guard let hello else { return nil }
    let entries = hello.labels
    guard entries.count <= Bounds.labels else {
      throw WireError("hello.labels", "at most \(Bounds.labels) entries")
    }
    var labels: [String: String] = [:]
    for entry in entries {
      let key = try text(entry.key, "hello.labels", max: Bounds.labelBytes)
      labels[key] = try text(entry.value, "hello.labels", max: Bounds.labelBytes)
    }
    guard labels.reduce(0, { $0 + $1.key.utf8.count + $1.value.utf8.count }) <= Bounds.labelBytes
    else {
      throw WireError("hello.labels", "at most \(Bounds.labelBytes) bytes in all")
    }
    return WorkerHello(
      workerID: try text(hello.workerID, "hello.worker_id", max: Bounds.id),
      subscriptions: try subscriptions(hello.queues, "hello.queues"),
      names: try texts(hello.names, "hello.names", max: Bounds.names),
      maxInFlight: min(hello.maxInFlight, Bounds.inFlight),
      maxInFlightBytes: hello.maxInFlightBytes,
      resumeWindow: try interval(hello.resumeWindow, "hello.resume_window", upTo: .minutes(10)),
      labels: labels,
      held: try leases(hello.held, "hello.held"))
  }

  /// No queue, or an empty one, is the queue of jobs that name none.
  func subscriptions(
    _ values: MessageList<Proto.QueueSubscription>,
    _ path: StaticString
  ) throws(WireError) -> [Subscription] {
    guard values.count <= Bounds.subscriptions else {
      throw WireError(path, "at most \(Bounds.subscriptions)")
    }
    if values.count == 0 { return [Subscription(pattern: QueuePattern("default"))] }
    var result: [Subscription] = []
    for value in values {
      let queue = try identifier(value.queue, path, allowingStar: true)
      result.append(
        Subscription(
          pattern: QueuePattern(queue.isEmpty ? "default" : queue),
          weight: value.weight))
    }
    return result
  }

  /// What a worker says it holds. One that cannot be is passed on like any other, since nobody holds it.
  func leases(
    _ values: MessageList<Proto.JobLease>, _ path: StaticString,
    most: Int = Bounds.leases
  ) throws(WireError) -> [Lease] {
    guard values.count <= most else { throw WireError(path, "at most \(most)") }
    var result: [Lease] = []
    result.reserveCapacity(values.count)
    for value in values { result.append(lease(value)) }
    return result
  }

  /// Without a job's id when it is not set or has none.
  func lease(_ lease: Proto.JobLease?) -> Lease {
    guard let lease else { return Lease(jobID: "", token: 0) }
    return Lease(
      jobID: cleaned(lease.jobID, max: Bounds.id + 1), token: lease.token)
  }

  /// What is wrong with one of them is said in its place: the others are taken.
  func outcomes(
    _ values: MessageList<Proto.Outcome>
  ) throws(WireError) -> [WorkerOutcome] {
    guard values.count <= Bounds.leases else { throw WireError("outcomes", "at most \(Bounds.leases)") }
    var result: [WorkerOutcome] = []
    result.reserveCapacity(values.count)
    for outcome in values {
      let lease = lease(outcome.lease)
      let isNamed = Codec.isIdentifier(lease.jobID)
      let how = isNamed ? how(outcome) : .refused("lease.job_id: 1 to 128 characters of [A-Za-z0-9_.:-]")
      result.append(WorkerOutcome(lease: lease, how: how))
    }
    return result
  }

  private func how(_ outcome: Proto.Outcome) -> WorkerOutcome.How {
    // The case says which member of the union holds; protobuf-c has then allocated it.
    switch outcome.howCase {
    case GKICK__V1__OUTCOME__HOW_SUCCESS:
      guard let result = outcome.success?.result else { return .refused("success: required") }
      guard result.count <= bounds.result else {
        return .refused("success.result: \(result.count) bytes; this server keeps at most \(bounds.result)")
      }
      return .success(result: bytes(result))
    case GKICK__V1__OUTCOME__HOW_FAILURE:
      return outcome.failure.map { .failure(failure($0)) } ?? .refused("failure: required")
    case GKICK__V1__OUTCOME__HOW_RELEASE:
      return .release(delay: clamped(outcome.release?.delay))
    case GKICK__V1__OUTCOME__HOW_CANCELED:
      return .canceled
    default:
      return .refused("how: required")
    }
  }

  private func failure(_ failure: Proto.Failure) -> Failure {
    // Time, attempt and worker are the server's to say.
    Failure(
      type: cleaned(failure.type, max: Bounds.failureType),
      message: cleaned(failure.message, max: Bounds.failureMessage),
      backtrace: cleaned(failure.backtrace, max: Bounds.backtrace),
      retryable: failure.retryable)
  }

  /// One without a lease or without progress says nothing.
  func progressReports(
    _ values: MessageList<Proto.ProgressReport>
  ) throws(WireError) -> [ProgressReport] {
    guard values.count <= Bounds.leases else { throw WireError("progress", "at most \(Bounds.leases)") }
    var result: [ProgressReport] = []
    for report in values {
      let lease = lease(report.lease)
      guard Codec.isIdentifier(lease.jobID), let progress = report.progress else { continue }
      result.append(
        ProgressReport(
          lease: lease,
          progress: Progress(
            percent: min(progress.percent, 100),
            message: cleaned(progress.message, max: Bounds.progressMessage))))
    }
    return result
  }
}
