public import Jobs

/// Renews one lease, and stores progress if given.
public struct Renewal: Sendable {
  public var lease: Lease
  /// The new end. May be earlier than the old one (a resume window).
  public var until: Instant
  public var progress: Progress?
  /// Of a job in another queue it is not held; nil: all queues.
  public var scope: QueueScope?
  /// Whoever asks may not know how long the lease was to be, after a restart for instance: it is renewed for no less than that.
  public var isWhole: Bool

  public init(
    lease: Lease, until: Instant, progress: Progress? = nil, scope: QueueScope? = nil, isWhole: Bool = false
  ) {
    self.lease = lease
    self.until = until
    self.progress = progress
    self.scope = scope
    self.isWhole = isWhole
  }
}

public enum Extended: Sendable {
  case extended(RunningJob)
  case notHeld
}

/// A running job as its lease knows it, for a session that takes it over.
public struct RunningJob: Hashable, Sendable {
  public var lease: Lease
  public var workerID: String
  public var queue: String
  public var name: String
  public var attempt: UInt32
  public var payloadSize: Int
  public var startedAt: Timestamp
  public var deadline: Instant?
  public var cancelRequested: Bool
  public var cancelReason: String
}

extension Backlog {
  // MARK: Leases

  /// Ends leases. Events: succeeded, failed, dead, canceled, leaseLost (then dead, if that was the last), or for a released
  /// or unconfirmed one enqueued (scheduled when it has a delay).
  public func settle(_ settlements: [Settlement], now: Moment) throws(StoreError) -> [SettleResult] {
    try readFailures(of: settlements)
    var results: [SettleResult] = []
    results.reserveCapacity(settlements.count)
    // By place: what is copied out of the array costs as much as what is done with it.
    for index in settlements.indices {
      guard let job = running(settlements[index].lease), settlements[index].scope.covers(job.head.job.queue) else {
        results.append(.notHeld)
        continue
      }
      settle(job, settlements[index].outcome, now: now)
      results.append(.settled(job.standing.state))
    }
    return results
  }

  /// An attempt that failed adds to failures that may not be at hand, when it began before the state was loaded.
  private func readFailures(of settlements: [Settlement]) throws(StoreError) {
    var seqs: [Int64] = []
    for index in settlements.indices {
      if case .succeeded(let result) = settlements[index].outcome, result.isEmpty { continue }
      guard let job = running(settlements[index].lease), job.carried == nil else { continue }
      seqs.append(job.seq)
    }
    try read(seqs, bodies: false)
  }

  /// A lease never reaches past its attempt's time and some grace. Event: progress, when given.
  public func extend(_ renewals: [Renewal], now: Moment) throws(StoreError) -> [Extended] {
    var seqs: [Int64] = []
    for renewal in renewals where renewal.progress != nil {
      if let job = running(renewal.lease), job.carried == nil { seqs.append(job.seq) }
    }
    try read(seqs, bodies: false)
    var results: [Extended] = []
    results.reserveCapacity(renewals.count)
    for renewal in renewals {
      guard let job = running(renewal.lease), renewal.scope.covers(job.head.job.queue) else {
        results.append(.notHeld)
        continue
      }
      let until =
        renewal.isWhole ? max(renewal.until, now.elapsed + job.standing.resumeWindow) : renewal.until
      setLeaseEnd(job, min(until, job.leaseLimit))
      if var progress = renewal.progress {
        progress.at = now.wall
        let carried = job.carried ?? .nothing
        touch(job)
        carry(
          job,
          JobCarried(
            result: carried.result, failures: carried.failures, progress: progress,
            cancelReason: carried.cancelReason))
        note(.progress, job, now.wall, detail: .progress(progress), by: job.standing.workerID)
      }
      results.append(.extended(job.asRunning))
    }
    return results
  }

  /// Whether this worker has the lease.
  public func holds(_ lease: Lease, workerID: String) -> Bool {
    running(lease).map { $0.standing.workerID == workerID } ?? false
  }

  /// What the state says that the worker runs, of what was loaded; each is given once.
  public func takeLoadedRuns(of workerID: String) -> [Lease] { loadedRuns.removeValue(forKey: workerID) ?? [] }

  /// The lease ends then, if not earlier.
  public func shorten(_ lease: Lease, to end: Instant, scope: QueueScope?) {
    guard let job = running(lease), scope.covers(job.head.job.queue) else { return }
    setLeaseEnd(job, min(job.leaseEnd, end))
  }

