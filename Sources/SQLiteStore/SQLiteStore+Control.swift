import Jobs

extension SQLiteStore {
  public func control(_ controls: [Control], now: Timestamp) throws(StoreError) -> [ControlResult] {
    try begin(now)
    acknowledges = true
    var results: [ControlResult] = []
    for control in controls {
      switch control {
      case .cancel(let id, let reason): results.append(try cancel(id, reason: reason, now: now))
      case .retry(let id, let resetAttempts):
        guard let stored = try find(id) else {
          results.append(.notFound)
          continue
        }
        results.append(try retry(stored, resetAttempts: resetAttempts, now: now))
      case .delete(let id):
        guard let stored = try find(id) else {
          results.append(.notFound)
          continue
        }
        results.append(try delete(stored))
      }
    }
    return results
  }

  public func sweep(
    _ sweep: Sweep, from cursor: Int64?, limit: Int, now: Timestamp
  ) throws(StoreError) -> SweepResult {
    try begin(now)
    acknowledges = true
    try database.flush()
    let statement = database.selectFrom
    statement.bind(1, cursor ?? 0)
    statement.bind(2, Int64(limit) + 1)
    var looked = 0
    var last = cursor
    var matches: [Stored] = []
    var result = SweepResult(count: 0, next: nil)
    while try statement.step() {
      if looked == limit {
        result.next = last
        break
      }
      looked += 1
      let seq = statement.integer(0)
      last = seq
      guard let stored = statement.stored(seq: seq, head: 1, rec: 2, salt: salt) else {
        statement.reset()
        throw damaged(seq)
      }
      if stored.head.job.queue == sweep.queue, sweep.states.contains(stored.row.state),
        sweep.name.isEmpty || sweep.name == stored.head.job.name
      {
        matches.append(stored)
      }
    }
    statement.reset()
    for stored in matches {
      let outcome =
        switch sweep.action {
        case .delete: try delete(stored)
        case .retry(let resetAttempts): try retry(stored, resetAttempts: resetAttempts, now: now)
        case .count: ControlResult.done(stored.row.state)
        case .cancel(let reason): try cancel(stored.head.job.id, reason: reason, now: now)
        }
      if case .done = outcome { result.count += 1 }
    }
    return result
  }

  private func cancel(_ id: String, reason: String, now: Timestamp) throws(StoreError) -> ControlResult {
    guard var stored = try find(id) else { return .notFound }
    if stored.row.state.isFinal { return .refused(stored.row.state) }
    if let running = memory.running[stored.seq] {
      memory.change(running) { row in
        row.cancelRequested = true
        if !reason.isEmpty { row.cancelReason = reason }
      }
      try writeState(&running.stored)
      return .running(running.stored.held)
    }
    let queue = memory.queue(stored.head.job.queue)
    memory.leave(stored, queue)
    try cancel(&stored, queue, reason: reason, now: now)
    return .done(.canceled)
  }

  private func retry(_ old: Stored, resetAttempts: Bool, now: Timestamp) throws(StoreError) -> ControlResult {
    switch old.row.state {
    case .retrying, .dead, .canceled, .expired: break
    case .scheduled, .ready, .running, .succeeded, .blocked: return .refused(old.row.state)
    }
    var stored = old
    let options = old.head.job.options
    if old.row.state.isFinal, let unique = options.unique {
      if let holder = try holder(queue: old.head.job.queue, key: unique.key, now: now), holder.seq != old.seq {
        return .refused(old.row.state)
      }
      try hold(queue: old.head.job.queue, key: unique.key, seq: old.seq, until: nil)
    }
    let queue = memory.queue(old.head.job.queue)
    memory.leave(old, queue)
    if let startBefore = options.startBefore, startBefore <= now {
      var job = old.head.job
      job.options = options.with(startBefore: nil)
      stored.head = Head(seq: old.seq, job: job, isChosen: old.head.isChosen, createdAt: old.head.createdAt)
      writer.clear()
      HeadCodec.write(stored.head, state: .ready, to: &writer)
      try database.flush()
      database.updateHead.bind(1, stored.seq)
      database.updateHead.bind(2, writer)
      try database.updateHead.run()
    }
    if resetAttempts {
      stored.row.attempt = 0
      stored.row.lost = 0
    }
    stored.row.finishedAt = nil
    stored.row.expires = .distantPast
    stored.row.result = []
    try wait(&stored, queue, as: .ready, runAt: now)
    noteWaiting(stored, now)
    return .done(.ready)
  }

  private func delete(_ stored: Stored) throws(StoreError) -> ControlResult {
    if stored.row.state == .running { return .refused(.running) }
    try forget(stored)
    return .done(stored.row.state)
  }
}
