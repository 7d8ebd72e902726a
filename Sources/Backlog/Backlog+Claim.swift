public import Jobs

extension Backlog {
  /// Jobs that one claim makes final at most (too late, damaged), so that no tick is long when very many are in the way.
  private static let setAsidePerClaim = 512

  /// Deals ready jobs to slots. Jobs past their start_before become expired on the way. Event: started.
  public func claim(_ claim: Claim, now: Moment) throws(StoreError) -> Dealt {
    claimTime = now.wall
    var dealt = Dealt(scarcity: claim.filters.map { _ in .none })
    var places = claim.filters.map { FilterPlace($0) }
    var budgets = claim.workers.map { (bytes: $0.byteBudget, given: 0, holdsNothing: $0.holdsNothing, isFull: false) }
    var setAside = 0
    // What is not at hand for a filter holds up this filter only.
    var missing: [Int64] = []
    var isReading = claim.filters.map { _ in false }
    dealt.jobs.reserveCapacity(claim.slots.count)

    var number = 0
    while number < claim.slots.count {
      let slot = claim.slots[number]
      let index = Int(slot.worker)
      let filter = Int(slot.filter)
      if budgets[index].isFull || dealt.scarcity[filter] != .none || isReading[filter] {
        number += 1
        continue
      }
      guard let lane = best(&places[filter], now.elapsed), let entry = lane.first else {
        dealt.scarcity[filter] = holdsBack ? .heldBack : .nothingReady
        number += 1
        continue
      }
      guard let job = known[entry.seq], job.body != nil, job.carried != nil else {
        if readsAside {
          // The engine asks again when it is at hand.
          let others = claim.filters.indices.map { $0 == filter ? dealt.scarcity[$0] : .nothingReady }
          let lacking = lacking(
            ahead(claim, from: number, places, budgets.map(\.isFull), others, now.elapsed), bodies: true)
          if lacking.isEmpty { throw damaged(entry.seq) }
          missing += lacking
          isReading[filter] = true
          dealt.isStalled = true
          continue
        }
        try read(ahead(claim, from: number, places, budgets.map(\.isFull), dealt.scarcity, now.elapsed), bodies: true)
        guard let job = known[entry.seq], job.body != nil else { throw damaged(entry.seq) }
        continue
      }
      if isUnfit(job, now) {
        // Too many in the way: the next tick goes on.
        if setAside == Self.setAsidePerClaim { break }
        setAside += 1
        setJobAside(job, now)
        continue
      }
      number += 1
      let size = job.head.job.payloadSize
      guard size <= budgets[index].bytes || budgets[index].holdsNothing else {
        budgets[index].isFull = true
        continue
      }
      budgets[index].bytes -= min(size, budgets[index].bytes)
      budgets[index].holdsNothing = false
      budgets[index].given += max(size, job.body?.count ?? 0)
      if budgets[index].given >= claim.workers[index].enough {
        budgets[index].isFull = true
        dealt.sated.append(index)
      }
      dealt.jobs.append(try start(job, from: lane, by: claim.workers[index], at: index, now: now))
    }
    wantAhead(missing)
    return dealt
  }

  /// How far a filter has come in its patterns: what was found empty stays so within one claim.
  private struct FilterPlace {
    let filter: ClaimFilter
    var pattern = 0 {
      didSet {
        queue = nil
        scope = nil
      }
    }
    /// What this pattern names, once looked up: no queue comes or goes while a claim is dealt.
    var queue: Queue?
    var scope: Scope?

    init(_ filter: ClaimFilter) { self.filter = filter }
  }

  /// The lane with the best job that the filter takes.
  private func best(_ place: inout FilterPlace, _ now: Instant) -> Lane? {
    if let lane = place.queue?.best(place.filter.names) ?? place.scope?.best() { return lane }
    while place.pattern < place.filter.queues.count {
      let pattern = place.filter.pattern(place.pattern)
      if pattern.isPrefix {
        let scope = scope(prefix: pattern.text, names: place.filter.names, now: now)
        if let lane = scope.best() {
          place.scope = scope
          return lane
        }
      } else if let queue = queues[pattern.text], let lane = queue.best(place.filter.names) {
        place.queue = queue
        return lane
      }
      place.pattern += 1
    }
    return nil
  }

  /// Something that the first slot would get is not at hand: what all the slots that are left would get is read, in one batch.
  private func ahead(
    _ claim: Claim, from first: Int, _ places: [FilterPlace], _ isFull: [Bool], _ scarcity: [Scarcity], _ now: Instant
  ) -> [Int64] {
    var wanted = claim.filters.map { _ in 0 }
    for slot in claim.slots[first...] where !isFull[Int(slot.worker)] && scarcity[Int(slot.filter)] == .none {
      wanted[Int(slot.filter)] += 1
    }
    var seen: Set<Int64> = []
    var seqs: [Int64] = []
    for filter in wanted.indices where wanted[filter] > 0 {
      let count = readsAside ? countAhead(wanted[filter]) : wanted[filter]
      for entry in preview(places[filter], count, now) where seen.insert(entry.seq).inserted {
        if let job = known[entry.seq], job.body != nil, job.carried != nil { continue }
        seqs.append(entry.seq)
      }
    }
    return seqs
  }

