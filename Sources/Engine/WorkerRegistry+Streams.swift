import Jobs

/// Workers on a stream: they come, speak, break off and come back.
extension WorkerRegistry {
  func connect(_ hello: WorkerHello, address: String, route: Route, tick: Tick) {
    guard byRoute[route] == nil else {
      tick.early.append(.endSession(route, .protocolError("hello was already said on this stream")))
      if let session = byRoute[route] { breakOff(session, tick: tick) }
      return
    }
    let now = tick.now
    let id = hello.workerID.isEmpty ? makeWorkerID() : hello.workerID
    let old = streams[id]
    if let old, !old.isGone, !hello.scope.covers(old.subscriptions) {
      tick.early.append(.endSession(route, .notOwn))
      return
    }
    if let old, old.isConnected, let oldRoute = old.route {
      tick.early.append(.endSession(oldRoute, .takenOver))
      byRoute[oldRoute] = nil
      old.route = nil
      noteWorker(.workerDisconnected, old, now: tick.wall)
      leaveGroup(old)
      // What it holds is sorted out when the store has said what the newcomer still has.
      goAway(old, until: now + old.lease)
    }
    let group = balancer.group(subscriptions: hello.subscriptions, names: hello.names)
    let session = WorkerSession(
      id: id, number: nextNumber(), presence: .connected, route: route, group: group,
      subscriptions: hello.subscriptions, address: address, labels: hello.labels,
      resumeWindow: hello.resumeWindow.map { min(max($0, .zero), configuration.longestResumeWindow) },
      lease: configuration.lease, most: capacity(hello.maxInFlight),
      mostBytes: Int(min(hello.maxInFlightBytes, UInt64(Int32.max) << 16)), now: tick.moment)
    session.server = hello.server
    session.scope = hello.scope
    session.predecessor = old
    session.isDraining = isDraining
    session.outDrain = isDraining
    if !isDraining { joinGroup(session, now: tick.moment) }
    byRoute[route] = session
    streams[id] = session
    tick.connecting.append(session)
    tick.touch(session)
    let until = now + configuration.lease
    var lost: [Lease] = []
    for (index, lease) in hello.held.enumerated() {
      if index < Int(configuration.mostInFlight) {
        tick.extend(lease, until: until, scope: hello.scope, for: .hello(session))
      } else {
        lost.append(lease)
      }
    }
    session.outWelcome = Welcome(
      workerID: id, lease: configuration.lease, heartbeat: configuration.heartbeat, lost: lost)
    noteWorker(.workerConnected, session, now: tick.wall)
    setTimer(session, firstCheck(session))
  }

  private func makeWorkerID() -> String {
    var text = "worker-"
    let number = random.next()
    for shift in stride(from: UInt64(60), through: 0, by: -4) { text += String(number >> shift & 0xF, radix: 16) }
    return text
  }

  private func capacity(_ asked: UInt32) -> Int { Int(min(asked, configuration.mostInFlight)) }

  private func joinGroup(_ session: WorkerSession, now: Moment) {
    let taker = Taker(worker: session)
    session.taker = taker
    session.group.members += 1
    balancer.add(taker, to: session.group, now: now)
  }

  /// The store has said which of the held leases are still the worker's. What else its predecessor had goes back: what was
  /// never confirmed at no cost, the rest as lost, for the worker says that it does not run it.
  func finishConnecting(tick: Tick) {
    keepWhatCameBack(tick)
    for session in tick.connecting {
      guard let old = session.predecessor else { continue }
      session.predecessor = nil
      session.lostTotal = old.lostTotal
      session.succeededTotal = old.succeededTotal
      session.failedTotal = old.failedTotal
      for held in old.dropAll() {
        if let place = session.held.find(held.token) {
          // What the session knew and the store does not say.
          if session.held[at: place].stop == nil { session.held[at: place].stop = held.stop }
        } else {
          let isUnconfirmed = !old.hasConfirmed(held)
          if !isUnconfirmed { session.lostTotal += 1 }
          orphans.append(Settlement(lease: held.lease, outcome: isUnconfirmed ? .unconfirmed : .lost))
        }
      }
      old.presence = .gone
    }
    for session in tick.connecting where !session.isConnected && !session.held.isEmpty {
      // It came and broke off within one tick.
      if session.resumeWindow ?? .zero > .zero, streams[session.id] == nil {
        streams[session.id] = session
        goAway(session, until: session.leasesUntil)
      } else {
        for held in session.dropAll() { orphans.append(Settlement(lease: held.lease, outcome: .lost)) }
      }
    }
    for session in tick.connecting where session.isConnected {
      for held in session.held.leases {
        if let reason = held.stop { session.outNotices.append(CancelNotice(lease: held.lease, reason: reason)) }
      }
    }
  }