  /// When the lease of a running job ends, by the wall clock as it goes now.
  public func leaseEnd(_ jobID: String, now: Moment) -> Timestamp? {
    guard let job = find(jobID), job.standing.state == .running else { return nil }
    return now.wall + (job.leaseEnd - now.elapsed)
  }

  /// Settles leases whose end has come, at most `limit`: as failed when the attempt's time is over, as canceled when its worker did not stop in
  /// time, else as lost.
  public func reclaim(now: Moment, limit: Int) throws(StoreError) -> [LapsedLease] {
    var jobs: [LiveJob] = []
    for entry in lapses.first(limit) {
      if entry.at > now.elapsed.microseconds { break }
      guard let job = known[entry.seq] else { throw damaged(entry.seq) }
      jobs.append(job)
    }
    try read(jobs.filter { $0.carried == nil }.map(\.seq), bodies: false)
    var lapsed: [LapsedLease] = []
    for job in jobs {
      let lease = job.lease
      let workerID = job.standing.workerID
      if let deadline = job.deadline, deadline <= now.elapsed {
        // Nobody draws here: the middle of the spread.
        let failure = Failure(type: "timeout", message: "the attempt took too long")
        settle(job, .failed(failure, draw: 0.5), now: now)
      } else if job.standing.cancelRequested, job.leaseLimit <= now.elapsed {
        settle(job, .canceled(draw: 0.5), now: now)
      } else {
        settle(job, .lost, now: now)
      }
      lapsed.append(LapsedLease(lease: lease, workerID: workerID, state: job.standing.state))
    }
    return lapsed
  }

  // MARK: What becomes of an attempt

  /// Ends the lease.
  private func settle(_ job: LiveJob, _ outcome: Settlement.Outcome, now moment: Moment) {
    let now = moment.wall
    let isLate = job.deadline.map { $0 <= moment.elapsed } ?? false
    letGo(job)
    touch(job)
    let queue = job.queue
    touch(queue, now)
    queue.running -= 1
    countEnd(job, now)
    job.standing.token = 0
    job.standing.deadline = nil
    job.standing.resumeWindow = .zero
    switch outcome {
    case .succeeded(let result):
      queue.kept.succeeded += 1
      let before = job.carried ?? .nothing
      if !result.isEmpty || !before.result.isEmpty || !before.cancelReason.isEmpty {
        carry(job, JobCarried(result: result, failures: before.failures, progress: before.progress))
      }
      finish(job, as: .succeeded, now: now)
      note(.succeeded, job, now, by: job.standing.workerID)
    case .failed(let failure, let draw):
      fail(job, failure, draw: draw, now: now)
    case .canceled(let draw):
      if job.standing.cancelRequested {
        cancel(job, reason: job.carried?.cancelReason ?? "", now: now)
      } else {
        let failure =
          isLate
          ? Failure(type: "timeout", message: "the attempt's time was over")
          : Failure(type: "canceled", message: "the worker stopped the job without being told to")
        fail(job, failure, draw: draw, now: now)
      }
    case .lost:
      lose(job, now: now)
    case .released(let delay):
      giveBack(job, delay: delay, now: now)
    case .unconfirmed:
      giveBack(job, delay: nil, now: now)
    }
  }

  private func fail(_ job: LiveJob, _ failure: Failure, draw: Double, now: Timestamp) {
    job.queue.kept.failed += 1
    let reason = job.carried?.cancelReason ?? ""
    let failure = keep(failure, in: job, now: now)
    let policy = job.head.job.options.retry
    let failures = job.standing.attempt - min(job.standing.lost, job.standing.attempt)
    if job.standing.cancelRequested {
      cancel(job, reason: reason, after: failure, now: now)
    } else if !failure.retryable || failures >= policy.maxAttempts {
      finish(job, as: .dead, now: now)
      note(.dead, job, now, detail: .failure(failure), by: job.standing.workerID)
    } else {
      let runAt = now + policy.backoff(afterFailures: failures, draw: draw)
      wait(job, as: .retrying, runAt: runAt, now: now)
      note(.failed, job, now, detail: .retry(failure, nextRunAt: runAt), by: job.standing.workerID)
    }
  }

