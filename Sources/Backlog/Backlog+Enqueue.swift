public import Jobs

extension Backlog {
  /// Takes in new jobs. An id that exists (in any state) makes a duplicate; then a held unique key decides by `onConflict`.
  /// A job with `runAt` later than now is scheduled, else ready. Events: scheduled or enqueued (for a replaced one too).
  public func enqueue(_ groups: [EnqueueGroup], now: Moment) throws(StoreError) -> [EnqueueResult] {
    try readRelatives(of: groups, now.wall)
    var results: [EnqueueResult] = []
    // At once: making room for one group after the other would move what is there each time.
    results.reserveCapacity(groups.reduce(0) { $0 + $1.jobs.count })
    for group in groups {
      let order = group.allOrNothing ? orderByDependencies(group.jobs) : nil
      if group.allOrNothing,
        let rejections = rejections(in: group.jobs, order: order, scope: group.scope, now: now.wall)
      {
        results += rejections
        continue
      }
      if let order {
        results += enqueue(group.jobs, in: order, scope: group.scope, now: now.wall)
        continue
      }
      for place in group.jobs.indices {
        results.append(enqueue(group.jobs[place], scope: group.scope, now: now.wall))
      }
    }
    return results
  }

  /// Those that may have the same id or key.
  func readRelatives(of groups: [EnqueueGroup], _ now: Timestamp) throws(StoreError) {
    try read(relatives(of: groups, now), bodies: false)
  }

  /// Those of them that are not at hand.
  func relatives(of groups: [EnqueueGroup], _ now: Timestamp) -> [Int64] {
    var seqs: [Int64] = []
    // By place: mostly there is nothing to be looked at, and to take the jobs out of the arrays costs more than that.
    for group in groups.indices {
      for place in groups[group].jobs.indices {
        let id = groups[group].jobs[place].id
        if !id.isEmpty { gather(id, into: &seqs) }
        let options = groups[group].jobs[place].options
        if options === JobOptions.standard { continue }
        if let unique = options.unique {
          gatherHolders(queue: groups[group].jobs[place].queue, key: unique.key, now, into: &seqs)
        }
        for id in options.dependsOn { gather(id, into: &seqs) }
      }
    }
    if seqs.isEmpty { return seqs }
    // Many may depend on the same one.
    seqs.sort()
    var last: Int64?
    seqs.removeAll { seq in
      defer { last = seq }
      return seq == last
    }
    return seqs
  }

  /// - Parameters:
  ///   - maker: what the server makes itself is never refused.
  ///   - number: one that was set aside for it.
  ///   - scope: the queues that its producer may know of; nil: all.
  func enqueue(
    _ job: consuming NewJob, by maker: JobMaker = .producer, number: Int64? = nil, scope: QueueScope? = nil,
    now: Timestamp
  ) -> EnqueueResult {
    let isChosen = !job.id.isEmpty
    if isChosen, let existing = find(job.id) {
      return scope.covers(existing.head.job.queue) ? duplicate(existing) : .refused(.foreignID)
    }
    if maker != .producer, job.options !== JobOptions.standard { job = unbound(job, by: maker, scope: scope) }
    if let unique = job.options.unique, let existing = holder(queue: job.queue, key: unique.key, now) {
      switch unique.onConflict {
      case .keep: return duplicate(existing)
      case .reject: return .conflict(existing: existing.id)
      case .replace:
        if existing.isWaiting {
          if maker != .producer { job = unbound(job, replacing: existing) }
          if let refusal = replace(existing, by: job, of: maker, scope: scope, now: now) { return .refused(refusal) }
        }
        return duplicate(existing)
      }
    }

    var ties = Ties()
    if job.options !== JobOptions.standard {
      if let refusal = tie(job, by: maker, scope: scope, into: &ties) { return .refused(refusal) }
    }
    if maker == .producer, let refusal = overfull(job) { return .refused(refusal) }

    let runAt = job.runAt ?? now
    if !isChosen, number == nil { skipChosenNumbers(now) }
    let seq = number ?? nextSeq
    nextSeq = max(nextSeq, seq + 1)
    let id = isChosen ? job.id : JobID.make(seq: seq, at: now, salt: salt)
    if isChosen { choose(id, seq) }
    let head = JobHead(seq: seq, job: job.kept(as: id, runAt: runAt), isChosen: isChosen, createdAt: now)
    let live = LiveJob(
      head: head, standing: JobStanding(state: runAt > now ? .scheduled : .ready, runAt: runAt),
      queue: queue(job.queue, now))
    live.body = job.body
    live.carried = JobCarried.nothing
    known.insert(seq, live)
    touch(live)
    if let unique = job.options.unique { keys.insert(keys.hash(job.queue, unique.key), seq) }
    joinBatch(live, now)
    place(live, ties, now)
    return .stored(id: id, state: live.standing.state, runAt: runAt)
  }