  /// A broken stream's leases are given up with the tick that hears of it, if it has no window. A worker that is back within that tick, as
  /// after a pause of the server, has been told that it holds them: then it does.
  private func keepWhatCameBack(_ tick: Tick) {
    guard !orphans.isEmpty, tick.connecting.contains(where: { !$0.held.isEmpty }) else { return }
    let kept = Set(tick.connecting.flatMap { $0.held.leases.map(\.token) })
    orphans.removeAll { kept.contains($0.lease.token) }
  }

  func message(_ message: WorkerMessage, from route: Route, tick: Tick) {
    guard let session = byRoute[route] else { return }
    heard(session, tick: tick)
    if message.ackSeq > session.confirmed { session.confirmed = min(message.ackSeq, session.seq) }
    if let most = message.capacity {
      session.most = capacity(most)
      takeBackUnsaid(session, most: session.held.count - session.most)
      tick.touch(session)
    }
    for report in message.progress {
      tick.extend(
        report.lease, until: tick.now + session.lease, progress: report.progress, scope: session.scope,
        for: .progress(session))
    }
    if !message.outcomes.isEmpty {
      session.isReporting = true
      session.outResults.reserveCapacity(session.outResults.count + message.outcomes.count)
    }
    for outcome in message.outcomes {
      if case .refused(let rule) = outcome.how {
        session.outResults.append(LeaseResult(lease: outcome.lease, code: .refused(rule)))
        tick.touch(session)
      } else {
        take(outcome, from: session, scope: session.scope, owner: .session, tick: tick)
      }
    }
    if message.drain { startDraining(session, tick: tick) }
  }

  /// The storage is away: what the worker says of its jobs cannot be taken; it keeps them and says it again.
  func message(_ message: WorkerMessage, failing error: StoreError, from route: Route, tick: Tick) {
    guard let session = byRoute[route] else { return }
    heard(session, tick: tick)
    if message.ackSeq > session.confirmed { session.confirmed = min(message.ackSeq, session.seq) }
    if let most = message.capacity { session.most = capacity(most) }
    for outcome in message.outcomes {
      if case .refused(let rule) = outcome.how {
        session.outResults.append(LeaseResult(lease: outcome.lease, code: .refused(rule)))
      } else {
        session.outResults.append(LeaseResult(lease: outcome.lease, code: .failed(error)))
      }
    }
    tick.touch(session)
    if message.drain { startDraining(session, tick: tick) }
  }

  /// Any sign of life: the leases of a stream are renewed when that is due.
  func heard(_ session: WorkerSession, tick: Tick) {
    session.lastSeen = tick.now
    if session.isSilent {
      session.isSilent = false
      tick.touch(session)
    }
    guard session.isConnected, !session.held.isEmpty else { return }
    if session.leasesUntil - session.renewalMargin <= tick.now { renew(session, tick: tick) }
  }

  func renew(_ session: WorkerSession, tick: Tick) {
    guard !session.isRenewing else { return }
    session.isRenewing = true
    tick.renewing.append(session)
  }

  /// What a worker says became of an assignment: its slot is free at once.
  func take(
    _ outcome: WorkerOutcome, from session: WorkerSession?, scope: QueueScope?, owner: Said.SettleOrigin.Owner,
    tick: Tick
  ) {
    let held = session.flatMap { release(outcome.lease, from: $0, tick: tick) }
    if let session { tick.touch(session) }
    session?.unanswered += 1
    tick.said.settlements.append(
      Settlement(
        lease: outcome.lease, outcome: settled(outcome.how, held, session?.id ?? "", tick: tick), scope: scope))
    let queue = held?.queue
    let startedAt = held?.startedAt ?? Instant.distantPast
    tick.said.settleOrigins.append(
      Said.SettleOrigin(owner: owner, held: consume held, queue: queue, startedAt: startedAt, session: session))
  }

