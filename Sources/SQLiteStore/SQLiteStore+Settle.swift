import Jobs

extension SQLiteStore {
  public func settle(_ settlements: [Settlement], now: Timestamp) throws(StoreError) -> [SettleResult] {
    acknowledges = true
    var results: [SettleResult] = []
    results.reserveCapacity(settlements.count)
    // By place: what is copied out of the array costs as much as what is done with it.
    for index in settlements.indices {
      guard let running = held(settlements[index].lease),
        settlements[index].means(leaseUntil: running.stored.row.until)
      else {
        results.append(.notHeld)
        continue
      }
      try begin(now)
      results.append(.settled(try settle(running, settlements[index].outcome, now: now)))
    }
    return results
  }

  public func extend(_ extensions: [Extension], now: Timestamp) throws(StoreError) -> [ExtendResult] {
    var results: [ExtendResult] = []
    results.reserveCapacity(extensions.count)
    for renewal in extensions {
      guard let running = held(renewal.lease) else {
        results.append(.notHeld)
        continue
      }
      if renewal.means(leaseUntil: running.stored.row.until) {
        memory.renew(running, until: leaseEnd(renewal.until, running.stored.row))
        running.isRenewed = true
        leases.note(running.stored.seq, until: running.stored.row.until)
      }
      if var progress = renewal.progress {
        try begin(now)
        progress.at = now
        memory.change(running) { $0.progress = progress }
        try writeState(&running.stored)
        note(.progress, running.stored, now, detail: .progress(progress), by: running.stored.row.workerID)
      }
      results.append(.extended(running.stored.held))
    }
    return results
  }

  private func held(_ lease: Lease) -> Live? {
    guard let running = memory.running(lease.jobID, salt: salt), running.stored.row.token == lease.token else {
      return nil
    }
    return running
  }

  /// Ends the lease; returns what the job is now.
  func settle(_ running: Live, _ outcome: Settlement.Outcome, now: Timestamp) throws(StoreError) -> JobState {
    memory.end(running)
    if running.isRenewed { leases.note(running.stored.seq, until: nil) }
    var stored = running.stored
    let queue = running.queue
    switch outcome {
    case .succeeded(let result):
      queue.standing.succeeded += 1
      stored.row.result = result
      try finish(&stored, queue, as: .succeeded, now: now)
      note(.succeeded, stored, now, by: stored.row.workerID)
    case .failed(let failure, let draw):
      try fail(&stored, queue, failure, draw: draw, now: now)
    case .canceled(let draw):
      if stored.row.cancelRequested {
        try cancel(&stored, queue, reason: stored.row.cancelReason, now: now)
      } else {
        let failure = Failure(type: "canceled", message: "the worker stopped the job without being told to")
        try fail(&stored, queue, failure, draw: draw, now: now)
      }
    case .lost:
      try lose(&stored, queue, now: now)
    case .released(let delay):
      try giveBack(&stored, queue, delay: delay, now: now)
    case .unconfirmed:
      try giveBack(&stored, queue, delay: nil, now: now)
    }
    return stored.row.state
  }

  private func fail(
    _ stored: inout Stored, _ queue: Queue, _ failure: Failure, draw: Double, now: Timestamp
  ) throws(StoreError) {
    queue.standing.failed += 1
    let failure = keep(failure, in: &stored, now: now)
    let policy = stored.head.job.options.retry
    let failures = stored.row.attempt - min(stored.row.lost, stored.row.attempt)
    if stored.row.cancelRequested {
      try cancel(&stored, queue, reason: stored.row.cancelReason, after: failure, now: now)
    } else if !failure.retryable || failures >= policy.maxAttempts {
      try finish(&stored, queue, as: .dead, now: now)
      note(.dead, stored, now, detail: .failure(failure), by: stored.row.workerID)
    } else {
      let runAt = now + policy.backoff(afterFailures: failures, draw: draw)
      try wait(&stored, queue, as: .retrying, runAt: runAt)
      note(.failed, stored, now, detail: .retry(failure, nextRunAt: runAt), by: stored.row.workerID)
    }
  }

