import Jobs

extension MemoryStore {
  public func enqueue(_ groups: [EnqueueGroup], now: Timestamp) -> [EnqueueResult] {
    groups.flatMap { group in
      if group.allOrNothing, let rejections = rejections(in: group.jobs, now: now) { return rejections }
      return group.jobs.map { enqueue($0, now: now) }
    }
  }

  /// What an all-or-nothing group gets when any of its jobs conflicts, nil when none does. A job sees the ones before it in its
  /// group; that one's id is told as it was asked for (empty: the store would have made it).
  private func rejections(in jobs: [NewJob], now: Timestamp) -> [EnqueueResult]? {
    var ids: Set<String> = []
    var holders: [Tables.Key: String] = [:]
    var results: [EnqueueResult] = []
    var rejected = false
    for job in jobs {
      var result = EnqueueResult.withdrawn
      let exists = !job.id.isEmpty && (tables.row(id: job.id) != nil || ids.contains(job.id))
      if !exists {
        let key = job.options.unique.map { Tables.Key(queue: job.queue, key: $0.key) }
        let holder = key.flatMap { holders[$0] ?? tables.holder(of: $0, now: now)?.record.job.id }
        if let holder {
          if job.options.unique?.onConflict == .reject {
            result = .conflict(existing: holder)
            rejected = true
          }
        } else {
          if !job.id.isEmpty { ids.insert(job.id) }
          if let key { holders[key] = job.id }
        }
      }
      results.append(result)
    }
    return rejected ? results : nil
  }

  private func enqueue(_ job: NewJob, now: Timestamp) -> EnqueueResult {
    if !job.id.isEmpty, let existing = tables.row(id: job.id) { return duplicate(existing) }
    if let unique = job.options.unique {
      let key = Tables.Key(queue: job.queue, key: unique.key)
      if let existing = tables.holder(of: key, now: now) {
        switch unique.onConflict {
        case .keep: return duplicate(existing)
        case .reject: return .conflict(existing: existing.record.job.id)
        case .replace: return duplicate(existing.isWaiting ? replace(existing, by: job, now: now) : existing)
        }
      }
    }

    var stored = job
    if stored.id.isEmpty { stored.id = makeID(now: now) }
    let seq = tables.nextSeq
    tables.nextSeq += 1
    if let unique = job.options.unique {
      tables.setHold(Tables.Hold(seq: seq, until: nil), for: Tables.Key(queue: job.queue, key: unique.key))
    }
    let runAt = job.runAt ?? now
    stored.runAt = runAt
    var row = Row(record: JobRecord(seq: seq, job: stored, state: .ready, createdAt: now, runAt: runAt))
    wait(&row, now: now)
    return .stored(id: stored.id, state: row.record.state, runAt: runAt)
  }

  /// Skips a number whose id someone has chosen for a job of their own.
  private func makeID(now: Timestamp) -> String {
    while true {
      let id = JobID.make(seq: tables.nextSeq, at: now, salt: salt)
      if tables.row(id: id) == nil { return id }
      tables.nextSeq += 1
    }
  }

  /// A waiting job takes all that was asked for the new one but its id; its history stays.
  private func replace(_ existing: Row, by job: NewJob, now: Timestamp) -> Row {
    var row = existing
    let runAt = job.runAt ?? now
    row.record.job = job
    row.record.job.id = existing.record.job.id
    row.record.job.runAt = runAt
    row.record.runAt = runAt
    wait(&row, now: now)
    return row
  }

  /// Puts a job among the waiting ones: scheduled, or ready when its time has come.
  func wait(_ row: inout Row, now: Timestamp) {
    row.record.state = row.record.runAt > now ? .scheduled : .ready
    tables.put(row)
    if row.record.state == .scheduled {
      note(.scheduled, row, now: now, .due(row.record.runAt))
    } else {
      note(.enqueued, row, now: now)
    }
  }

  private func duplicate(_ row: Row) -> EnqueueResult {
    .duplicate(id: row.record.job.id, state: row.record.state, runAt: row.record.runAt)
  }
}
