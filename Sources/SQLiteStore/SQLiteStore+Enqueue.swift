import Jobs

extension SQLiteStore {
  public func enqueue(_ groups: [EnqueueGroup], now: Timestamp) throws(StoreError) -> [EnqueueResult] {
    try begin(now)
    acknowledges = true
    var results: [EnqueueResult] = []
    // At once: making room for one group after the other would move what is there each time.
    results.reserveCapacity(groups.reduce(0) { $0 + $1.jobs.count })
    for group in groups {
      if group.allOrNothing, let rejections = try rejections(in: group.jobs, now: now) {
        results += rejections
        continue
      }
      for job in group.jobs { results.append(try enqueue(job, now: now)) }
    }
    return results
  }

  /// What an all-or-nothing group gets when any of its jobs conflicts, nil when none does.
  private func rejections(in jobs: [NewJob], now: Timestamp) throws(StoreError) -> [EnqueueResult]? {
    guard jobs.contains(where: { $0.options.unique?.onConflict == .reject }) else { return nil }
    var ids: Set<String> = []
    var holders: [[String]: String] = [:]
    var results: [EnqueueResult] = []
    var rejected = false
    for job in jobs {
      var result = EnqueueResult.withdrawn
      var exists = false
      if !job.id.isEmpty {
        exists = ids.contains(job.id)
        if !exists { exists = try find(job.id) != nil }
      }
      if !exists {
        let key = job.options.unique.map { [job.queue, $0.key] }
        var holder = key.flatMap { holders[$0] }
        if let key, holder == nil { holder = try self.holder(queue: key[0], key: key[1], now: now)?.head.job.id }
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

  private func enqueue(_ job: NewJob, now: Timestamp) throws(StoreError) -> EnqueueResult {
    let isChosen = !job.id.isEmpty
    if isChosen, let existing = try find(job.id) { return duplicate(existing) }
    if let unique = job.options.unique, let existing = try holder(queue: job.queue, key: unique.key, now: now) {
      switch unique.onConflict {
      case .keep: return duplicate(existing)
      case .reject: return .conflict(existing: existing.head.job.id)
      case .replace: return duplicate(existing.isWaiting ? try replace(existing, by: job, now: now) : existing)
      }
    }

    let runAt = job.runAt ?? now
    let state: JobState = runAt > now ? .scheduled : .ready
    if isChosen { try choose(job.id) }
    let id = isChosen ? job.id : try makeID(now: now)
    let seq = nextSeq
    let head = Head(seq: seq, job: job.kept(as: id, runAt: runAt), isChosen: isChosen, createdAt: now)
    nextSeq += 1

    HeadCodec.write(head, state: state, to: &database.jobs.bytes)
    try database.jobs.put(seq, body: job.body)
    if let unique = job.options.unique {
      try hold(queue: job.queue, key: unique.key, seq: seq, until: nil)
    }
    let stored = Stored(head: head, row: StateRow(state: state, runAt: runAt), hasRow: false)
    let queue = memory.queue(job.queue)
    memory.enter(stored, queue)
    noteWaiting(stored, now)
    if fresh.isEmpty { firstFresh = seq }
    // Numbers may have been skipped.
    while firstFresh + Int64(fresh.count) < seq { fresh.append(nil) }
    fresh.append(Live(consume stored, body: job.body, queue: queue))
    return .stored(id: id, state: state, runAt: runAt)
  }

  private func choose(_ id: String) throws(StoreError) {
    database.insertID.bind(1, id)
    database.insertID.bind(2, nextSeq)
    try database.insertID.run()
    if !hasLookalikes, JobID.seq(of: id, salt: salt) != nil {
      try database.setMeta("lookalikes", 1)
      // Stays so even if the tick is undone: looking up in vain does no harm.
      hasLookalikes = true
    }
  }

  /// Skips numbers whose id someone has chosen for a job of their own.
  private func makeID(now: Timestamp) throws(StoreError) -> String {
    while true {
      let id = JobID.make(seq: nextSeq, at: now, salt: salt)
      guard hasLookalikes, try find(id) != nil else { return id }
      nextSeq += 1
    }
  }

  private func replace(_ existing: Stored, by job: NewJob, now: Timestamp) throws(StoreError) -> Stored {
    let queue = memory.queue(existing.head.job.queue)
    memory.leave(existing, queue)
    let runAt = job.runAt ?? now
    var stored = existing
    stored.head = Head(
      seq: existing.seq, job: job.kept(as: existing.head.job.id, runAt: runAt), isChosen: existing.head.isChosen,
      createdAt: existing.head.createdAt)
    stored.row.runAt = runAt
    stored.row.state = runAt > now ? .scheduled : .ready
    writer.clear()
    HeadCodec.write(stored.head, state: stored.row.state, to: &writer)
    try database.flush()
    database.updateJob.bind(1, stored.seq)
    database.updateJob.bind(2, writer)
    try database.updateJob.run(3, job.body)
    stale(stored.seq)
    if stored.hasRow { try writeState(&stored) }
    memory.enter(stored, queue)
    noteWaiting(stored, now)
    return stored
  }

  func noteWaiting(_ stored: Stored, _ now: Timestamp) {
    if stored.row.state == .scheduled {
      note(.scheduled, stored, now, detail: .due(stored.row.runAt))
    } else {
      note(.enqueued, stored, now)
    }
  }

  private func duplicate(_ stored: Stored) -> EnqueueResult {
    .duplicate(id: stored.head.job.id, state: stored.row.state, runAt: stored.row.runAt)
  }
}