  private func lose(_ stored: inout Stored, _ queue: Queue, now: Timestamp) throws(StoreError) {
    queue.standing.failed += 1
    let failure = keep(Failure(type: "lost", message: "the worker went silent"), in: &stored, now: now)
    stored.row.lost += 1
    note(.leaseLost, stored, now, detail: .failure(failure), by: stored.row.workerID)
    if stored.row.cancelRequested {
      try cancel(&stored, queue, reason: stored.row.cancelReason, after: failure, now: now)
    } else if stored.row.lost >= stored.head.job.options.retry.maxLost {
      try finish(&stored, queue, as: .dead, now: now)
      note(.dead, stored, now, detail: .failure(failure), by: stored.row.workerID)
    } else {
      try wait(&stored, queue, as: .ready, runAt: stored.row.runAt)
      note(.enqueued, stored, now)
    }
  }

  /// As if the attempt had never been.
  private func giveBack(
    _ stored: inout Stored, _ queue: Queue, delay: Interval?, now: Timestamp
  ) throws(StoreError) {
    stored.row.attempt -= min(1, stored.row.attempt)
    if stored.row.cancelRequested {
      try cancel(&stored, queue, reason: stored.row.cancelReason, now: now)
      return
    }
    stored.row.startedAt = nil
    stored.row.workerID = ""
    stored.row.progress = nil
    if let delay, delay > .zero {
      try wait(&stored, queue, as: .scheduled, runAt: now + delay)
    } else {
      try wait(&stored, queue, as: .ready, runAt: stored.row.runAt)
    }
    noteWaiting(stored, now)
  }

  /// A reason becomes the last failure; the event tells it, or else the failure that came with the cancellation.
  func cancel(
    _ stored: inout Stored, _ queue: Queue, reason: String, after failure: Failure? = nil, now: Timestamp
  ) throws(StoreError) {
    var said = failure
    if !reason.isEmpty {
      said = keep(Failure(type: "canceled", message: reason, retryable: false), in: &stored, now: now)
    }
    try finish(&stored, queue, as: .canceled, now: now)
    note(.canceled, stored, now, detail: said.map { .failure($0) } ?? .none, by: stored.row.workerID)
  }

  private func keep(_ failure: Failure, in stored: inout Stored, now: Timestamp) -> Failure {
    var failure = failure
    failure.at = now
    failure.attempt = stored.row.attempt
    failure.workerID = stored.row.state == .running ? stored.row.workerID : ""
    stored.row.failures.append(failure)
    if stored.row.failures.count > JobRecord.keptFailures { stored.row.failures.removeFirst() }
    return failure
  }

  /// A job that is in no order (any more) waits, again.
  func wait(_ stored: inout Stored, _ queue: Queue, as state: JobState, runAt: Timestamp) throws(StoreError) {
    stored.row.state = state
    stored.row.runAt = runAt
    stored.row.cancelRequested = false
    stored.row.cancelReason = ""
    try writeState(&stored)
    memory.enter(stored, queue)
  }

  /// A job that is in no order (any more) becomes final: its unique key is free from now on, or when its holding time is over; until
  /// then it is not forgotten.
  func finish(_ stored: inout Stored, _ queue: Queue, as state: JobState, now: Timestamp) throws(StoreError) {
    let options = stored.head.job.options
    stored.row.state = state
    stored.row.finishedAt = now
    stored.row.cancelRequested = false
    stored.row.cancelReason = ""
    let retention = options.retention ?? (state == .dead ? configuration.deadRetention : configuration.retention)
    stored.row.expires = now + retention
    if let unique = options.unique {
      let until = stored.head.createdAt + (unique.holdFor ?? .zero)
      if until > now {
        stored.row.expires = max(stored.row.expires, until)
        try hold(queue: stored.head.job.queue, key: unique.key, seq: stored.seq, until: until)
      } else {
        try free(queue: stored.head.job.queue, key: unique.key, seq: stored.seq)
      }
    }
    let at = stored.row.expires.microseconds
    if ends.last?.at != at { ends.append((at, [])) }
    ends[ends.count - 1].seqs.append(stored.seq)
    try writeState(&stored)
    memory.enter(stored, queue)
  }
}
