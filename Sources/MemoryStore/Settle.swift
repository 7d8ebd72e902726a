import Jobs

extension MemoryStore {
  public func settle(_ settlements: [Settlement], now: Timestamp) -> [SettleResult] {
    settlements.map { settlement in
      guard var row = held(settlement.lease), settlement.means(leaseUntil: row.record.leaseUntil ?? now) else {
        return .notHeld
      }
      settle(&row, settlement.outcome, now: now)
      return .settled(row.record.state)
    }
  }

  public func extend(_ extensions: [Extension], now: Timestamp) -> [ExtendResult] {
    extensions.map { renewal in
      guard var row = held(renewal.lease) else { return .notHeld }
      if renewal.means(leaseUntil: row.record.leaseUntil ?? now) {
        row.record.leaseUntil = leaseEnd(renewal.until, row)
      }
      if var progress = renewal.progress {
        progress.at = now
        row.record.progress = progress
        note(.progress, row, now: now, .progress(progress))
      }
      tables.put(row)
      return .extended(row.held)
    }
  }

  private func held(_ lease: Lease) -> Row? {
    guard let row = tables.row(id: lease.jobID), row.record.state == .running, row.token == lease.token else {
      return nil
    }
    return row
  }

  func settle(_ row: inout Row, _ outcome: Settlement.Outcome, now: Timestamp) {
    switch outcome {
    case .succeeded(let result):
      tables.count(queue: row.record.job.queue) { $0.succeeded += 1 }
      row.record.result = result
      finish(&row, as: .succeeded, now: now)
      note(.succeeded, row, now: now)
    case .failed(let failure, let draw):
      fail(&row, failure, draw: draw, now: now)
    case .canceled(let draw):
      if row.record.cancelRequested {
        cancel(&row, reason: row.cancelReason, now: now)
      } else {
        let failure = Failure(type: "canceled", message: "the worker stopped the job without being told to")
        fail(&row, failure, draw: draw, now: now)
      }
    case .lost:
      lose(&row, now: now)
    case .released(let delay):
      giveBack(&row, delay: delay, now: now)
    case .unconfirmed:
      giveBack(&row, delay: nil, now: now)
    }
  }

  private func fail(_ row: inout Row, _ failure: Failure, draw: Double, now: Timestamp) {
    tables.count(queue: row.record.job.queue) { $0.failed += 1 }
    let failure = keep(failure, in: &row, now: now)
    let policy = row.record.job.options.retry
    let failures = row.record.attempt - row.record.lost
    if row.record.cancelRequested {
      cancel(&row, reason: row.cancelReason, after: failure, now: now)
    } else if !failure.retryable || failures >= policy.maxAttempts {
      finish(&row, as: .dead, now: now)
      note(.dead, row, now: now, .failure(failure))
    } else {
      row.record.state = .retrying
      row.record.runAt = now + policy.backoff(afterFailures: failures, draw: draw)
      row.record.leaseUntil = nil
      tables.put(row)
      note(.failed, row, now: now, .retry(failure, nextRunAt: row.record.runAt))
    }
  }

  private func lose(_ row: inout Row, now: Timestamp) {
    tables.count(queue: row.record.job.queue) { $0.failed += 1 }
    let failure = keep(Failure(type: "lost", message: "the worker went silent"), in: &row, now: now)
    row.record.lost += 1
    note(.leaseLost, row, now: now, .failure(failure))
    if row.record.cancelRequested {
      cancel(&row, reason: row.cancelReason, after: failure, now: now)
    } else if row.record.lost >= row.record.job.options.retry.maxLost {
      finish(&row, as: .dead, now: now)
      note(.dead, row, now: now, .failure(failure))
    } else {
      row.record.state = .ready
      row.record.leaseUntil = nil
      tables.put(row)
      note(.enqueued, row, now: now)
    }
  }

  /// As if the attempt had never been.
  private func giveBack(_ row: inout Row, delay: Interval?, now: Timestamp) {
    row.record.attempt -= 1
    if row.record.cancelRequested {
      cancel(&row, reason: row.cancelReason, now: now)
      return
    }
    row.record.startedAt = nil
    row.record.workerID = ""
    row.record.progress = nil
    row.record.leaseUntil = nil
    if let delay, delay > .zero {
      row.record.runAt = now + delay
      wait(&row, now: now)
    } else {
      row.record.state = .ready
      tables.put(row)
      note(.enqueued, row, now: now)
    }
  }

  /// A reason becomes the last failure; the event tells it, or else the failure that came with the cancellation.
  func cancel(_ row: inout Row, reason: String, after failure: Failure? = nil, now: Timestamp) {
    var said = failure
    if !reason.isEmpty {
      said = keep(Failure(type: "canceled", message: reason, retryable: false), in: &row, now: now)
    }
    finish(&row, as: .canceled, now: now)
    note(.canceled, row, now: now, said.map { .failure($0) } ?? .none)
  }

  private func keep(_ failure: Failure, in row: inout Row, now: Timestamp) -> Failure {
    var failure = failure
    failure.at = now
    failure.attempt = row.record.attempt
    failure.workerID = row.record.state == .running ? row.record.workerID : ""
    row.record.failures.append(failure)
    if row.record.failures.count > JobRecord.keptFailures { row.record.failures.removeFirst() }
    return failure
  }

  /// Makes a job final: its unique key is free from now on, or when its holding time is over; until then it is not forgotten.
  func finish(_ row: inout Row, as state: JobState, now: Timestamp) {
    let options = row.record.job.options
    row.record.state = state
    row.record.finishedAt = now
    row.record.leaseUntil = nil
    row.record.cancelRequested = false
    row.expires = now + (options.retention ?? (state == .dead ? configuration.deadRetention : configuration.retention))
    if let unique = options.unique {
      let until = row.record.createdAt + (unique.holdFor ?? .zero)
      let isHeld = until > now
      tables.setHold(
        isHeld ? Tables.Hold(seq: row.record.seq, until: until) : nil,
        for: Tables.Key(queue: row.record.job.queue, key: unique.key))
      if isHeld { row.expires = max(row.expires, until) }
    }
    tables.put(row)
  }
}
