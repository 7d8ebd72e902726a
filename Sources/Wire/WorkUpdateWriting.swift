public import Jobs
import Protobuf

/// What a server says to workers: of all messages those that are sent most often, so they are written field by field.
extension Codec {
  public func encodeWorkResponse(_ update: WorkerUpdate, serverID: String, serverVersion: String)
    -> Int
  {
    write { message in
      message.scalar(1, update.seq)
      if let welcome = update.welcome {
        message.message(2) {
          $0.text(1, welcome.workerID)
          $0.text(2, serverID)
          $0.text(3, serverVersion)
          $0.duration(4, welcome.lease)
          $0.duration(5, welcome.heartbeat)
          for lost in welcome.lost { $0.lease(6, lost) }
        }
      }
      message.assignments(3, update.jobs)
      message.results(4, update.results)
      for notice in update.cancellations { message.cancellation(5, notice) }
      message.scalar(6, update.drain ? 1 : 0)
    }
  }

  public func encodeFetchResponse(_ jobs: [ClaimedJob], lease: Interval) -> Int {
    write { message in
      message.assignments(1, jobs)
      message.duration(2, lease)
    }
  }

  public func encodeReportResponse(_ outcomes: [LeaseResult], _ notices: [CancelNotice]) -> Int {
    // Said again with every report until the outcome has come: those that do not fit now have time.
    var room = MessageSize.answer - outcomes.reduce(0) { $0 + $1.messageSize }
    let notices = notices.prefix { notice in
      room -= notice.messageSize
      return room >= 0
    }
    return write { message in
      message.results(1, outcomes)
      for notice in notices { message.cancellation(2, notice) }
    }
  }
}

extension WireWriter {
  mutating func time(_ number: Int, _ time: Timestamp) {
    // Rounded down, as protobuf wants it: nanos are never negative.
    let (seconds, rest) = time.microseconds.quotientAndRemainder(dividingBy: 1_000_000)
    message(number) {
      $0.scalar(1, UInt64(bitPattern: rest < 0 ? seconds - 1 : seconds))
      $0.scalar(2, UInt64(rest < 0 ? rest + 1_000_000 : rest) * 1_000)
    }
  }

  fileprivate mutating func duration(_ number: Int, _ interval: Interval) {
    let (seconds, rest) = interval.microseconds.quotientAndRemainder(dividingBy: 1_000_000)
    message(number) {
      $0.scalar(1, UInt64(bitPattern: seconds))
      $0.scalar(2, UInt64(bitPattern: rest * 1_000))
    }
  }

  fileprivate mutating func lease(_ number: Int, _ lease: Lease) {
    message(number) {
      $0.text(1, lease.jobID)
      $0.scalar(2, lease.token)
    }
  }

  fileprivate mutating func assignments(_ number: Int, _ jobs: [ClaimedJob]) {
    for job in jobs { message(number) { $0.assignment(job) } }
  }

  private mutating func assignment(_ claimed: ClaimedJob) {
    let options = claimed.job.options
    lease(1, claimed.lease)
    scalar(2, UInt64(claimed.attempt))
    text(3, claimed.job.queue)
    text(4, claimed.job.name)
    time(8, claimed.createdAt)
    if let deadline = claimed.deadline { time(9, deadline) }
    scalar(10, UInt64(options.retry.maxAttempts))
    // A sint32: small numbers of either sign are short.
    let priority = Int64(claimed.job.priority)
    scalar(11, UInt64(bitPattern: priority << 1 ^ priority >> 63))
    for job in options.dependsOn { field(12, job) }
    text(13, options.batchID)
    // It is whole fields of this very message (see NewJobReading).
    fields(claimed.job.body)
  }

  fileprivate mutating func results(_ number: Int, _ results: [LeaseResult]) {
    for result in results {
      message(number) { message in
        message.lease(1, result.lease)
        switch result.code {
        case .stored: break
        case .notHeld: message.status(9, "the lease is no longer held")
        case .failed(let error): message.status(error.kind == .full ? 8 : 14, error.message)
        case .refused(let rule): message.status(3, rule)
        }
      }
    }
  }

  private mutating func status(_ code: UInt64, _ text: String) {
    field(2, code)
    self.text(3, text)
  }

  fileprivate mutating func cancellation(_ number: Int, _ notice: CancelNotice) {
    // The contract names these three words; what the person gave as reason is shown with the job's failure.
    let reason =
      switch notice.reason {
      case .canceled: "canceled"
      case .timeout: "timeout"
      case .leaseLost: "lease lost"
      }
    message(number) {
      $0.lease(1, notice.lease)
      $0.field(2, reason)
    }
  }
}