  /// Puts a job that is in no order where it belongs, by what it depends on.
  func place(_ job: LiveJob, _ ties: Ties, _ now: Timestamp) {
    if !ties.all.isEmpty { bind(job, ties, isPinning: true) }
    enter(job, now)
    if let failed = ties.failed {
      // One that is final already counts at once.
      leave(job, now)
      cancel(job, becauseOf: root(of: failed), now)
    } else {
      noteWaiting(job, now)
    }
  }

  /// An id that its producer chose.
  func choose(_ id: String, _ seq: Int64) {
    ids.insert(ids.hash(id), seq)
    if !hasLookalikes, JobID.seq(of: id, salt: salt) != nil { hasLookalikes = true }
  }

  /// Numbers whose id someone has chosen for a job of their own are not given out.
  private func skipChosenNumbers(_ now: Timestamp) {
    while hasLookalikes, ids.contains(ids.hash(JobID.make(seq: nextSeq, at: now, salt: salt))) { nextSeq += 1 }
  }

  /// Takes over everything but id and creation: also the recurring job that made it stays the one, unless another takes its place.
  private func replace(
    _ existing: LiveJob, by job: NewJob, of maker: JobMaker, scope: QueueScope?, now: Timestamp
  ) -> EnqueueRefusal? {
    var ties = Ties()
    if job.options !== JobOptions.standard,
      let refusal = tie(job, replacing: existing, by: maker, scope: scope, into: &ties)
    {
      return refusal
    }
    leave(existing, now)
    unpin(existing)
    touch(existing)
    let runAt = job.runAt ?? now
    var job = job
    let before = existing.head.job.options.recurringJobID
    if !before.isEmpty, job.options.recurringJobID.isEmpty {
      job.options = job.options.with(recurringJobID: before)
    } else if !before.isEmpty, job.options.recurringJobID != before {
      noteRecurring(existing, isUnfinished: false)
    }
    existing.head = JobHead(
      seq: existing.seq, job: job.kept(as: existing.id, runAt: runAt), isChosen: existing.head.isChosen,
      createdAt: existing.head.createdAt)
    existing.key = nil
    existing.body = job.body
    existing.hasNewBody = true
    existing.isDamaged = false
    existing.standing.runAt = runAt
    existing.standing.state = runAt > now ? .scheduled : .ready
    existing.standing.isUnbound = false
    joinBatch(existing, now)
    place(existing, ties, now)
    return nil
  }

  func noteWaiting(_ job: LiveJob, _ now: Timestamp) {
    switch job.standing.state {
    case .scheduled: note(.scheduled, job, now, detail: .due(job.standing.runAt))
    case .blocked: note(.blocked, job, now)
    default: note(.enqueued, job, now)
    }
  }

  private func duplicate(_ job: LiveJob) -> EnqueueResult {
    .duplicate(id: job.id, state: job.standing.state, runAt: job.standing.runAt)
  }

  // MARK: Unique keys

  /// Which jobs may have the key now.
  func gatherHolders(queue: String, key: String, _ now: Timestamp, into seqs: inout [Int64]) {
    guard keys.count > 0 else { return }
    keys.search(keys.hash(queue, key)) { seq in
      if known[seq] == nil, holds[seq].map({ $0 > now }) ?? true { seqs.append(seq) }
      return false
    }
  }

  /// The job that has the key now, among those at hand. One that is not over comes before one that is and holds it still: its time may have
  /// been over when the other took the key, and have come again since, with a clock that was set back.
  func holder(queue: String, key: String, _ now: Timestamp) -> LiveJob? {
    guard keys.count > 0 else { return nil }
    var found: LiveJob?
    keys.search(keys.hash(queue, key)) { seq in
      guard let job = known[seq], !job.isForgotten, job.head.job.queue == queue,
        job.head.job.options.unique?.key == key,
        !job.standing.state.isFinal || (holds[seq].map { $0 > now } ?? false)
      else { return false }
      found = job
      return !job.standing.state.isFinal
    }
    return found
  }

  /// The job no longer has its key.
  func freeKey(_ job: LiveJob) {
    guard let unique = job.head.job.options.unique else { return }
    keys.remove(keys.hash(job.head.job.queue, unique.key), job.seq)
    holds.remove(job.seq)
  }
}
