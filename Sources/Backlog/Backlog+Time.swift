public import Jobs

extension Backlog {
  /// Moves due scheduled and retrying jobs to ready (event: enqueued) and waiting ones past their start_before to expired,
  /// at most `limit`; returns how many. `limit` of them means that there may be more.
  public func promote(now: Moment, limit: Int) throws(StoreError) -> Int {
    let wall = now.wall
    lacksDue = false
    let late = expiries.first(limit).prefix { $0.at <= wall.microseconds }
    let ripe = due.first(limit).prefix { $0.at <= wall.microseconds }
    if late.isEmpty, ripe.isEmpty { return 0 }
    var seqs: [Int64] = []
    for entry in late where known[entry.seq] == nil { seqs.append(entry.seq) }
    for entry in ripe where known[entry.seq] == nil { seqs.append(entry.seq) }
    if readsAside {
      // What is at hand does not wait for the others, of which there may always be some.
      let lacking = seqs.filter { !readings.absent.contains($0) }
      lacksDue = !lacking.isEmpty
      if lacksDue, Set(lacking) == Set((late + ripe).map(\.seq)) {
        throw want(.jobs(lacking, bodies: false, isAhead: false))
      }
    } else {
      try read(seqs, bodies: false)
    }
    for entry in late {
      guard let job = known[entry.seq] else {
        if lacksDue { continue }
        throw damaged(entry.seq)
      }
      leave(job, wall)
      finish(job, as: .expired, now: wall)
      note(.expired, job, wall)
    }
    var count = late.count
    for entry in ripe where count < limit {
      guard let job = known[entry.seq] else {
        if lacksDue { continue }
        throw damaged(entry.seq)
      }
      // It may have been too late as well.
      if job.standing.state.isFinal { continue }
      leave(job, wall)
      wait(job, as: .ready, runAt: job.standing.runAt, now: wall)
      note(.enqueued, job, wall)
      count += 1
    }
    return count
  }

  /// When `promote`, `work` or `reclaim` has something to do, unless the wall clock is set; nil: nothing waits for a time.
  /// - Parameters:
  ///   - promotes: false: `promote` is left out.
  ///   - works: false: `work` is.
  public func nextDue(now: Moment, promotes: Bool = true, works: Bool = true) -> Instant? {
    var next = Int64.max
    if promotes {
      if let first = due.first { next = min(next, first.at) }
      if let first = expiries.first { next = min(next, first.at) }
    }
    if works {
      if hasWork { return now.elapsed }
      if let first = limits.openings.first { next = min(next, first.at) }
      if let first = recurrings.times.first { next = min(next, first.at) }
    }
    if next != .max { next = now.elapsed.microseconds &+ (next &- now.wall.microseconds) }
    if let first = lapses.first { next = min(next, first.at) }
    return next == .max ? nil : Instant(microseconds: next)
  }

  /// When a rate lets more jobs start next; nil: none is held back by one.
  public var nextOpening: Timestamp? { limits.openings.first.map { Timestamp(microseconds: $0.at) } }

  /// Whether anything waits for a time by the wall clock, which may be set at any moment.
  public var waitsForWallClock: Bool {
    !due.isEmpty || !expiries.isEmpty || !limits.openings.isEmpty || !recurrings.times.isEmpty
  }

  /// Forgets finished jobs whose retention is over, at most `limit`, and queues that have not been used for a day.
  /// - Returns: when it wants to be called again, by the wall clock.
  public func forget(now: Moment, limit: Int) throws(StoreError) -> Timestamp {
    if nextExpiry <= now.wall {
      // What is being forgotten right now is still among the rows.
      let asked = limit + unconfirmedForgotten
      if readsAside, expiredPage == nil { throw want(.expired(by: now.wall, limit: asked)) }
      let expired = if let expiredPage { expiredPage } else { try rows.expired(by: now.wall, limit: asked) }
      expiredPage = nil
      nextExpiry = expired.jobs.count >= asked ? now.wall : expired.next ?? .distantFuture
      var over = expired.jobs.map { known[$0.seq] ?? take($0, bodies: false) }
      // And what is on its way there is not among them yet.
      for job in unconfirmedFinals() {
        if job.standing.expires <= now.wall { over.append(job) }
        nextExpiry = min(nextExpiry, job.standing.expires)
      }
      // Unless it was retried or deleted since.
      for job in over where !job.isForgotten && job.standing.state.isFinal && job.standing.expires <= now.wall {
        if graph.isPinned(job.seq) {
          // Kept until those that depend on it are over.
          touch(job)
          job.standing.expires = now.wall + Self.pinnedRetention
        } else {
          forget(job, now.wall)
        }
      }
      forgetBatches(now: now.wall, limit: limit)
    }
    let next = nextExpiry
    forgetUnusedQueues(now.wall)
    forgetUnusedWindows(now.wall, limit: limit)
    dropIdleScopes(now: now.elapsed)
    return max(now.wall, min(next, now.wall + .seconds(1)))
  }

  /// How often a job that is over, but that others depend on, is looked at again.
  static let pinnedRetention: Interval = .seconds(60)

  /// Removes a job that does not run, and with it its unique key, if it has it.
  func forget(_ job: LiveJob, _ now: Timestamp) {
    leave(job, now)
    touch(job)
    forgotten(job)
    freeKey(job)
    if job.head.isChosen { ids.remove(ids.hash(job.id), job.seq) }
    job.isForgotten = true
    unconfirmedForgotten += 1
  }

  // MARK: Queues

  /// A queue without jobs, pause or anything else that is kept for it is forgotten a day after its last step.
  static let queueRetention: Interval = .days(1)
  private static let queuesPerLook = 128

  private func forgetUnusedQueues(_ now: Timestamp) {
    var looked = 0
    var unused: [Queue] = []
    queues.visit(after: idleAfter) { queue in
      looked += 1
      idleAfter = queue.name
      if queue.isUnused, queue.lastUsedAt + Self.queueRetention <= now { unused.append(queue) }
      return looked < Self.queuesPerLook
    }
    if looked < Self.queuesPerLook { idleAfter = "" }
    if unused.isEmpty { return }
    let recurring = Set(recurrings.byID.values.map(\.job.queue))
    for queue in unused where !recurring.contains(queue.name) { forget(queue) }
  }

  func forget(_ queue: Queue) {
    drop(queue)
    for membership in queue.scopes { membership.scope.leave(membership.number) }
    queue.scopes = []
    if queue.isTouched {
      touchedQueues.removeAll { $0 === queue }
      queue.isTouched = false
    }
    if queue.stored != nil { forgottenQueues.append(queue.name) }
  }
}
