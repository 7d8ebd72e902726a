import Jobs

/// Makes spans of what jobs go through: one for the enqueue, one for each wait, one for each attempt. It keeps something only of jobs that run; of
/// those that it has not seen begin (they ran when the server started) it asks the store.
struct JobTracer {
  /// What it is told.
  enum Step: Sendable {
    case assigned([ClaimedJob])
    case stored([ChangeSet], at: Timestamp)
  }

  private struct Attempt {
    /// nil: not sampled.
    var trace: JobTrace?
    var readyAt: Timestamp
    /// nil: assigned, but its start is not stored yet.
    var startedAt: Timestamp?
    /// When the next one begins that was assigned already, before it was heard that this one is over; nil: there is none.
    var nextReadyAt: Timestamp?
  }

  private let ratio: Double
  private let maxAttempts: Int
  private var attempts: [String: Attempt] = [:]

  /// - Parameter maxAttempts: running jobs that are remembered; of more the store is asked when they end.
  init(ratio: Double, maxAttempts: Int = 100_000) {
    self.ratio = ratio
    self.maxAttempts = maxAttempts
  }

  /// - Parameter spans: gets those that are known at once.
  /// - Returns: ends of attempts and waits about which the store must be asked; see `finish`.
  mutating func take(_ step: Step, into spans: inout [Span]) -> [Event] {
    switch step {
    case .assigned(let jobs):
      for job in jobs { assign(job) }
      return []
    case .stored(let changes, let now):
      var unknown: [Event] = []
      for set in changes { take(set, at: now, &spans, &unknown) }
      return unknown
    }
  }

  private mutating func assign(_ job: ClaimedJob) {
    let id = job.lease.jobID
    // One tick may end an attempt and begin the next, and that before the one that ends was told of as started.
    if attempts[id] != nil {
      attempts[id]?.nextReadyAt = job.readyAt
      return
    }
    guard attempts.count < maxAttempts else { return }
    attempts[id] = Attempt(
      trace: JobTrace(jobID: id, body: job.job.body, ratio: ratio), readyAt: job.readyAt)
  }

  private mutating func take(_ set: ChangeSet, at now: Timestamp, _ spans: inout [Span], _ unknown: inout [Event]) {
    for change in set.jobs {
      guard let body = change.body else { continue }
      let job = change.head.job
      guard let trace = JobTrace(jobID: job.id, body: body, ratio: ratio) else { continue }
      var span = Self.span(trace, job.id, "enqueue", name: job.name, queue: job.queue, from: set.now, to: now)
      span.id = trace.enqueue
      span.parent = trace.producer
      span.kind = .server
      if !job.options.batchID.isEmpty { span.texts.append(("gkick.batch.id", job.options.batchID)) }
      spans.append(span)
    }
    // A job that is lost for the last time ends twice in one set.
    var ended: Set<String> = []
    for event in set.events {
      switch event.kind {
      case .started:
        ended.remove(event.jobID)
        begin(event, &spans)
      case .succeeded, .failed, .dead, .canceled, .expired, .leaseLost:
        guard ended.insert(event.jobID).inserted else { continue }
        if !end(event, &spans) { unknown.append(event) }
      case .scheduled, .enqueued:
        // Given back: it waits again.
        if attempts[event.jobID]?.startedAt != nil, end(event, &spans) { ended.insert(event.jobID) }
      case .progress, .blocked, .refused, .queuePaused, .queueResumed, .workerConnected, .workerDisconnected,
        .batchFinished, .audit:
        break
      }
    }
  }

  /// False: it was not seen to begin.
  private mutating func end(_ event: Event, _ spans: inout [Span]) -> Bool {
    guard let attempt = attempts.removeValue(forKey: event.jobID), let startedAt = attempt.startedAt else {
      return false
    }
    if let trace = attempt.trace { spans.append(Self.attempt(trace, event, from: startedAt)) }
    // Nothing follows what is final: what was assigned and never stored is forgotten with it.
    switch event.kind {
    case .succeeded, .dead, .canceled, .expired: return true
    default: break
    }
    if let next = attempt.nextReadyAt { attempts[event.jobID] = Attempt(trace: attempt.trace, readyAt: next) }
    return true
  }

  private mutating func begin(_ event: Event, _ spans: inout [Span]) {
    guard var attempt = attempts[event.jobID] else { return }
    attempt.startedAt = event.at
    attempts[event.jobID] = attempt
    if let trace = attempt.trace { spans.append(Self.wait(trace, event, from: attempt.readyAt)) }
  }

  /// The end of something that was not seen to begin.
  /// - Parameter record: the job as the store knows it now.
  func finish(_ event: Event, _ record: JobRecord) -> Span? {
    guard let trace = JobTrace(jobID: event.jobID, body: record.job.body, ratio: ratio) else { return nil }
    let hasFailedBefore = record.failures.contains { $0.attempt == event.attempt && $0.at < event.at }
    if let startedAt = record.startedAt, !event.workerID.isEmpty, !hasFailedBefore, startedAt <= event.at {
      return Self.attempt(trace, event, from: startedAt)
    }
    // It ended while it waited.
    var span = Self.wait(trace, event, from: min(max(record.runAt, record.createdAt), event.at))
    span.texts.append(("gkick.job.outcome", Self.outcome(event)))
    span.failure = Self.failure(event)
    return span
  }

  // MARK: - Spans

  private static func wait(_ trace: JobTrace, _ event: Event, from start: Timestamp) -> Span {
    var span = span(
      trace, event.jobID, "wait", name: event.name, queue: event.queue, from: min(start, event.at), to: event.at)
    span.id = JobTrace.wait(event.jobID, until: event.at)
    span.numbers.append(("gkick.job.attempt", Int64(event.attempt)))
    return span
  }

  private static func attempt(_ trace: JobTrace, _ event: Event, from start: Timestamp) -> Span {
    var span = span(
      trace, event.jobID, "attempt", name: event.name, queue: event.queue, from: start, to: max(start, event.at))
    span.id = JobTrace.attempt(event.jobID, from: start)
    span.kind = .consumer
    span.numbers.append(("gkick.job.attempt", Int64(event.attempt)))
    if !event.workerID.isEmpty { span.texts.append(("gkick.worker.id", event.workerID)) }
    span.texts.append(("gkick.job.outcome", outcome(event)))
    span.failure = failure(event)
    return span
  }

  private static func span(
    _ trace: JobTrace, _ jobID: String, _ what: String, name: String, queue: String, from start: Timestamp,
    to end: Timestamp
  ) -> Span {
    Span(
      traceHigh: trace.traceHigh, traceLow: trace.traceLow, id: 0, parent: trace.enqueue, state: trace.state,
      name: what + " " + name, kind: .internal, start: start, end: max(start, end),
      texts: [
        ("messaging.system", "gkick"), ("messaging.operation.name", what), ("messaging.destination.name", queue),
        ("messaging.message.id", jobID), ("gkick.job.name", name),
      ])
  }

  static func outcome(_ event: Event) -> String {
    switch event.kind {
    case .leaseLost: "lost"
    case .scheduled, .enqueued: "released"
    default: "\(event.kind)"
    }
  }

  /// What makes a span one that failed. Being canceled is not.
  private static func failure(_ event: Event) -> Failure? {
    switch (event.kind, event.detail) {
    case (.failed, .retry(let failure, _)), (.dead, .failure(let failure)), (.leaseLost, .failure(let failure)):
      failure
    case (.failed, _), (.dead, _), (.leaseLost, _), (.expired, _):
      Failure(type: outcome(event), message: "", at: event.at)
    default: nil
    }
  }
}