  private func lose(_ job: LiveJob, now: Timestamp) {
    job.queue.kept.failed += 1
    let reason = job.carried?.cancelReason ?? ""
    let failure = keep(Failure(type: "lost", message: "the worker went silent"), in: job, now: now)
    job.standing.lost += 1
    note(.leaseLost, job, now, detail: .failure(failure), by: job.standing.workerID)
    if job.standing.cancelRequested {
      cancel(job, reason: reason, after: failure, now: now)
    } else if job.standing.lost >= job.head.job.options.retry.maxLost {
      finish(job, as: .dead, now: now)
      note(.dead, job, now, detail: .failure(failure), by: job.standing.workerID)
    } else {
      wait(job, as: .ready, runAt: job.standing.runAt, now: now)
      note(.enqueued, job, now)
    }
  }

  /// As if the attempt had never been.
  private func giveBack(_ job: LiveJob, delay: Interval?, now: Timestamp) {
    job.standing.attempt -= min(1, job.standing.attempt)
    if let carried = job.carried, carried.progress != nil {
      carry(
        job, JobCarried(result: carried.result, failures: carried.failures, cancelReason: carried.cancelReason))
    }
    let isCanceled = job.standing.cancelRequested
    // The event says by whom.
    if isCanceled { cancel(job, reason: job.carried?.cancelReason ?? "", now: now) }
    job.standing.startedAt = nil
    job.standing.workerID = ""
    if isCanceled { return }
    if let delay, delay > .zero {
      wait(job, as: .scheduled, runAt: now + delay, now: now)
    } else {
      wait(job, as: .ready, runAt: job.standing.runAt, now: now)
    }
    noteWaiting(job, now)
  }

  /// A reason becomes the last failure; the event tells it, or else the failure that came with the cancellation.
  func cancel(_ job: LiveJob, reason: String, after failure: Failure? = nil, now: Timestamp) {
    var said = failure
    if !reason.isEmpty {
      said = keep(Failure(type: "canceled", message: reason, retryable: false), in: job, now: now)
    }
    finish(job, as: .canceled, now: now)
    note(.canceled, job, now, detail: said.map { .failure($0) } ?? .none, by: job.standing.workerID)
  }

  /// Adds a failure to those that the job carries, which must be at hand.
  func keep(_ failure: Failure, in job: LiveJob, now: Timestamp) -> Failure {
    var failure = failure
    failure.at = now
    failure.attempt = job.standing.attempt
    failure.workerID = job.standing.state == .running ? job.standing.workerID : ""
    let carried = job.carried ?? .nothing
    let failures = carried.failures.suffix(JobRecord.keptFailures - 1) + [failure]
    carry(job, JobCarried(result: carried.result, failures: Array(failures), progress: carried.progress))
    return failure
  }

  // MARK: Where it goes

  /// A job that is in no order (any more) waits, again.
  func wait(_ job: LiveJob, as state: JobState, runAt: Timestamp, now: Timestamp) {
    touch(job)
    job.standing.state = state
    job.standing.runAt = runAt
    job.standing.cancelRequested = false
    forgetReason(job)
    enter(job, now)
  }

  /// A job that is in no order (any more) becomes final: its unique key is free from now on, or when its holding time is over; until
  /// then it is not forgotten.
  func finish(_ job: LiveJob, as state: JobState, now: Timestamp) {
    touch(job)
    let options = job.head.job.options
    job.standing.state = state
    job.standing.finishedAt = now
    job.standing.cancelRequested = false
    forgetReason(job)
    let retention = options.retention ?? (state == .dead ? terms.deadRetention : terms.retention)
    job.standing.expires = now + max(retention, Self.leastRetention)
    if let unique = options.unique {
      let until = job.head.createdAt + (unique.holdFor ?? .zero)
      if until > now {
        job.standing.expires = max(job.standing.expires, until)
        holds.insert(job.seq, until)
      } else {
        freeKey(job)
      }
    }
    nextExpiry = min(nextExpiry, job.standing.expires)
    enter(job, now)
    ended(job)
  }

  /// Whoever waits for its end, or has just ended it, reads it then: it is there so long at least.
  private static let leastRetention: Interval = .seconds(1)

  private func forgetReason(_ job: LiveJob) {
    guard let carried = job.carried, !carried.cancelReason.isEmpty else { return }
    carry(job, JobCarried(result: carried.result, failures: carried.failures, progress: carried.progress))
  }
}
