import Jobs

extension MemoryStore {
  public func control(_ controls: [Control], now: Timestamp) -> [ControlResult] {
    controls.map { control in
      switch control {
      case .cancel(let id, let reason): cancel(id, reason: reason, now: now)
      case .retry(let id, let resetAttempts):
        if let row = tables.row(id: id) { retry(row, resetAttempts: resetAttempts, now: now) } else { .notFound }
      case .delete(let id):
        if let row = tables.row(id: id) { delete(row) } else { .notFound }
      // It knows nothing of whose a queue is.
      case .within: .notFound
      }
    }
  }

  /// Looks at the jobs of all queues in the order of their enqueue; a cursor is the last one looked at.
  public func sweep(_ sweep: Sweep, from cursor: Int64?, limit: Int, now: Timestamp) -> SweepResult {
    let seqs = tables.rows.keys.filter { $0 > cursor ?? 0 }.sorted()
    var result = SweepResult(count: 0, next: nil)
    for seq in seqs.prefix(limit) {
      guard let row = tables.rows[seq], row.record.job.queue == sweep.queue,
        sweep.states.contains(row.record.state), sweep.name.isEmpty || sweep.name == row.record.job.name
      else { continue }
      let outcome =
        switch sweep.action {
        case .delete: delete(row)
        case .retry(let resetAttempts): retry(row, resetAttempts: resetAttempts, now: now)
        case .count: ControlResult.done(row.record.state)
        case .cancel(let reason): cancel(row.record.job.id, reason: reason, now: now)
        }
      if case .done = outcome { result.count += 1 }
    }
    if seqs.count > limit { result.next = seqs.prefix(limit).last ?? cursor }
    return result
  }

  private func cancel(_ id: String, reason: String, now: Timestamp) -> ControlResult {
    guard var row = tables.row(id: id) else { return .notFound }
    if row.record.state.isFinal { return .refused(row.record.state) }
    if row.record.state == .running {
      row.record.cancelRequested = true
      if !reason.isEmpty { row.cancelReason = reason }
      tables.put(row)
      return .running(row.held)
    }
    cancel(&row, reason: reason, now: now)
    return .done(.canceled)
  }

  /// A final job forgets its end, but not its failures, and takes its unique key back; a start_before that has passed is
  /// dropped. Without `resetAttempts` a job that has used up its attempts gets one more.
  private func retry(_ old: Row, resetAttempts: Bool, now: Timestamp) -> ControlResult {
    switch old.record.state {
    case .retrying, .dead, .canceled, .expired: break
    case .scheduled, .ready, .running, .succeeded, .blocked: return .refused(old.record.state)
    }
    var row = old
    let options = row.record.job.options
    if row.record.state.isFinal, let unique = options.unique {
      let key = Tables.Key(queue: row.record.job.queue, key: unique.key)
      if let holder = tables.holder(of: key, now: now), holder.record.seq != row.record.seq {
        return .refused(row.record.state)
      }
      tables.setHold(Tables.Hold(seq: row.record.seq, until: nil), for: key)
    }
    if let startBefore = options.startBefore, startBefore <= now {
      row.record.job.options = options.with(startBefore: nil)
    }
    if resetAttempts {
      row.record.attempt = 0
      row.record.lost = 0
    }
    row.record.finishedAt = nil
    row.record.result = []
    row.record.runAt = now
    row.expires = .distantFuture
    wait(&row, now: now)
    return .done(.ready)
  }

  private func delete(_ row: Row) -> ControlResult {
    if row.record.state == .running { return .refused(.running) }
    forget(row)
    return .done(row.record.state)
  }
}
