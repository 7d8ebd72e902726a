import CProtobufC
import GKickProtos
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
    let message = unsafe try open(bytes, gkick__v1__get_job_response__unpack)
    return unsafe try info(message.pointee.job)
  }

  public func decodeListJobsResponse(_ bytes: RawSpan) throws(WireError) -> JobsPage {
    let message = unsafe try open(bytes, gkick__v1__list_jobs_response__unpack)
    var page = JobsPage(
      jobs: [],
      nextPageToken: unsafe try text(message.pointee.next_page_token, "next_page_token", max: .max))
    for index in 0..<(unsafe message.pointee.n_jobs) {
      page.jobs.append(unsafe try info(message.pointee.jobs[index]))
    }
    return page
  }

  public func decodeExplainJobResponse(_ bytes: RawSpan) throws(WireError) -> JobExplanation {
    let message = unsafe try open(bytes, gkick__v1__explain_job_response__unpack)
    var result = JobExplanation(
      job: unsafe try info(message.pointee.job), reasons: [],
      jobsAhead: unsafe message.pointee.jobs_ahead)
    for index in 0..<(unsafe message.pointee.n_reasons) {
      // There are n_reasons of them, and none is nil.
      let reason = unsafe message.pointee.reasons[index]!
      guard
        let hindrance = unsafe try choice(
          reason.pointee.hindrance.rawValue, "hindrance", as: Explanation.Hindrance.self)
      else { throw WireError("hindrance", "not set") }
      result.reasons.append(
        Explanation.Reason(
          hindrance, unsafe try text(reason.pointee.text, "text", max: .max),
          jobIDs: unsafe try texts(
            reason.pointee.job_ids, reason.pointee.n_job_ids, "job_ids", max: .max),
          notBefore: unsafe try timestamp(reason.pointee.not_before, "not_before")))
    }
    return result
  }

  public func decodeStreamEventsResponse(_ bytes: RawSpan) throws(WireError) -> (
    events: [Event], cursor: String
  ) {
    let message = unsafe try open(bytes, gkick__v1__stream_events_response__unpack)
    var events: [Event] = []
    for index in 0..<(unsafe message.pointee.n_events) {
      // There are n_events of them, and none is nil.
      events.append(unsafe try event(message.pointee.events[index]!))
    }
    return (events, unsafe try text(message.pointee.cursor, "cursor", max: .max))
  }

  func info(_ job: UnsafeMutablePointer<Gkick__V1__Job>?) throws(WireError) -> JobInfo {
    guard let job = unsafe job else { throw WireError("job", "not set") }
    var info = JobInfo()
    info.spec = unsafe try shown(job.pointee.spec)
    guard let state = unsafe try choice(job.pointee.state.rawValue, "job.state", as: JobState.self)
    else {
      throw WireError("job.state", "not set")
    }
    info.state = state
    info.attempt = unsafe job.pointee.attempt
    info.createdAt = unsafe try timestamp(job.pointee.created_at, "job.created_at")
    info.runAt = unsafe try timestamp(job.pointee.run_at, "job.run_at")
    info.startedAt = unsafe try timestamp(job.pointee.started_at, "job.started_at")
    info.finishedAt = unsafe try timestamp(job.pointee.finished_at, "job.finished_at")
    info.leaseExpiresAt = unsafe try timestamp(job.pointee.lease_expires_at, "job.lease_expires_at")
    info.workerID = unsafe try text(job.pointee.worker_id, "job.worker_id", max: .max)
    info.result = unsafe bytes(job.pointee.result)
    for index in 0..<(unsafe job.pointee.n_failures) {
      info.failures.append(unsafe try shown(job.pointee.failures[index]!))
    }
    if let progress = unsafe job.pointee.progress { info.progress = unsafe try shown(progress) }
    info.waitingReason = unsafe try text(
      job.pointee.waiting_reason, "job.waiting_reason", max: .max)
    info.lost = unsafe job.pointee.lost
    info.dependenciesOpen = unsafe job.pointee.dependencies_open
    info.recurringJobID = unsafe try text(
      job.pointee.recurring_job_id, "job.recurring_job_id", max: .max)
    return info
  }

  func shown(_ spec: UnsafeMutablePointer<Gkick__V1__JobSpec>?) throws(WireError) -> JobSpec {
    var result = JobSpec()
    guard let spec = unsafe spec else { return result }
    result.id = unsafe try text(spec.pointee.id, "spec.id", max: .max)
    result.queue = unsafe try text(spec.pointee.queue, "spec.queue", max: .max)
    result.name = unsafe try text(spec.pointee.name, "spec.name", max: .max)
    result.payload = unsafe bytes(spec.pointee.payload)
    result.contentType = unsafe try text(spec.pointee.content_type, "spec.content_type", max: .max)
    result.priority = unsafe spec.pointee.priority
    for index in 0..<(unsafe spec.pointee.n_metadata) {
      let entry = unsafe spec.pointee.metadata[index]!
      let key = unsafe try text(entry.pointee.key, "spec.metadata", max: .max)
      result.metadata[key] = unsafe try text(entry.pointee.value, "spec.metadata", max: .max)
    }
    if unsafe spec.pointee.retry != nil {
      result.retry = unsafe try retryPolicy(spec.pointee.retry, least: 0)
    }
    result.timeout = unsafe try interval(spec.pointee.timeout, "spec.timeout")
    result.startBefore = unsafe try timestamp(spec.pointee.start_before, "spec.start_before")
    result.retention = unsafe try interval(spec.pointee.retention, "spec.retention")
    result.unique = unsafe try uniqueness(spec.pointee.unique)
    result.concurrencyKey = unsafe try text(
      spec.pointee.concurrency_key, "spec.concurrency_key", max: .max)
    result.fairnessKey = unsafe try text(spec.pointee.fairness_key, "spec.fairness_key", max: .max)
    result.dependsOn = unsafe try texts(
      spec.pointee.depends_on, spec.pointee.n_depends_on, "spec.depends_on", max: .max)
    result.batchID = unsafe try text(spec.pointee.batch_id, "spec.batch_id", max: .max)
    result.onDependencyFailure =
      unsafe try choice(
        spec.pointee.on_dependency_failure.rawValue, "spec.on_dependency_failure", as: OnDependencyFailure.self)
    return result
  }

  func shown(_ failure: UnsafeMutablePointer<Gkick__V1__Failure>) throws(WireError) -> Failure {
    Failure(
      type: unsafe try text(failure.pointee.type, "failure.type", max: .max),
      message: unsafe try text(failure.pointee.message, "failure.message", max: .max),
      backtrace: unsafe try text(failure.pointee.backtrace, "failure.backtrace", max: .max),
      retryable: unsafe failure.pointee.retryable != 0,
      at: unsafe try timestamp(failure.pointee.at, "failure.at") ?? .distantPast,
      attempt: unsafe failure.pointee.attempt,
      workerID: unsafe try text(failure.pointee.worker_id, "failure.worker_id", max: .max))
  }

  private func shown(_ progress: UnsafeMutablePointer<Gkick__V1__Progress>) throws(WireError)
    -> Progress
  {
    Progress(
      percent: unsafe progress.pointee.percent,
      message: unsafe try text(progress.pointee.message, "progress.message", max: .max),
      at: unsafe try timestamp(progress.pointee.at, "progress.at") ?? .distantPast)
  }

  private func event(_ event: UnsafeMutablePointer<Gkick__V1__Event>) throws(WireError) -> Event {
    guard
      let kind = unsafe try choice(event.pointee.type.rawValue, "event.type", as: Event.Kind.self),
      let cursor = Codec.number(unsafe try text(event.pointee.cursor, "event.cursor", max: .max))
    else { throw WireError("event", "without a type or a cursor") }
    let next = unsafe try timestamp(event.pointee.next_run_at, "event.next_run_at")
    var detail = next.map(Event.Detail.due) ?? .none
    if let given = unsafe event.pointee.failure {
      let failure = unsafe try shown(given)
      detail = next.map { .retry(failure, nextRunAt: $0) } ?? .failure(failure)
    } else if let given = unsafe event.pointee.progress {
      detail = .progress(unsafe try shown(given))
    } else if kind == .audit {
      detail = .audit(
        principal: unsafe try text(event.pointee.principal, "event.principal", max: .max),
        call: unsafe try text(event.pointee.call, "event.call", max: .max))
    }
    return Event(
      cursor: cursor, kind: kind,
      at: unsafe try timestamp(event.pointee.at, "event.at") ?? .distantPast,
      jobID: unsafe try text(event.pointee.job_id, "event.job_id", max: .max),
      queue: unsafe try text(event.pointee.queue, "event.queue", max: .max),
      name: unsafe try text(event.pointee.name, "event.name", max: .max),
      attempt: unsafe event.pointee.attempt,
      workerID: unsafe try text(event.pointee.worker_id, "event.worker_id", max: .max),
      batchID: unsafe try text(event.pointee.batch_id, "event.batch_id", max: .max), detail: detail)
  }
}
