#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif
import Jobs
import Wire

// Between what users see and what goes over the wire.

extension Wire.JobSpec {
  package init(_ request: JobRequest) {
    self.init()
    id = request.id
    queue = request.queue
    name = request.name
    payload = request.payload
    contentType = request.contentType
    priority = Int32(clamping: request.priority)
    metadata = request.metadata
    retry = request.retry?.stored
    timeout = request.timeout?.interval
    startBefore = request.startBefore?.timestamp
    retention = request.retention?.interval
    unique = request.unique.map(Jobs.Uniqueness.init)
    concurrencyKey = request.concurrencyKey
    fairnessKey = request.fairnessKey
    dependsOn = request.dependsOn
    if request.onDependencyFailure == .run { onDependencyFailure = .run }
    batchID = request.batchID
  }
}

extension JobRequest {
  /// What a server shows of a job that is to be made.
  init(_ spec: JobSpec) {
    self.init(
      UntypedJob(name: spec.name, payload: spec.payload, contentType: spec.contentType), options: JobOptions(),
      when: .now)
    id = spec.id
    queue = spec.queue.isEmpty ? "default" : spec.queue
    priority = Int(spec.priority)
    metadata = spec.metadata
    retry = spec.retry.map { RetryPolicy($0) }
    timeout = spec.timeout?.duration
    startBefore = spec.startBefore.map { Date($0) }
    retention = spec.retention?.duration
    unique = spec.unique.map { Uniqueness($0) }
    concurrencyKey = spec.concurrencyKey
    fairnessKey = spec.fairnessKey
    dependsOn = spec.dependsOn
    onDependencyFailure = spec.onDependencyFailure ?? .cancel
    batchID = spec.batchID
  }
}

extension RetryPolicy {
  init(_ policy: Jobs.RetryPolicy) {
    self.init(
      maxAttempts: Int(policy.maxAttempts), initialBackoff: policy.initialBackoff.duration,
      maxBackoff: policy.maxBackoff.duration, multiplier: policy.multiplier, jitter: max(0, policy.jitter),
      maxLost: Int(policy.maxLost))
  }
}

extension Uniqueness {
  init(_ unique: Jobs.Uniqueness) {
    self.init(key: unique.key, holdFor: unique.holdFor?.duration, onConflict: unique.onConflict)
  }
}

extension Wire.JobOrder {
  init(_ request: JobRequest) {
    let time: JobTime? =
      switch request.when {
      case .now: nil
      case .at(let date): .at(date.timestamp)
      case .after(let delay): .after(max(delay, .zero).interval)
      }
    self.init(job: JobSpec(request), time: time)
  }
}

extension Jobs.Uniqueness {
  init(_ unique: Uniqueness) {
    self.init(key: unique.key, holdFor: unique.holdFor?.interval, onConflict: unique.onConflict)
  }
}

extension JobInfo {
  package init(_ info: Wire.JobInfo) {
    let createdAt = info.createdAt.map { Date($0) } ?? Date(timeIntervalSince1970: 0)
    self.init(
      id: info.spec.id, queue: info.spec.queue, name: info.spec.name, state: info.state, createdAt: createdAt,
      runAt: info.runAt.map { Date($0) } ?? createdAt)
    payload = info.spec.payload
    contentType = info.spec.contentType
    priority = Int(info.spec.priority)
    metadata = info.spec.metadata
    attempt = Int(info.attempt)
    lost = Int(info.lost)
    startedAt = info.startedAt.map { Date($0) }
    finishedAt = info.finishedAt.map { Date($0) }
    workerID = info.workerID
    result = info.result
    failures = info.failures.map { JobFailure($0) }
    progress = info.progress.map { JobProgress($0) }
    batchID = info.spec.batchID
    waitingReason = info.waitingReason
    leaseExpiresAt = info.leaseExpiresAt.map { Date($0) }
    maxAttempts = Int(info.spec.retry?.maxAttempts ?? 0)
    timeout = info.spec.timeout?.duration
    startBefore = info.spec.startBefore.map { Date($0) }
    retention = info.spec.retention?.duration
    uniqueKey = info.spec.unique?.key ?? ""
    concurrencyKey = info.spec.concurrencyKey
    fairnessKey = info.spec.fairnessKey
    dependsOn = info.spec.dependsOn
    onDependencyFailure = info.spec.onDependencyFailure ?? .cancel
    dependenciesOpen = Int(info.dependenciesOpen)
    recurringJobID = info.recurringJobID
  }
}

extension JobFailure {
  package init(_ failure: Failure) {
    self.init(
      type: failure.type, message: failure.message, backtrace: failure.backtrace, isRetryable: failure.retryable,
      at: Date(failure.at), attempt: Int(failure.attempt), workerID: failure.workerID)
  }
}

extension JobProgress {
  package init(_ progress: Progress) {
    self.init(percent: Int(progress.percent), message: progress.message, at: Date(progress.at))
  }
}

extension JobEvent {
  init(_ event: Event) {
    self.init(
      cursor: String(event.cursor), kind: event.kind, at: Date(event.at), jobID: event.jobID, queue: event.queue,
      name: event.name)
    attempt = Int(event.attempt)
    workerID = event.workerID
    batchID = event.batchID
    switch event.detail {
    case .none: break
    case .failure(let failure): self.failure = JobFailure(failure)
    case .retry(let failure, let next):
      self.failure = JobFailure(failure)
      nextRunAt = Date(next)
    case .progress(let progress): self.progress = JobProgress(progress)
    case .due(let next): nextRunAt = Date(next)
    case .audit(let principal, let call): (self.principal, self.call) = (principal, call)
    }
  }
}

extension JobExplanation {
  init(_ explanation: Wire.JobExplanation) {
    self.init(
      job: JobInfo(explanation.job), reasons: explanation.reasons.map { Reason($0) },
      jobsAhead: Int(clamping: explanation.jobsAhead))
  }
}

extension JobExplanation.Reason {
  init(_ reason: Explanation.Reason) {
    let hindrance: JobExplanation.Hindrance =
      switch reason.hindrance {
      case .notDue: .notDue
      case .queuePaused: .queuePaused
      case .noWorker: .noWorker
      case .workersBusy: .workersBusy
      case .concurrencyLimit: .concurrencyLimit
      case .rateLimit: .rateLimit
      case .dependency: .dependency
      case .jobsAhead: .jobsAhead
      }
    self.init(
      hindrance: hindrance, text: reason.text, jobIDs: reason.jobIDs, notBefore: reason.notBefore.map { Date($0) })
  }
}

extension RecurringOrder {
  init(_ id: String, _ schedule: RecurringJob.Schedule) {
    self.init(id: id)
    switch schedule {
    case .cron(let text, let zone):
      cron = text
      timeZone = zone
    case .every(let duration): every = duration.interval
    }
  }

  package init(_ job: RecurringJob) {
    self.init(job.id, job.schedule)
    self.job = JobSpec(job.request)
    missedRuns = job.missedRuns
    overlap = job.overlap
    isPaused = job.isPaused
  }
}

extension RecurringJob {
  init(_ order: RecurringOrder) {
    self.init(
      id: order.id,
      schedule: order.every.map { .every($0.duration) }
        ?? .cron(order.cron, timeZone: order.timeZone.isEmpty ? "UTC" : order.timeZone),
      request: JobRequest(order.job ?? JobSpec()), missedRuns: order.missedRuns ?? .one,
      overlap: order.overlap ?? .allow, isPaused: order.isPaused)
    nextRunAt = order.nextRunAt.map { Date($0) }
    lastRunAt = order.lastRunAt.map { Date($0) }
  }
}
