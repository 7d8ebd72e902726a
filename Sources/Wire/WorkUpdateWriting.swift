import CProtobufC
import GKickProtos
public import Jobs

/// What a server says to workers.
extension Codec {
  public func encodeWorkResponse(_ update: WorkerUpdate, serverID: String, serverVersion: String)
    -> Int
  {
    begin()
    let message = unsafe arena.make(gkick__v1__work_response__init)
    unsafe message.pointee.seq = update.seq
    if let given = update.welcome {
      let welcome = unsafe arena.make(gkick__v1__welcome__init)
      unsafe welcome.pointee.worker_id = arena.copy(given.workerID)
      unsafe welcome.pointee.server_id = arena.copy(serverID)
      unsafe welcome.pointee.server_version = arena.copy(serverVersion)
      unsafe welcome.pointee.lease = duration(given.lease)
      unsafe welcome.pointee.heartbeat = duration(given.heartbeat)
      unsafe welcome.pointee.n_lost = given.lost.count
      unsafe welcome.pointee.lost = arena.array(given.lost.count) { unsafe lease(given.lost[$0]) }
      unsafe message.pointee.welcome = welcome
    }
    unsafe message.pointee.n_jobs = update.jobs.count
    unsafe message.pointee.jobs = assignments(update.jobs)
    unsafe message.pointee.n_results = update.results.count
    unsafe message.pointee.results = results(update.results)
    unsafe message.pointee.n_cancellations = update.cancellations.count
    unsafe message.pointee.cancellations = cancellations(update.cancellations)
    unsafe message.pointee.drain = update.drain ? 1 : 0
    return unsafe finish(message)
  }

  public func encodeFetchResponse(_ jobs: [ClaimedJob], lease: Interval) -> Int {
    begin()
    let message = unsafe arena.make(gkick__v1__fetch_response__init)
    unsafe message.pointee.n_jobs = jobs.count
    unsafe message.pointee.jobs = assignments(jobs)
    unsafe message.pointee.lease = duration(lease)
    return unsafe finish(message)
  }

  public func encodeReportResponse(_ outcomes: [LeaseResult], _ notices: [CancelNotice]) -> Int {
    begin()
    // Said again with every report until the outcome has come: those that do not fit now have time.
    var room = MessageSize.answer - outcomes.reduce(0) { $0 + $1.messageSize }
    let notices = notices.prefix { notice in
      room -= notice.messageSize
      return room >= 0
    }
    let message = unsafe arena.make(gkick__v1__report_response__init)
    unsafe message.pointee.n_results = outcomes.count
    unsafe message.pointee.results = results(outcomes)
    unsafe message.pointee.n_cancellations = notices.count
    unsafe message.pointee.cancellations = cancellations(Array(notices))
    return unsafe finish(message)
  }

  private func assignments(
    _ jobs: [ClaimedJob]
  ) -> UnsafeMutablePointer<UnsafeMutablePointer<Gkick__V1__Assignment>?> {
    unsafe arena.array(jobs.count) { unsafe assignment(jobs[$0]) }
  }

  private func assignment(_ claimed: ClaimedJob) -> UnsafeMutablePointer<Gkick__V1__Assignment> {
    let message = unsafe arena.make(gkick__v1__assignment__init)
    unsafe message.pointee.lease = lease(claimed.lease)
    unsafe message.pointee.attempt = claimed.attempt
    unsafe message.pointee.queue = arena.copy(claimed.job.queue)
    unsafe message.pointee.name = arena.copy(claimed.job.name)
    unsafe message.pointee.created_at = timestamp(claimed.createdAt)
    unsafe message.pointee.deadline = timestamp(claimed.deadline)
    unsafe message.pointee.max_attempts = claimed.job.options.retry.maxAttempts
    unsafe message.pointee.priority = Int32(claimed.job.priority)
    if !claimed.job.options.dependsOn.isEmpty {
      unsafe message.pointee.n_depends_on = claimed.job.options.dependsOn.count
      unsafe message.pointee.depends_on = texts(claimed.job.options.dependsOn)
    }
    if !claimed.job.options.batchID.isEmpty {
      unsafe message.pointee.batch_id = arena.copy(claimed.job.options.batchID)
    }
    if let first = claimed.job.body.first {
      // The body is whole fields of this very message (see NewJobReading). protobuf-c writes an unknown field as its tag and then
      // its bytes untouched: given the first field's tag and all that follows, it writes the body as it is.
      // All its fields have numbers below 16, so a tag is one byte.
      let body = unsafe arena.copy(claimed.job.body)
      let field = unsafe arena.allocate(MemoryLayout<ProtobufCMessageUnknownField>.size)
        .assumingMemoryBound(to: ProtobufCMessageUnknownField.self)
      unsafe field.initialize(
        to: ProtobufCMessageUnknownField(
          tag: UInt32(first >> 3), wire_type: ProtobufCWireType(rawValue: UInt32(first & 7)),
          len: body.len - 1,
          data: body.data + 1))
      unsafe message.pointee.base.n_unknown_fields = 1
      unsafe message.pointee.base.unknown_fields = field
    }
    return unsafe message
  }

  private func results(
    _ results: [LeaseResult]
  ) -> UnsafeMutablePointer<UnsafeMutablePointer<Gkick__V1__OutcomeResult>?> {
    unsafe arena.array(results.count) { index in
      let result = unsafe arena.make(gkick__v1__outcome_result__init)
      unsafe result.pointee.lease = lease(results[index].lease)
      switch results[index].code {
      case .stored: break
      case .notHeld:
        unsafe result.pointee.status_code = 9
        unsafe result.pointee.status_message = arena.copy("the lease is no longer held")
      case .failed(let error):
        unsafe result.pointee.status_code = error.kind == .full ? 8 : 14
        unsafe result.pointee.status_message = arena.copy(error.message)
      case .refused(let rule):
        unsafe result.pointee.status_code = 3
        unsafe result.pointee.status_message = arena.copy(rule)
      }
      return unsafe result
    }
  }

  private func cancellations(
    _ notices: [CancelNotice]
  ) -> UnsafeMutablePointer<UnsafeMutablePointer<Gkick__V1__Cancellation>?> {
    unsafe arena.array(notices.count) { index in
      let notice = unsafe arena.make(gkick__v1__cancellation__init)
      unsafe notice.pointee.lease = lease(notices[index].lease)
      // The contract names these three words; what the person gave as reason is shown with the job's failure.
      let reason =
        switch notices[index].reason {
        case .canceled: "canceled"
        case .timeout: "timeout"
        case .leaseLost: "lease lost"
        }
      unsafe notice.pointee.reason = arena.copy(reason)
      return unsafe notice
    }
  }
}
