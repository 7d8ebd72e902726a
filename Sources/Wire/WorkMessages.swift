import CProtobufC
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
    let request = unsafe try open(bytes, gkick__v1__work_request__unpack)
    var message = WorkerMessage(
      ackSeq: unsafe request.pointee.ack_seq, drain: unsafe request.pointee.drain != 0)
    if let capacity = unsafe request.pointee.capacity {
      message.capacity = unsafe min(capacity.pointee.max_in_flight, Bounds.inFlight)
    }
    message.outcomes = unsafe try outcomes(request.pointee.outcomes, request.pointee.n_outcomes)
    message.progress = unsafe try progressReports(
      request.pointee.progress, request.pointee.n_progress)
    return WorkerWords(hello: unsafe try hello(request.pointee.hello), message: message)
  }

  private func hello(_ hello: UnsafeMutablePointer<Gkick__V1__WorkerHello>?) throws(WireError)
    -> WorkerHello?
  {
    guard let hello = unsafe hello else { return nil }
    let count = unsafe hello.pointee.n_labels
    guard count <= Bounds.labels else {
      throw WireError("hello.labels", "at most \(Bounds.labels) entries")
    }
    var labels: [String: String] = [:]
    for index in 0..<count {
      // There are n_labels of them, and none is nil.
      let entry = unsafe hello.pointee.labels[index]!
      let key = unsafe try text(entry.pointee.key, "hello.labels", max: Bounds.labelBytes)
      labels[key] = unsafe try text(entry.pointee.value, "hello.labels", max: Bounds.labelBytes)
    }
    guard labels.reduce(0, { $0 + $1.key.utf8.count + $1.value.utf8.count }) <= Bounds.labelBytes
    else {
      throw WireError("hello.labels", "at most \(Bounds.labelBytes) bytes in all")
    }
    return WorkerHello(
      workerID: unsafe try text(hello.pointee.worker_id, "hello.worker_id", max: Bounds.id),
      subscriptions: unsafe try subscriptions(
        hello.pointee.queues, hello.pointee.n_queues, "hello.queues"),
      names: unsafe try texts(
        hello.pointee.names, hello.pointee.n_names, "hello.names", max: Bounds.names),
      maxInFlight: unsafe min(hello.pointee.max_in_flight, Bounds.inFlight),
      maxInFlightBytes: unsafe hello.pointee.max_in_flight_bytes,
      resumeWindow: unsafe try interval(hello.pointee.resume_window, "hello.resume_window", upTo: .minutes(10)),
      labels: labels,
      held: unsafe try leases(hello.pointee.held, hello.pointee.n_held, "hello.held"))
  }

  /// No queue, or an empty one, is the queue of jobs that name none.
  func subscriptions(
    _ values: UnsafeMutablePointer<UnsafeMutablePointer<Gkick__V1__QueueSubscription>?>?,
    _ count: Int,
    _ path: StaticString
  ) throws(WireError) -> [Subscription] {
    guard count <= Bounds.subscriptions else {
      throw WireError(path, "at most \(Bounds.subscriptions)")
    }
    if count == 0 { return [Subscription(pattern: QueuePattern("default"))] }
    var result: [Subscription] = []
    for index in 0..<count {
      // There are `count` of them, and none is nil.
      let value = unsafe values![index]!
      let queue = unsafe try identifier(value.pointee.queue, path, allowingStar: true)
      result.append(
        Subscription(
          pattern: QueuePattern(queue.isEmpty ? "default" : queue),
          weight: unsafe value.pointee.weight))
    }
    return result
  }

  /// What a worker says it holds. One that cannot be is passed on like any other, since nobody holds it.
  func leases(
    _ values: UnsafeMutablePointer<UnsafeMutablePointer<Gkick__V1__JobLease>?>?, _ count: Int, _ path: StaticString,
    most: Int = Bounds.leases
  ) throws(WireError) -> [Lease] {
    guard count <= most else { throw WireError(path, "at most \(most)") }
    var result: [Lease] = []
    result.reserveCapacity(count)
    // There are `count` of them.
    for index in 0..<count { result.append(unsafe lease(values![index])) }
    return result
  }

  /// Without a job's id when it is not set or has none.
  func lease(_ lease: UnsafeMutablePointer<Gkick__V1__JobLease>?) -> Lease {
    guard let lease = unsafe lease else { return Lease(jobID: "", token: 0) }
    return Lease(
      jobID: unsafe cleaned(lease.pointee.job_id, max: Bounds.id + 1), token: unsafe lease.pointee.token)
  }

  /// What is wrong with one of them is said in its place: the others are taken.
  func outcomes(
    _ values: UnsafeMutablePointer<UnsafeMutablePointer<Gkick__V1__Outcome>?>?, _ count: Int
  ) throws(WireError) -> [WorkerOutcome] {
    guard count <= Bounds.leases else { throw WireError("outcomes", "at most \(Bounds.leases)") }
    var result: [WorkerOutcome] = []
    result.reserveCapacity(count)
    for index in 0..<count {
      // There are `count` of them, and none is nil.
      let outcome = unsafe values![index]!
      let lease = unsafe lease(outcome.pointee.lease)
      let isNamed = Codec.isIdentifier(lease.jobID)
      let how = unsafe isNamed ? how(outcome) : .refused("lease.job_id: 1 to 128 characters of [A-Za-z0-9_.:-]")
      result.append(WorkerOutcome(lease: lease, how: how))
    }
    return result
  }

  private func how(_ outcome: UnsafeMutablePointer<Gkick__V1__Outcome>) -> WorkerOutcome.How {
    // The case says which member of the union holds; protobuf-c has then allocated it.
    switch unsafe outcome.pointee.how_case {
    case GKICK__V1__OUTCOME__HOW_SUCCESS:
      let size = unsafe outcome.pointee.success.pointee.result.len
      guard size <= bounds.result else {
        return .refused("success.result: \(size) bytes; this server keeps at most \(bounds.result)")
      }
      return .success(result: unsafe bytes(outcome.pointee.success.pointee.result))
    case GKICK__V1__OUTCOME__HOW_FAILURE:
      return .failure(unsafe failure(outcome.pointee.failure))
    case GKICK__V1__OUTCOME__HOW_RELEASE:
      return .release(delay: unsafe clamped(outcome.pointee.release.pointee.delay))
    case GKICK__V1__OUTCOME__HOW_CANCELED:
      return .canceled
    default:
      return .refused("how: required")
    }
  }

  private func failure(_ failure: UnsafeMutablePointer<Gkick__V1__Failure>) -> Failure {
    // Time, attempt and worker are the server's to say.
    Failure(
      type: unsafe cleaned(failure.pointee.type, max: Bounds.failureType),
      message: unsafe cleaned(failure.pointee.message, max: Bounds.failureMessage),
      backtrace: unsafe cleaned(failure.pointee.backtrace, max: Bounds.backtrace),
      retryable: unsafe failure.pointee.retryable != 0)
  }

  /// One without a lease or without progress says nothing.
  func progressReports(
    _ values: UnsafeMutablePointer<UnsafeMutablePointer<Gkick__V1__ProgressReport>?>?, _ count: Int
  ) throws(WireError) -> [ProgressReport] {
    guard count <= Bounds.leases else { throw WireError("progress", "at most \(Bounds.leases)") }
    var result: [ProgressReport] = []
    for index in 0..<count {
      // There are `count` of them, and none is nil.
      let report = unsafe values![index]!
      let lease = unsafe lease(report.pointee.lease)
      guard Codec.isIdentifier(lease.jobID), let progress = unsafe report.pointee.progress else { continue }
      result.append(
        ProgressReport(
          lease: lease,
          progress: Progress(
            percent: unsafe min(progress.pointee.percent, 100),
            message: unsafe cleaned(progress.pointee.message, max: Bounds.progressMessage))))
    }
    return result
  }
}
