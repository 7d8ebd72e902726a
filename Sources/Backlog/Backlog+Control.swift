public import Jobs

extension Backlog {
  /// How long a worker that was told to stop keeps the job if it does not.
  static let cancelGrace: Interval = .seconds(30)

  public func control(_ controls: [Control], now: Moment) throws(StoreError) -> [ControlResult] {
    var seqs: [Int64] = []
    for control in controls { gather(control.jobID, into: &seqs) }
    try read(seqs, bodies: false)
    try readHolders(of: controls.compactMap { if case .retry(let id, _) = $0.bare { find(id) } else { nil } }, now.wall)
    try readCarried(of: controls.compactMap { find($0.jobID) })
    return controls.map { control in
      guard let job = find(control.jobID), control.scope.covers(job.head.job.queue) else { return .notFound }
      switch control.bare {
      case .cancel(_, let reason): return cancel(job, asked: reason, now: now)
      case .retry(_, let resetAttempts): return retry(job, resetAttempts: resetAttempts, now: now.wall)
      case .delete: return delete(job, now: now.wall)
      case .within: return .notFound
      }
    }
  }

  /// Who may have the keys that these jobs want back.
  private func readHolders(of jobs: [LiveJob], _ now: Timestamp) throws(StoreError) {
    var seqs: [Int64] = []
    for job in jobs { for id in job.head.job.options.dependsOn { gather(id, into: &seqs) } }
    for job in jobs where job.standing.state.isFinal {
      guard let unique = job.head.job.options.unique else { continue }
      gatherHolders(queue: job.head.job.queue, key: unique.key, now, into: &seqs)
    }
    try read(seqs, bodies: false)
  }

  func readCarried(of jobs: [LiveJob]) throws(StoreError) {
    try read(jobs.filter { $0.carried == nil }.map(\.seq), bodies: false)
  }

  func cancel(_ job: LiveJob, asked reason: String, now: Moment) -> ControlResult {
    if job.standing.state.isFinal { return .refused(job.standing.state) }
    if job.standing.state == .running {
      touch(job)
      if !job.standing.cancelRequested {
        job.standing.cancelRequested = true
        limitCanceled(job, now: now)
        setLeaseEnd(job, min(job.leaseEnd, job.leaseLimit))
      }
      // What was said first is why it ends.
      let carried = job.carried ?? .nothing
      if !reason.isEmpty, carried.cancelReason.isEmpty {
        carry(
          job,
          JobCarried(
            result: carried.result, failures: carried.failures, progress: carried.progress, cancelReason: reason))
      }
      return .running(job.held)
    }
    leave(job, now.wall)
    touch(job)
    cancel(job, reason: reason, now: now.wall)
    return .done(.canceled)
  }

  /// It was told to stop: it has so long, or the rest of its time, if that is less.
  func limitCanceled(_ job: LiveJob, now: Moment) {
    var limit = now.elapsed + Self.cancelGrace
    if let deadline = job.deadline, deadline < limit { limit = max(deadline, now.elapsed) }
    job.leaseLimit = min(job.leaseLimit, limit)
  }

  private func retry(_ job: LiveJob, resetAttempts: Bool, now: Timestamp) -> ControlResult {
    switch job.standing.state {
    case .retrying, .dead, .canceled, .expired: break
    case .scheduled, .ready, .running, .succeeded, .blocked: return .refused(job.standing.state)
    }
    let options = job.head.job.options
    let wasFinal = job.standing.state.isFinal
    if wasFinal, let unique = options.unique {
      let queue = job.head.job.queue
      if let holder = holder(queue: queue, key: unique.key, now), holder !== job {
        return .refused(job.standing.state)
      }
      keys.insert(keys.hash(queue, unique.key), job.seq)
      holds.remove(job.seq)
    }
    leave(job, now)
    touch(job)
    // Who asks for it by hand wants it to run, however late it is.
    if let startBefore = options.startBefore, startBefore <= now { job.standing.wasStarted = true }
    if resetAttempts {
      job.standing.attempt = 0
      job.standing.lost = 0
    }
    job.standing.finishedAt = nil
    job.standing.expires = .distantPast
    if let carried = job.carried, !carried.result.isEmpty {
      carry(job, JobCarried(failures: carried.failures, progress: carried.progress))
    }
    job.standing.runAt = now
    job.standing.state = .ready
    job.standing.cancelRequested = false
    tieAgain(job, wasFinal: wasFinal)
    if wasFinal { awaitAgain(job) }
    enter(job, now)
    noteWaiting(job, now)
    return .done(job.standing.state)
  }

  private func delete(_ job: LiveJob, now: Timestamp) -> ControlResult {
    if job.standing.state == .running { return .refused(.running) }
    let state = job.standing.state
    forget(job, now)
    return .done(state)
  }

  // MARK: In bulk

  /// What a slice of a sweep is about, from `cursor` (nil: the newest) on, down to older jobs.
  public func slice(of sweep: Sweep, from cursor: Int64?, limit: Int) throws(StoreError) -> (
    jobs: [StoredJob], next: Int64?
  ) {
    try rows.jobs(matching: sweep.slice(from: cursor, limit: limit))
  }

