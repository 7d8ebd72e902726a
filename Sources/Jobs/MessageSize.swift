/// Stock gRPC clients refuse messages of more than 4 MiB: whatever may be large is put together by what it takes as a message, all of it,
/// not only what was in its payload. The sizes here are upper bounds, told from lengths alone.
public enum MessageSize {
  /// No message to a client has more, but for what an operator's `--max-payload` alone makes larger.
  public static let most = 4 << 20
  /// What an answer made up of many things may be filled with: leaves room for what stands around them.
  public static let answer = 3584 << 10
  /// A message to a worker is closed here, so that one worker's jobs do not hold up the others on the way.
  public static let update = 1 << 20

  /// A text or bytes field: its bytes, its length and its number.
  @inlinable public static func field(_ count: Int) -> Int { count == 0 ? 0 : count + 6 }
}

extension Lease {
  @inlinable public var messageSize: Int { 24 + jobID.utf8.count }
}

extension ClaimedJob {
  /// Numbers, times, lengths and the lease are at most 128 bytes and the job's id.
  public var messageSize: Int {
    var size = 128 + lease.messageSize + job.queue.utf8.count + job.name.utf8.count + job.body.count
    if !job.options.batchID.isEmpty { size += MessageSize.field(job.options.batchID.utf8.count) }
    for id in job.options.dependsOn { size += MessageSize.field(id.utf8.count) }
    return size
  }
}

extension LeaseResult {
  public var messageSize: Int {
    switch code {
    case .stored: 8 + lease.messageSize
    case .notHeld: 64 + lease.messageSize
    case .failed(let error): 32 + lease.messageSize + error.message.utf8.count
    case .refused(let rule): 32 + lease.messageSize + rule.utf8.count
    }
  }
}

extension CancelNotice {
  public var messageSize: Int { 24 + lease.messageSize }
}

extension Failure {
  public var messageSize: Int {
    96 + type.utf8.count + message.utf8.count + backtrace.utf8.count + workerID.utf8.count
  }
}

extension NewJob {
  /// As a `JobSpec`.
  public var messageSize: Int {
    var size = 256 + id.utf8.count + queue.utf8.count + name.utf8.count + body.count
    if options !== JobOptions.standard {
      size += MessageSize.field(options.concurrencyKey.utf8.count) + MessageSize.field(options.fairnessKey.utf8.count)
      size += MessageSize.field(options.batchID.utf8.count) + MessageSize.field(options.unique?.key.utf8.count ?? 0)
      for id in options.dependsOn { size += MessageSize.field(id.utf8.count) }
    }
    return size
  }
}

extension BatchView {
  /// With its callbacks, whole.
  public var messageSize: Int {
    var size = 256 + terms.id.utf8.count + terms.description.utf8.count
    size += onFinishedJobID.utf8.count + onSucceededJobID.utf8.count
    for job in [terms.onFinished, terms.onSucceeded] { size += job?.messageSize ?? 0 }
    return size
  }
}

extension JobRecord {
  /// As a `Job`, with a reason why it waits.
  public var messageSize: Int {
    var size = 768 + job.messageSize + result.count + workerID.utf8.count + (progress?.message.utf8.count ?? 0)
    for failure in failures { size += failure.messageSize }
    return size
  }
}

extension QueueView {
  public var messageSize: Int { 160 + statistics.name.utf8.count }
}

extension WorkerView {
  public var messageSize: Int {
    var size = 160 + workerID.utf8.count + serverID.utf8.count + address.utf8.count
    for queue in queues { size += MessageSize.field(max(1, queue.utf8.count)) }
    for name in names { size += MessageSize.field(max(1, name.utf8.count)) }
    for (key, value) in labels { size += 16 + key.utf8.count + value.utf8.count }
    return size
  }
}
