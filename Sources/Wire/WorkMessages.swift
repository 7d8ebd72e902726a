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
      message.capacity = unsafe capacity.pointee.max_in_flight
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
      maxInFlight: unsafe hello.pointee.max_in_flight,
      maxInFlightBytes: unsafe hello.pointee.max_in_flight_bytes,
      resumeWindow: unsafe try interval(hello.pointee.resume_window, "hello.resume_window"),
      labels: labels,
      held: unsafe try leases(hello.pointee.held, hello.pointee.n_held, "hello.held", id: "hello.held.job_id"))
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

  func leases(
    _ values: UnsafeMutablePointer<UnsafeMutablePointer<Gkick__V1__JobLease>?>?, _ count: Int,
    _ path: StaticString, id: StaticString
  ) throws(WireError) -> [Lease] {
    guard count <= Bounds.leases else { throw WireError(path, "at most \(Bounds.leases)") }
    var result: [Lease] = []
    result.reserveCapacity(count)
    // There are `count` of them.
    for index in 0..<count { result.append(unsafe try lease(values![index], path, id: id)) }
    return result
  }

  func lease(
    _ lease: UnsafeMutablePointer<Gkick__V1__JobLease>?, _ path: StaticString, id: StaticString
  ) throws(WireError) -> Lease {
    guard let lease = unsafe lease else { throw WireError(path, "required") }
    return Lease(
      jobID: unsafe try required(lease.pointee.job_id, id), token: unsafe lease.pointee.token)
  }

  func outcomes(
    _ values: UnsafeMutablePointer<UnsafeMutablePointer<Gkick__V1__Outcome>?>?, _ count: Int
  ) throws(WireError) -> [WorkerOutcome] {
    guard count <= Bounds.leases else { throw WireError("outcomes", "at most \(Bounds.leases)") }
    var result: [WorkerOutcome] = []
    result.reserveCapacity(count)
    for index in 0..<count {
      // There are `count` of them, and none is nil.
      let outcome = unsafe values![index]!
      result.append(
        WorkerOutcome(
          lease: unsafe try lease(outcome.pointee.lease, "outcomes.lease", id: "outcomes.lease.job_id"),
          how: unsafe try how(outcome)))
    }
    return result
  }

  private func how(_ outcome: UnsafeMutablePointer<Gkick__V1__Outcome>) throws(WireError)
    -> WorkerOutcome.How
  {
    // The case says which member of the union holds; protobuf-c has then allocated it.
    switch unsafe outcome.pointee.how_case {
    case GKICK__V1__OUTCOME__HOW_SUCCESS:
      let size = unsafe outcome.pointee.success.pointee.result.len
      guard size <= bounds.payload else {
        return .failure(
          Failure(
            type: "result_too_large",
            message: "a result of \(size) bytes; this server keeps at most \(bounds.payload)",
            retryable: false))
      }
      return .success(result: unsafe bytes(outcome.pointee.success.pointee.result))
    case GKICK__V1__OUTCOME__HOW_FAILURE:
      return .failure(unsafe try failure(outcome.pointee.failure))
    case GKICK__V1__OUTCOME__HOW_RELEASE:
      return .release(
        delay: unsafe try interval(outcome.pointee.release.pointee.delay, "outcomes.release.delay"))
    case GKICK__V1__OUTCOME__HOW_CANCELED:
      return .canceled
    default:
      throw WireError("outcomes.how", "required")
    }
  }

  private func failure(_ failure: UnsafeMutablePointer<Gkick__V1__Failure>) throws(WireError)
    -> Failure
  {
    // Not looked at, but a text all the same.
    _ = unsafe try checked(failure.pointee.worker_id, "outcomes.failure.worker_id")
    return Failure(
      type: unsafe try clipped(
        failure.pointee.type, "outcomes.failure.type", max: Bounds.failureType),
      message: unsafe try clipped(
        failure.pointee.message, "outcomes.failure.message", max: Bounds.failureMessage),
      backtrace: unsafe try clipped(
        failure.pointee.backtrace, "outcomes.failure.backtrace", max: Bounds.backtrace),
      retryable: unsafe failure.pointee.retryable != 0)
  }

  func progressReports(
    _ values: UnsafeMutablePointer<UnsafeMutablePointer<Gkick__V1__ProgressReport>?>?, _ count: Int
  ) throws(WireError) -> [ProgressReport] {
    guard count <= Bounds.leases else { throw WireError("progress", "at most \(Bounds.leases)") }
    var result: [ProgressReport] = []
    for index in 0..<count {
      // There are `count` of them, and none is nil.
      let report = unsafe values![index]!
      guard let progress = unsafe report.pointee.progress else {
        throw WireError("progress.progress", "required")
      }
      let percent = unsafe progress.pointee.percent
      guard percent <= 100 else { throw WireError("progress.progress.percent", "0 to 100") }
      result.append(
        ProgressReport(
          lease: unsafe try lease(report.pointee.lease, "progress.lease", id: "progress.lease.job_id"),
          progress: Progress(
            percent: percent,
            message: unsafe try clipped(
              progress.pointee.message, "progress.progress.message", max: Bounds.progressMessage))))
    }
    return result
  }
}