  /// One slice, whose jobs were read: see `RowRequest.matching`.
  public func sweep(
    _ sweep: Sweep, _ found: [StoredJob], next: Int64?, now: Moment
  ) throws(StoreError) -> (result: SweepResult, running: [HeldJob]) {
    let page = (jobs: found, next: next)
    let query = sweep.query
    var jobs: [LiveJob] = []
    for stored in page.jobs {
      let job = known[stored.seq] ?? take(stored, bodies: false)
      // It may have changed since it was stored so.
      if !job.isForgotten, query.takes(job.head, job.standing.state) { jobs.append(job) }
    }
    var result = SweepResult(count: 0, next: page.next)
    var running: [HeldJob] = []
    switch sweep.action {
    case .count:
      result.count = jobs.count
    case .delete:
      for job in jobs { if case .done = delete(job, now: now.wall) { result.count += 1 } }
    case .retry(let resetAttempts):
      try readHolders(of: jobs, now.wall)
      try readCarried(of: jobs)
      // The oldest first: what a job depends on is unfinished again before it is looked whether that is so.
      for job in jobs.reversed() {
        if case .done = retry(job, resetAttempts: resetAttempts, now: now.wall) { result.count += 1 }
      }
    case .cancel(let reason):
      try readCarried(of: jobs)
      for job in jobs {
        switch cancel(job, asked: reason, now: now) {
        case .done: result.count += 1
        case .running(let held):
          result.count += 1
          running.append(held)
        case .refused, .notFound: break
        }
      }
    }
    return (result, running)
  }

  // MARK: Queues

  /// A paused queue's jobs wait; what runs goes on. Known even when the queue has no job yet. Event, if it changed: queuePaused, queueResumed.
  public func setPaused(_ paused: Bool, queue name: String, now: Moment) {
    let queue = queue(name, now.wall)
    guard queue.kept.isPaused != paused else { return }
    touch(queue, now.wall)
    queue.kept.isPaused = paused
    record([Event(kind: paused ? .queuePaused : .queueResumed, at: now.wall, queue: name)])
    if !paused { wake(queue) }
  }

  public func isPaused(_ queue: String) -> Bool { queues[queue]?.kept.isPaused ?? false }

  public enum QueueDeletion: Hashable, Sendable {
    case done
    case notFound
    /// It has jobs, finished ones counted in.
    case hasJobs
  }

  public func deleteQueue(_ name: String) -> QueueDeletion {
    guard let queue = queues[name] else { return .notFound }
    guard queue.ready + queue.scheduled + queue.running + queue.blocked == 0, queue.kept.ended == 0 else {
      return .hasJobs
    }
    forget(queue)
    return .done
  }

  /// Those that have jobs, totals or are paused, by name: with the prefix, after `after`, at most `limit`.
  public func queues(
    prefix: String = "", after: String = "", limit: Int = .max, scope: QueueScope? = nil
  ) -> [QueueStatistics] {
    var found: [QueueStatistics] = []
    guard limit > 0 else { return found }
    queues.visit(prefix: prefix, after: after) { queue in
      if queue.isWorthTelling, scope.covers(queue.name) { found.append(queue.statistics) }
      return found.count < limit
    }
    return found
  }

  /// nil: there is nothing to be told of it.
  public func statistics(of queue: String) -> QueueStatistics? {
    guard let queue = queues[queue], queue.isWorthTelling else { return nil }
    return queue.statistics
  }

  /// How many jobs there are of each kind, in all queues.
  public var depth: Depth {
    var depth = Depth()
    queues.forEach { queue in
      depth.ready += UInt64(queue.ready)
      depth.scheduled += UInt64(queue.scheduled)
      depth.running += UInt64(queue.running)
      depth.blocked += UInt64(queue.blocked)
      depth.dead += queue.kept.dead
      if queue.isWorthTelling { depth.queues += 1 }
    }
    return depth
  }

  /// How many jobs of each kind.
  public struct Depth: Equatable, Sendable {
    public var ready: UInt64 = 0
    /// Retrying ones counted in.
    public var scheduled: UInt64 = 0
    public var running: UInt64 = 0
    public var blocked: UInt64 = 0
    public var dead: UInt64 = 0
    /// How many queues there are to be told of.
    public var queues = 0
    public init() {}
  }

  /// How many ready jobs of the queue come before `place`.
  public func jobsAhead(of place: Place, queue: String, fairness: String = "") -> Int {
    queues[queue]?.jobsAhead(of: place, fairness: fairness) ?? 0
  }

  /// The ids of the `most` first of them, the next to run first.
  public func idsAhead(of place: Place, queue: String, most: Int) throws(StoreError) -> [String] {
    guard let queue = queues[queue] else { return [] }
    let seqs = queue.seqsAhead(of: place, most: most)
    try read(seqs.filter { known[$0] == nil }, bodies: false)
    return seqs.compactMap { known[$0]?.id }
  }
}

extension Control {
  var jobID: String {
    switch self {
    case .cancel(let id, _), .retry(let id, _), .delete(let id): id
    case .within(_, let control): control.jobID
    }
  }
}

extension Queue {
  var statistics: QueueStatistics {
    var statistics = QueueStatistics(name: name)
    statistics.paused = kept.isPaused
    statistics.ready = UInt64(ready)
    statistics.scheduled = UInt64(scheduled)
    statistics.running = UInt64(running)
    statistics.blocked = UInt64(blocked)
    statistics.dead = kept.dead
    statistics.succeededTotal = kept.succeeded
    statistics.failedTotal = kept.failed
    statistics.oldestReadyAt = ready > 0 ? oldestReadyAt : nil
    return statistics
  }
}
