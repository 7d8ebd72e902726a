import GKickProtos
import Jobs

/// Job messages, as a server shows jobs.
extension Codec {
  func job(_ record: JobRecord, _ annotation: Annotation?) -> Proto.Job {
    let message = Proto.Job(in: arena)
    message.spec = spec(record.job)
    if record.messageSize > MessageSize.most - Bounds.reserve {
      // Payload and result together are more than stock clients take: whoever asks wants the result.
      message.spec?.payload = arena.copy([])
    }
    message.state = Gkick__V1__JobState(rawValue: UInt32(record.state.rawValue))
    message.attempt = record.attempt
    message.createdAt = timestamp(record.createdAt)
    message.runAt = timestamp(record.runAt)
    message.startedAt = timestamp(record.startedAt)
    message.finishedAt = timestamp(record.finishedAt)
    if record.state == .running {
      message.leaseExpiresAt = timestamp(annotation?.leaseUntil ?? record.leaseUntil)
    }
    message.workerID = arena.copy(record.workerID)
    message.result = arena.copy(record.result)
    message.failures = arena.array(record.failures.count) {
      failure(record.failures[$0])
    }
    message.progress = record.progress.map { progress($0) }
    if let annotation {
      message.waitingReason = arena.copy(annotation.waitingReason)
      message.dependenciesOpen = annotation.dependenciesOpen
    }
    message.recurringJobID = arena.copy(record.job.options.recurringJobID)
    message.lost = record.lost
    return message
  }

  func failure(_ failure: Failure) -> Proto.Failure {
    let message = Proto.Failure(in: arena)
    message.type = arena.copy(failure.type)
    message.message = arena.copy(failure.message)
    message.backtrace = arena.copy(failure.backtrace)
    message.retryable = failure.retryable
    if failure.at != .distantPast { message.at = timestamp(failure.at) }
    message.attempt = failure.attempt
    message.workerID = arena.copy(failure.workerID)
    return message
  }

  func progress(_ progress: Progress) -> Proto.Progress {
    let message = Proto.Progress(in: arena)
    message.percent = progress.percent
    message.message = arena.copy(progress.message)
    if progress.at != .distantPast { message.at = timestamp(progress.at) }
    return message
  }

  /// GetJob, WaitJob, CancelJob and RetryJob answer alike: the job is their only field.
  public func encodeJobResponse(_ record: JobRecord, _ annotation: Annotation?) -> Int {
    begin()
    let message = Proto.GetJobResponse(in: arena)
    message.job = job(record, annotation)
    return finish(message)
  }

  /// - Parameter annotations: one per job; or none at all.
  public func encodeListJobsResponse(
    _ jobs: [JobRecord], _ annotations: [Annotation], nextPageToken: String
  ) -> Int {
    begin()
    let message = Proto.ListJobsResponse(in: arena)
    message.jobs = arena.array(jobs.count) {
      job(jobs[$0], $0 < annotations.count ? annotations[$0] : nil)
    }
    message.nextPageToken = arena.copy(nextPageToken)
    return finish(message)
  }

  public func encodeExplainJobResponse(_ record: JobRecord, _ explanation: Explanation) -> Int {
    begin()
    let message = Proto.ExplainJobResponse(in: arena)
    message.job = job(record, explanation.annotation)
    message.reasons = arena.array(explanation.reasons.count) { index in
      let given = explanation.reasons[index]
      let reason = Proto.ExplainJobResponseReason(in: arena)
      reason.hindrance = Gkick__V1__Hindrance(rawValue: UInt32(given.hindrance.rawValue))
      reason.text = arena.copy(given.text)
      reason.jobIDs = texts(given.jobIDs)
      reason.notBefore = timestamp(given.notBefore)
      return reason
    }
    message.jobsAhead = explanation.jobsAhead
    return finish(message)
  }
}