  /// The next entries that a filter would get.
  private func preview(_ place: FilterPlace, _ most: Int, _ now: Instant) -> [Entry] {
    if usesKeys { return rehearse(place, most, now) }
    var found: [Entry] = []
    for number in place.pattern..<place.filter.queues.count where found.count < most {
      let pattern = place.filter.pattern(number)
      if pattern.isPrefix {
        found += scope(prefix: pattern.text, names: place.filter.names, now: now).preview(most - found.count)
      } else if let queue = queues[pattern.text] {
        var walk = Preview()
        walk.add(queue, place.filter.names, most - found.count)
        found += walk.take(most - found.count)
      }
    }
    return found
  }

  /// The same when jobs have keys or limits: takes them and puts them back.
  private func rehearse(_ place: FilterPlace, _ most: Int, _ now: Instant) -> [Entry] {
    var place = place
    var taken: [(lane: Lane, Lane.Taken)] = []
    while taken.count < most, let lane = best(&place, now), let next = lane.takeFirst() {
      taken.append((lane, next))
      reserve(lane.queue, next.group?.key)
    }
    // Also queues of which nothing was taken have left the orders over several: those all of whose jobs seemed to be held back.
    let reopened = releaseReserved()
    var woken: Set<ObjectIdentifier> = []
    for (lane, next) in taken.reversed() { lane.putBack(next) }
    for queue in taken.map(\.lane.queue) + reopened where woken.insert(ObjectIdentifier(queue)).inserted {
      for membership in queue.scopes {
        if let place = queue.best(membership.scope.key.names)?.place { membership.push(place) }
      }
    }
    return taken.map(\.1.entry)
  }

  private func isUnfit(_ job: LiveJob, _ now: Moment) -> Bool {
    if job.isDamaged { return true }
    guard let startBefore = job.startBefore else { return false }
    return startBefore <= now.wall
  }

  /// A ready job that cannot be started any more.
  private func setJobAside(_ job: LiveJob, _ now: Moment) {
    leave(job, now.wall)
    touch(job)
    if job.isDamaged {
      let failure = keep(
        Failure(type: "damaged", message: "what is stored of the job is not what was enqueued", retryable: false),
        in: job, now: now.wall)
      finish(job, as: .dead, now: now.wall)
      note(.dead, job, now.wall, detail: .failure(failure))
    } else {
      finish(job, as: .expired, now: now.wall)
      note(.expired, job, now.wall)
    }
  }

  private func start(
    _ job: LiveJob, from lane: Lane, by worker: Claim.Worker, at index: Int, now: Moment
  ) throws(StoreError) -> ClaimedJob {
    let head = job.head
    let readyAt = job.readyAt
    let queue = job.queue
    touch(queue, now.wall)
    _ = lane.takeFirst()
    queue.ready -= 1
    queue.running += 1
    let isRated = countStart(job, now)
    if let startBefore = job.startBefore {
      expiries.remove(Entry(at: startBefore.microseconds, seq: head.seq))
    }
    touch(job)
    job.standing.state = .running
    job.standing.attempt += 1
    job.standing.wasStarted = true
    job.standing.startedAt = now.wall
    job.standing.workerID = worker.id
    job.standing.token = try makeToken()
    job.standing.resumeWindow = worker.resumeWindow
    job.standing.cancelRequested = false
    if let carried = job.carried, carried.progress != nil || !carried.cancelReason.isEmpty {
      carry(job, JobCarried(result: carried.result, failures: carried.failures))
    }
    if let timeout = head.job.options.timeout {
      job.standing.deadline = now.wall + timeout
      job.deadline = now.elapsed + timeout
      job.leaseLimit = now.elapsed + timeout + terms.timeoutGrace
    } else {
      job.standing.deadline = nil
      job.deadline = nil
      job.leaseLimit = .distantFuture
    }
    job.leaseEnd = min(worker.leaseUntil, job.leaseLimit)
    hold(job)
    note(.started, job, now.wall, by: worker.id)
    let claimed = ClaimedJob(
      lease: job.lease, worker: index, attempt: job.standing.attempt, job: head.job.with(body: job.body ?? []),
      createdAt: head.createdAt, readyAt: readyAt, deadline: job.standing.deadline, isRated: isRated)
    // What a change set is yet to bring must stay.
    if job.storedState != nil, !job.hasNewBody, job.bodyIn == 0 { job.body = nil }
    return claimed
  }

  /// What is carried along has changed.
  func carry(_ job: LiveJob, _ carried: JobCarried) {
    job.carried = carried
    job.hasNewCarried = true
  }

  // MARK: Asking

  /// Whether anything ready may match: cheap, may say true in vain, never false in vain.
  public func mayHaveReady(_ filter: ClaimFilter, now: Moment) -> Bool {
    var place = FilterPlace(filter)
    return best(&place, now.elapsed) != nil
  }
}
