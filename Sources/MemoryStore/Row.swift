import Jobs

/// A job with what only the store needs to know of it.
struct Row {
  var record: JobRecord
  /// Of the lease, while running.
  var token: UInt64 = 0
  /// Of the attempt, while running and when the job has a timeout.
  var deadline: Timestamp?
  /// Why its cancellation was requested, while running.
  var cancelReason = ""
  /// When a final job is forgotten.
  var expires = Timestamp.distantFuture

  var isWaiting: Bool {
    switch record.state {
    case .scheduled, .ready, .retrying, .blocked: true
    case .running, .succeeded, .dead, .canceled, .expired: false
    }
  }

  /// When the job moves by itself: to ready.
  var due: Moment? {
    record.state == .scheduled || record.state == .retrying ? Moment(at: record.runAt, seq: record.seq) : nil
  }

  /// ... to expired.
  var expiry: Moment? {
    guard isWaiting, let at = record.job.options.startBefore else { return nil }
    return Moment(at: at, seq: record.seq)
  }

  /// ... away from its worker.
  var lapse: Moment? {
    guard record.state == .running, let at = record.leaseUntil else { return nil }
    return Moment(at: at, seq: record.seq)
  }

  /// ... into oblivion.
  var end: Moment? { record.state.isFinal ? Moment(at: expires, seq: record.seq) : nil }

  var held: HeldJob {
    HeldJob(
      lease: Lease(jobID: record.job.id, token: token), workerID: record.workerID, queue: record.job.queue,
      name: record.job.name, attempt: record.attempt, payloadSize: record.job.payloadSize,
      startedAt: record.startedAt ?? record.createdAt, deadline: deadline, cancelRequested: record.cancelRequested)
  }
}
