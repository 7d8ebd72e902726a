import CProtobufC
import GKickProtos
import Jobs

/// Job messages, as a server shows jobs.
extension Codec {
  func job(_ record: JobRecord, _ annotation: Annotation?) -> UnsafeMutablePointer<Gkick__V1__Job> {
    let message = unsafe arena.make(gkick__v1__job__init)
    unsafe message.pointee.spec = spec(record.job)
    if record.messageSize > MessageSize.most - Bounds.reserve {
      // Payload and result together are more than stock clients take: whoever asks wants the result.
      unsafe message.pointee.spec.pointee.payload = arena.copy([])
    }
    unsafe message.pointee.state = Gkick__V1__JobState(rawValue: UInt32(record.state.rawValue))
    unsafe message.pointee.attempt = record.attempt
    unsafe message.pointee.created_at = timestamp(record.createdAt)
    unsafe message.pointee.run_at = timestamp(record.runAt)
    unsafe message.pointee.started_at = timestamp(record.startedAt)
    unsafe message.pointee.finished_at = timestamp(record.finishedAt)
    if record.state == .running {
      unsafe message.pointee.lease_expires_at = timestamp(
        annotation?.leaseUntil ?? record.leaseUntil)
    }
    unsafe message.pointee.worker_id = arena.copy(record.workerID)
    unsafe message.pointee.result = arena.copy(record.result)
    unsafe message.pointee.n_failures = record.failures.count
    unsafe message.pointee.failures = arena.array(record.failures.count) {
      unsafe failure(record.failures[$0])
    }
    unsafe message.pointee.progress = record.progress.map { unsafe progress($0) }
    if let annotation {
      unsafe message.pointee.waiting_reason = arena.copy(annotation.waitingReason)
      unsafe message.pointee.dependencies_open = annotation.dependenciesOpen
    }
    unsafe message.pointee.recurring_job_id = arena.copy(record.job.options.recurringJobID)
    unsafe message.pointee.lost = record.lost
    return unsafe message
  }

  func failure(_ failure: Failure) -> UnsafeMutablePointer<Gkick__V1__Failure> {
    let message = unsafe arena.make(gkick__v1__failure__init)
    unsafe message.pointee.type = arena.copy(failure.type)
    unsafe message.pointee.message = arena.copy(failure.message)
    unsafe message.pointee.backtrace = arena.copy(failure.backtrace)
    unsafe message.pointee.retryable = failure.retryable ? 1 : 0
    if failure.at != .distantPast { unsafe message.pointee.at = timestamp(failure.at) }
    unsafe message.pointee.attempt = failure.attempt
    unsafe message.pointee.worker_id = arena.copy(failure.workerID)
    return unsafe message
  }

  func progress(_ progress: Progress) -> UnsafeMutablePointer<Gkick__V1__Progress> {
    let message = unsafe arena.make(gkick__v1__progress__init)
    unsafe message.pointee.percent = progress.percent
    unsafe message.pointee.message = arena.copy(progress.message)
    if progress.at != .distantPast { unsafe message.pointee.at = timestamp(progress.at) }
    return unsafe message
  }

  /// GetJob, WaitJob, CancelJob and RetryJob answer alike: the job is their only field.
  public func encodeJobResponse(_ record: JobRecord, _ annotation: Annotation?) -> Int {
    begin()
    let message = unsafe arena.make(gkick__v1__get_job_response__init)
    unsafe message.pointee.job = job(record, annotation)
    return unsafe finish(message)
  }

  /// - Parameter annotations: one per job; or none at all.
  public func encodeListJobsResponse(
    _ jobs: [JobRecord], _ annotations: [Annotation], nextPageToken: String
  ) -> Int {
    begin()
    let message = unsafe arena.make(gkick__v1__list_jobs_response__init)
    unsafe message.pointee.n_jobs = jobs.count
    unsafe message.pointee.jobs = arena.array(jobs.count) {
      unsafe job(jobs[$0], $0 < annotations.count ? annotations[$0] : nil)
    }
    unsafe message.pointee.next_page_token = arena.copy(nextPageToken)
    return unsafe finish(message)
  }

  public func encodeExplainJobResponse(_ record: JobRecord, _ explanation: Explanation) -> Int {
    begin()
    let message = unsafe arena.make(gkick__v1__explain_job_response__init)
    unsafe message.pointee.job = job(record, explanation.annotation)
    unsafe message.pointee.n_reasons = explanation.reasons.count
    unsafe message.pointee.reasons = arena.array(explanation.reasons.count) { index in
      let given = explanation.reasons[index]
      let reason = unsafe arena.make(gkick__v1__explain_job_response__reason__init)
      unsafe reason.pointee.hindrance = Gkick__V1__Hindrance(
        rawValue: UInt32(given.hindrance.rawValue))
      unsafe reason.pointee.text = arena.copy(given.text)
      unsafe reason.pointee.n_job_ids = given.jobIDs.count
      unsafe reason.pointee.job_ids = texts(given.jobIDs)
      unsafe reason.pointee.not_before = timestamp(given.notBefore)
      return unsafe reason
    }
    unsafe message.pointee.jobs_ahead = explanation.jobsAhead
    return unsafe finish(message)
  }
}
