import Jobs

/// Workers without a stream: Fetch and Report.
extension Sessions {
  func fetch(_ fetch: Fetch, route: Route, tick: Tick) {
    let now = tick.now
    guard !isDraining else {
      tick.early.append(.reply(route, .fetched([], lease: configuration.lease)))
      return
    }
    if let known = table.pollers[fetch.workerID], !fetch.scope.covers(known.subscriptions) {
      tick.early.append(.reply(route, .notOwn))
      return
    }
    let lease = min(max(fetch.lease ?? configuration.lease, .milliseconds(1)), EngineConfiguration.longestLease)
    let group = balancer.group(subscriptions: fetch.subscriptions, names: fetch.names)
    let session: WorkerSession
    if let known = table.pollers[fetch.workerID] {
      session = known
      if known.group !== group, known.fetches.isEmpty {
        known.group.members -= 1
        known.group = group
        known.subscriptions = fetch.subscriptions
        group.members += 1
      }
      heard(session, tick: tick)
      session.most = max(session.most, Int(fetch.maxJobs))
    } else {
      session = poller(fetch.workerID, group: group, fetch: fetch, lease: lease, now: tick.moment)
    }
    session.lease = max(lease, session.held.isEmpty ? lease : session.lease)
    let most = min(Int(fetch.maxJobs), Int(configuration.maxInFlight) - session.held.count)
    let wait = min(max(fetch.maxWait, .zero), configuration.longestWait)
    let taker = Taker(
      worker: session, fetch: WaitingFetch(route: route, most: max(0, most), lease: lease, until: now + wait))
    taker.set(free: max(0, most), of: max(1, most))
    session.fetches.append(taker)
    table.fetches[route] = taker
    if !session.isDraining { balancer.add(taker, to: group, now: tick.moment) }
    taker.group = group
    // One that does not wait is answered in this tick, after the claim: its time has come then.
    table.alarms.add(.fetch(taker), at: now + wait)
    tick.fetched.append(taker)
  }

  private func poller(
    _ id: String, group: FilterGroup, fetch: Fetch, lease: Interval, now: Moment
  ) -> WorkerSession {
    let session = WorkerSession(
      id: id, number: table.nextNumber(), presence: .polling, route: nil, group: group,
      subscriptions: fetch.subscriptions,
      address: fetch.address, labels: [:], resumeWindow: nil, lease: lease, most: Int(fetch.maxJobs), maxBytes: 0,
      now: now)
    table.pollers[id] = session
    group.members += 1
    table.setTimer(session, firstCheck(session))
    return session
  }

  func answerEmpty(_ taker: Taker, tick: Tick) {
    guard let fetch = taker.fetch, !fetch.isAnswered, fetch.jobs.isEmpty else { return }
    tick.early.append(.reply(fetch.route, .fetched([], lease: fetch.lease)))
    table.endFetch(taker)
  }

  /// After the claim: who does not want to wait is told that there was nothing.
  func endImpatientFetches(tick: Tick) {
    // What they would get may be on its way from the storage.
    if balancer.isStalled { return }
    for taker in tick.fetched {
      if let fetch = taker.fetch, fetch.until <= tick.now { answerEmpty(taker, tick: tick) }
    }
    tick.fetched.removeAll(keepingCapacity: true)
  }

  func report(_ report: Report, route: Route, tick: Tick) {
    // Somebody else's worker of this id is no concern of this report's.
    let session = table.pollers[report.workerID].flatMap { report.scope.covers($0.subscriptions) ? $0 : nil }
    if let session { heard(session, tick: tick) }
    let pending = PendingReport(route: route, workerID: report.workerID, session: session)
    tick.said.reports.append(pending)
    let until = tick.now + (session?.lease ?? configuration.lease)
    for progress in report.progress {
      tick.extend(
        progress.lease, until: until, progress: progress.progress, scope: report.scope, for: .report(pending, nil))
    }
    for (index, outcome) in report.outcomes.enumerated() {
      if case .refused(let rule) = outcome.how {
        pending.results.append(LeaseResult(lease: outcome.lease, code: .refused(rule)))
        continue
      }
      pending.results.append(LeaseResult(lease: outcome.lease, code: .notHeld))
      leases.take(outcome, from: session, scope: report.scope, owner: .report(pending, index), tick: tick)
    }
    for lease in report.extend {
      guard !lease.jobID.isEmpty else {
        pending.results.append(
          LeaseResult(lease: lease, code: .refused("extend.job_id: 1 to 128 characters of [A-Za-z0-9_.:-]")))
        continue
      }
      pending.results.append(LeaseResult(lease: lease, code: .notHeld))
      tick.extend(lease, until: until, scope: report.scope, for: .report(pending, pending.results.count - 1))
    }
  }
}
