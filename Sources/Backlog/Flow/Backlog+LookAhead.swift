public import Jobs

// What follows from what happened (those that waited, finished batches, recurring jobs) is done in slices that change the state as they go, so they
// cannot end in the middle for want of a row. So it is looked ahead for the rows that they will ask for; what is not foreseen is read in line.
extension Backlog {
  /// Ends a verb that has done nothing, if rows are lacking.
  private func want(_ seqs: [Int64], bodies: [Int64] = []) throws(StoreError) {
    if !bodies.isEmpty { readings.wanted.append(.jobs(bodies, bodies: true, isAhead: false)) }
    if !seqs.isEmpty { readings.wanted.append(.jobs(seqs, bodies: false, isAhead: false)) }
    if !seqs.isEmpty || !bodies.isEmpty { throw Self.notAtHand }
  }

  /// How many of those that wait can be told with what is at hand, at most `limit`. When it is not even the first, the rows of all are wanted.
  func tellableWaiters(_ limit: Int) throws(StoreError) -> Int {
    guard readsAside else { return limit }
    var seqs: [Int64] = []
    var bodies: [Int64] = []
    var looked = 0
    var ready = 0
    for cascade in cascades where looked < limit {
      graph.look(cascade.waiters) { seq, left, runsAnyway in
        let isChanged = left <= 0 || !cascade.isSuccess && !runsAnyway
        if isChanged, isLacking(seq, bodies: cascade.isSuccess) {
          // Those before it come first.
          if ready > 0 {
            looked = limit
            return false
          }
          if cascade.isSuccess { bodies.append(seq) } else { seqs.append(seq) }
        }
        looked += 1
        if seqs.isEmpty, bodies.isEmpty { ready = looked }
        return looked < limit
      }
    }
    graph.endLook()
    if ready == 0 { try want(seqs, bodies: bodies) }
    // Nobody waits any more: that is to be noted.
    return max(ready, 1)
  }

  /// Finished batches whose callbacks can be enqueued with what is at hand, at most `limit`; the others stay due.
  func takeFinishable(_ limit: Int, _ now: Timestamp) throws(StoreError) -> [BatchEntry] {
    var taken: [BatchEntry] = []
    var lacking: [Int64] = []
    var left: [BatchEntry] = []
    for batch in batches.due.reversed() {
      if taken.count + left.count >= limit {
        left.append(batch)
        continue
      }
      let missing = readsAside && batch.isDue ? self.lacking(relatives(ofCallbacks: batch, now), bodies: false) : []
      if missing.isEmpty { taken.append(batch) } else { left.append(batch) }
      lacking += missing
    }
    if taken.isEmpty { try want(Array(Set(lacking)).sorted()) }
    batches.due = left.reversed()
    return taken
  }

  /// Whether the jobs whose time has come can be made of this one with what is at hand. When it is the first that was asked for, its rows are wanted.
  func canFire(_ entry: RecurringEntry, isFirst: Bool, _ now: Timestamp) throws(StoreError) -> Bool {
    guard readsAside, let time = entry.next, time <= now else { return true }
    var job = entry.job
    let times = entry.handledUntil < time && now - time <= Self.tolerance ? [time] : passed(entry, until: now).times
    var jobs: [NewJob] = []
    for time in times {
      job.id = entry.jobID(for: time)
      jobs.append(job)
    }
    let lacking = lacking(relatives(of: [EnqueueGroup(jobs: jobs)], now), bodies: false)
    if isFirst { try want(lacking) }
    return lacking.isEmpty
  }

  private func relatives(ofCallbacks batch: BatchEntry, _ now: Timestamp) -> [Int64] {
    relatives(of: [EnqueueGroup(jobs: [batch.terms.onFinished, batch.terms.onSucceeded].compactMap(\.self))], now)
  }

  // MARK: Verbs

  /// What `putBatch` would read.
  public func lookAhead(_ terms: BatchTerms, now: Moment) throws(StoreError) {
    guard readsAside else { return }
    let known = batches.byID[terms.id]?.terms
    let jobs = [terms.onFinished, terms.onSucceeded, known?.onFinished, known?.onSucceeded].compactMap(\.self)
    try want(lacking(relatives(of: [EnqueueGroup(jobs: jobs)], now.wall), bodies: false))
  }

  /// What `triggerRecurring` would read.
  public func lookAhead(recurring id: String, now: Moment) throws(StoreError) {
    guard readsAside, let job = recurrings.byID[id]?.job else { return }
    try want(lacking(relatives(of: [EnqueueGroup(jobs: [job])], now.wall), bodies: false))
  }
}