  /// nil: it does not hold this one.
  private func release(_ lease: Lease, from session: WorkerSession, tick: Tick) -> HeldLease? {
    guard let place = session.held.find(lease.token), session.held[at: place].jobID == lease.jobID else { return nil }
    return release(at: place, from: session, tick: tick)
  }

  private func settled(
    _ how: WorkerOutcome.How, _ held: HeldLease?, _ workerID: String, tick: Tick
  ) -> Settlement.Outcome {
    let timedOut = held?.timedOut ?? false
    switch how {
    case .success(let result): return .succeeded(result: result)
    case .failure(var failure):
      failure.at = tick.wall
      failure.workerID = workerID
      failure.attempt = held?.attempt ?? failure.attempt
      if timedOut {
        failure.type = "timeout"
        failure.retryable = true
      }
      return .failed(failure, draw: random.draw())
    case .release(let delay): return .released(delay: delay)
    // Answered before it comes here.
    case .refused: return .unconfirmed
    case .canceled:
      guard timedOut else { return .canceled(draw: random.draw()) }
      let failure = Failure(
        type: "timeout", message: "the attempt's time was over", at: tick.wall, attempt: held?.attempt ?? 0,
        workerID: workerID)
      return .failed(failure, draw: random.draw())
    }
  }

  func disconnect(_ route: Route, tick: Tick) {
    guard let session = byRoute[route] else { return }
    breakOff(session, tick: tick)
  }

  /// The stream is gone: what was never confirmed goes to others at once, the rest waits for the worker if it said that it
  /// may come back.
  func breakOff(_ session: WorkerSession, tick: Tick) {
    if let route = session.route { byRoute[route] = nil }
    session.route = nil
    leaveGroup(session)
    noteWorker(.workerDisconnected, session, now: tick.wall)
    let window = session.resumeWindow ?? .zero
    let until = tick.now + window
    for held in session.held.leases {
      if session.hasConfirmed(held), window > .zero {
        tick.extend(held.lease, until: until, for: .renewal(session))
      } else {
        orphans.append(
          Settlement(lease: held.lease, outcome: session.hasConfirmed(held) ? .lost : .unconfirmed))
        if session.hasConfirmed(held) { session.lostTotal += 1 }
        _ = session.drop(held.token)
      }
    }
    if session.held.isEmpty {
      session.presence = .gone
      if streams[session.id] === session { streams[session.id] = nil }
    } else {
      goAway(session, until: until)
    }
  }

  func goAway(_ session: WorkerSession, until: Instant) {
    session.presence = .away(until: until)
    session.leasesUntil = until
    setTimer(session, until)
  }

  // MARK: Draining

  func startDraining(_ session: WorkerSession, tick: Tick) {
    version += 1
    session.isDraining = true
    takeBackUnsaid(session)
    leaveGroup(session)
    tick.touch(session)
  }

  /// An operator wants a worker gone.
  /// - Parameter scope: the operator's queues; nil: all.
  func drain(id: String, within scope: QueueScope?, tick: Tick) -> Reply {
    var isKnown = false
    for session in [streams[id], pollers[id]] {
      guard scope != nil, let session, !session.isGone else { continue }
      guard session.subscriptions.contains(where: { scope.touches($0.pattern) }) else { return .notFound }
      guard scope.covers(session.subscriptions) else { return .notOwn }
    }
    if let session = streams[id], session.isConnected {
      session.outDrain = true
      startDraining(session, tick: tick)
      isKnown = true
    }
    if let session = pollers[id] {
      session.isDraining = true
      version += 1
      for taker in session.fetches { session.group.heap.remove(taker) }
      isKnown = true
    }
    return isKnown ? .done : .notFound
  }

  /// The server goes away.
  func drainAll(tick: Tick) {
    isDraining = true
    balancer.isDraining = true
    for session in all {
      if session.isConnected {
        session.outDrain = true
        startDraining(session, tick: tick)
      }
      for taker in session.fetches { answerEmpty(taker, tick: tick) }
    }
  }
}
