public import Jobs

public struct JobsPage: Hashable, Sendable {
  public var jobs: [JobInfo]
  /// Empty: this was the last.
  public var nextPageToken: String
}

public struct JobExplanation: Sendable {
  public var job: JobInfo
  public var reasons: [Explanation.Reason]
  public var jobsAhead: UInt64
}

/// Jobs and events as a client is shown them. Unknown enum values are an error here too: a newer server than this client.
extension Codec {
  /// GetJob, WaitJob, CancelJob and RetryJob answer alike.
  public func decodeJobResponse(_ bytes: RawSpan) throws(WireError) -> JobInfo {
    let message = try open(bytes, as: Proto.GetJobResponse.self)
    return try info(message.job)
  }

  public func decodeListJobsResponse(_ bytes: RawSpan) throws(WireError) -> JobsPage {
    let message = try open(bytes, as: Proto.ListJobsResponse.self)
    var page = JobsPage(
      jobs: [],
      nextPageToken: try text(message.nextPageToken, "next_page_token", max: .max))
    for job in message.jobs {
      page.jobs.append(try info(job))
    }
    return page
  }

  public func decodeExplainJobResponse(_ bytes: RawSpan) throws(WireError) -> JobExplanation {
    let message = try open(bytes, as: Proto.ExplainJobResponse.self)
    var result = JobExplanation(
      job: try info(message.job), reasons: [],
      jobsAhead: message.jobsAhead)
    for reason in message.reasons {
      guard
        let hindrance = try choice(reason.hindrance.rawValue, "hindrance", as: Explanation.Hindrance.self)
      else { throw WireError("hindrance", "not set") }
      result.reasons.append(
        Explanation.Reason(
          hindrance, try text(reason.text, "text", max: .max),
          jobIDs: try texts(reason.jobIDs, "job_ids", max: .max),
          notBefore: try timestamp(reason.notBefore, "not_before")))
    }
    return result
  }

  public func decodeStreamEventsResponse(_ bytes: RawSpan) throws(WireError) -> (
    events: [Event], cursor: String
  ) {
    let message = try open(bytes, as: Proto.StreamEventsResponse.self)
    var events: [Event] = []
    for said in message.events {
      events.append(try event(said))
    }
    return (events, try text(message.cursor, "cursor", max: .max))
  }

  func info(_ job: Proto.Job?) throws(WireError) -> JobInfo {
    guard let job else { throw WireError("job", "not set") }
    var info = JobInfo()
    info.spec = try shown(job.spec)
    guard let state = try choice(job.state.rawValue, "job.state", as: JobState.self)
    else {
      throw WireError("job.state", "not set")
    }
    info.state = state
    info.attempt = job.attempt
    info.createdAt = try timestamp(job.createdAt, "job.created_at")
    info.runAt = try timestamp(job.runAt, "job.run_at")
    info.startedAt = try timestamp(job.startedAt, "job.started_at")
    info.finishedAt = try timestamp(job.finishedAt, "job.finished_at")
    info.leaseExpiresAt = try timestamp(job.leaseExpiresAt, "job.lease_expires_at")
    info.workerID = try text(job.workerID, "job.worker_id", max: .max)
    info.result = bytes(job.result)
    for failure in job.failures {
      info.failures.append(try shown(failure))
    }
    if let progress = job.progress { info.progress = try shown(progress) }
    info.waitingReason = try text(job.waitingReason, "job.waiting_reason", max: .max)
    info.lost = job.lost
    info.dependenciesOpen = job.dependenciesOpen
    info.recurringJobID = try text(job.recurringJobID, "job.recurring_job_id", max: .max)
    return info
  }

  func shown(_ spec: Proto.JobSpec?) throws(WireError) -> JobSpec {
    var result = JobSpec()
    guard let spec else { return result }
    result.id = try text(spec.id, "spec.id", max: .max)
    result.queue = try text(spec.queue, "spec.queue", max: .max)
    result.name = try text(spec.name, "spec.name", max: .max)
    result.payload = bytes(spec.payload)
    result.contentType = try text(spec.contentType, "spec.content_type", max: .max)
    result.priority = spec.priority
    for entry in spec.metadata {
      let key = try text(entry.key, "spec.metadata", max: .max)
      result.metadata[key] = try text(entry.value, "spec.metadata", max: .max)
    }
    if spec.retry != nil {
      result.retry = try retryPolicy(spec.retry, least: 0)
    }
    result.timeout = try interval(spec.timeout, "spec.timeout")
    result.startBefore = try timestamp(spec.startBefore, "spec.start_before")
    result.retention = try interval(spec.retention, "spec.retention")
    result.unique = try uniqueness(spec.unique)
    result.concurrencyKey = try text(spec.concurrencyKey, "spec.concurrency_key", max: .max)
    result.fairnessKey = try text(spec.fairnessKey, "spec.fairness_key", max: .max)
    result.dependsOn = try texts(spec.dependsOn, "spec.depends_on", max: .max)
    result.batchID = try text(spec.batchID, "spec.batch_id", max: .max)
    result.onDependencyFailure =
      try choice(
        spec.onDependencyFailure.rawValue, "spec.on_dependency_failure", as: OnDependencyFailure.self)
    return result
  }

  func shown(_ failure: Proto.Failure) throws(WireError) -> Failure {
    Failure(
      type: try text(failure.type, "failure.type", max: .max),
      message: try text(failure.message, "failure.message", max: .max),
      backtrace: try text(failure.backtrace, "failure.backtrace", max: .max),
      retryable: failure.retryable,
      at: try timestamp(failure.at, "failure.at") ?? .distantPast,
      attempt: failure.attempt,
      workerID: try text(failure.workerID, "failure.worker_id", max: .max))
  }

  private func shown(_ progress: Proto.Progress) throws(WireError)
    -> Progress
  {
    Progress(
      percent: progress.percent,
      message: try text(progress.message, "progress.message", max: .max),
      at: try timestamp(progress.at, "progress.at") ?? .distantPast)
  }

  private func event(_ event: Proto.Event) throws(WireError) -> Event {
    guard
      let kind = try choice(event.type.rawValue, "event.type", as: Event.Kind.self),
      let cursor = Codec.number(try text(event.cursor, "event.cursor", max: .max))
    else { throw WireError("event", "without a type or a cursor") }
    let next = try timestamp(event.nextRunAt, "event.next_run_at")
    var detail = next.map(Event.Detail.due) ?? .none
    if let given = event.failure {
      let failure = try shown(given)
      detail = next.map { .retry(failure, nextRunAt: $0) } ?? .failure(failure)
    } else if let given = event.progress {
      detail = .progress(try shown(given))
    } else if kind == .audit {
      detail = .audit(
        principal: try text(event.principal, "event.principal", max: .max),
        call: try text(event.call, "event.call", max: .max))
    }
    return Event(
      cursor: cursor, kind: kind,
      at: try timestamp(event.at, "event.at") ?? .distantPast,
      jobID: try text(event.jobID, "event.job_id", max: .max),
      queue: try text(event.queue, "event.queue", max: .max),
      name: try text(event.name, "event.name", max: .max),
      attempt: event.attempt,
      workerID: try text(event.workerID, "event.worker_id", max: .max),
      batchID: try text(event.batchID, "event.batch_id", max: .max), detail: detail)
  }
}
