import Backlog
import Jobs

/// Workers come, speak, fall silent, break off, come back and go: on streams here, without one in the extension.
final class Sessions {
  let configuration: EngineConfiguration
  let balancer: LoadBalancer
  let table: WorkerTable
  let leases: Leases
  private let random: Randomness
  private(set) var isDraining = false

  init(
    configuration: EngineConfiguration, balancer: LoadBalancer, table: WorkerTable, leases: Leases, random: Randomness
  ) {
    self.configuration = configuration
    self.balancer = balancer
    self.table = table
    self.leases = leases
    self.random = random
  }

  func connect(_ hello: WorkerHello, address: String, route: Route, tick: Tick) {
    guard table.byRoute[route] == nil else {
      tick.early.append(.endSession(route, .protocolError("hello was already said on this stream")))
      if let session = table.byRoute[route] { breakOff(session, tick: tick) }
      return
    }
    let now = tick.now
    let id = hello.workerID.isEmpty ? makeWorkerID() : hello.workerID
    let old = table.streams[id]
    if let old, !old.isGone, !hello.scope.covers(old.subscriptions) {
      tick.early.append(.endSession(route, .notOwn))
      return
    }
    if let old, old.isConnected, let oldRoute = old.route {
      tick.early.append(.endSession(oldRoute, .takenOver))
      table.byRoute[oldRoute] = nil
      old.route = nil
      table.noteWorker(.workerDisconnected, old, now: tick.wall)
      old.leaveGroup()
      // What it holds is sorted out when the store has said what the newcomer still has.
      table.goAway(old, until: now + old.lease)
    }
    let group = balancer.group(subscriptions: hello.subscriptions, names: hello.names)
    let session = WorkerSession(
      id: id, number: table.nextNumber(), presence: .connected, route: route, group: group,
      subscriptions: hello.subscriptions, address: address, labels: hello.labels,
      resumeWindow: hello.resumeWindow.map { min(max($0, .zero), configuration.longestResumeWindow) },
      lease: configuration.lease, most: capacity(hello.maxInFlight),
      maxBytes: Int(min(hello.maxInFlightBytes, UInt64(Int32.max) << 16)), now: tick.moment)
    session.server = hello.server
    session.scope = hello.scope
    session.predecessor = old
    session.isDraining = isDraining
    session.out.drain = isDraining
    if !isDraining { joinGroup(session, now: tick.moment) }
    table.byRoute[route] = session
    table.streams[id] = session
    tick.connecting.append(session)
    tick.touch(session)
    let until = now + configuration.lease
    var lost: [Lease] = []
    for (index, lease) in hello.held.enumerated() {
      if index < Int(configuration.maxInFlight) {
        tick.extend(lease, until: until, scope: hello.scope, for: .hello(session))
      } else {
        lost.append(lease)
      }
    }
    session.out.welcome = Welcome(
      workerID: id, lease: configuration.lease, heartbeat: configuration.heartbeat, lost: lost)
    table.noteWorker(.workerConnected, session, now: tick.wall)
    table.setTimer(session, firstCheck(session))
  }

  private func makeWorkerID() -> String {
    var text = "worker-"
    let number = random.next()
    for shift in stride(from: UInt64(60), through: 0, by: -4) { text += String(number >> shift & 0xF, radix: 16) }
    return text
  }

  private func capacity(_ asked: UInt32) -> Int { Int(min(asked, configuration.maxInFlight)) }

  private func take(capacity asked: UInt32, of session: WorkerSession) {
    session.most = capacity(asked)
    // None is what the loop of a worker that does not read says.
    if asked > 0 { session.isSated = false }
  }

  private func joinGroup(_ session: WorkerSession, now: Moment) {
    let taker = Taker(worker: session)
    session.taker = taker
    session.group.members += 1
    balancer.add(taker, to: session.group, now: now)
  }

  func message(_ message: WorkerMessage, from route: Route, tick: Tick) {
    guard let session = table.byRoute[route] else { return }
    heard(session, tick: tick)
    if message.ackSeq > session.confirmed { session.confirmed = min(message.ackSeq, session.seq) }
    if let most = message.capacity {
      take(capacity: most, of: session)
      leases.takeBackUnsaid(session, most: session.held.count - session.most)
      tick.touch(session)
    }
    for report in message.progress {
      tick.extend(
        report.lease, until: tick.now + session.lease, progress: report.progress, scope: session.scope,
        for: .progress(session))
    }
    if !message.outcomes.isEmpty {
      session.isReporting = true
      session.out.results.reserveCapacity(session.out.results.count + message.outcomes.count)
    }
    for outcome in message.outcomes {
      if case .refused(let rule) = outcome.how {
        session.out.results.append(LeaseResult(lease: outcome.lease, code: .refused(rule)))
        tick.touch(session)
      } else {
        leases.take(outcome, from: session, scope: session.scope, owner: .session, tick: tick)
      }
    }
    if message.drain { startDraining(session, tick: tick) }
  }

  /// The storage is away: what the worker says of its jobs cannot be taken; it keeps them and says it again.
  func message(_ message: WorkerMessage, failing error: StoreError, from route: Route, tick: Tick) {
    guard let session = table.byRoute[route] else { return }
    heard(session, tick: tick)
    if message.ackSeq > session.confirmed { session.confirmed = min(message.ackSeq, session.seq) }
    if let most = message.capacity { take(capacity: most, of: session) }
    for outcome in message.outcomes {
      if case .refused(let rule) = outcome.how {
        session.out.results.append(LeaseResult(lease: outcome.lease, code: .refused(rule)))
      } else {
        session.out.results.append(LeaseResult(lease: outcome.lease, code: .failed(error)))
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
    if session.leasesUntil - session.renewalMargin <= tick.now { leases.renew(session, tick: tick) }
  }

  func disconnect(_ route: Route, tick: Tick) {
    guard let session = table.byRoute[route] else { return }
    breakOff(session, tick: tick)
  }

  /// The stream is gone: what was never confirmed goes to others at once, the rest waits for the worker if it said that it
  /// may come back.
  func breakOff(_ session: WorkerSession, tick: Tick) {
    if let route = session.route { table.byRoute[route] = nil }
    session.route = nil
    session.leaveGroup()
    table.noteWorker(.workerDisconnected, session, now: tick.wall)
    let until = leases.suspend(session, tick: tick)
    if session.held.isEmpty {
      session.presence = .gone
      if table.streams[session.id] === session { table.streams[session.id] = nil }
    } else {
      table.goAway(session, until: until)
    }
  }

  // MARK: Draining

  func startDraining(_ session: WorkerSession, tick: Tick) {
    session.isDraining = true
    leases.takeBackUnsaid(session)
    session.leaveGroup()
    tick.touch(session)
  }

  /// An operator wants a worker gone.
  /// - Parameter scope: the operator's queues; nil: all.
  func drain(id: String, within scope: QueueScope?, tick: Tick) -> Reply {
    var isKnown = false
    for session in [table.streams[id], table.pollers[id]] {
      guard scope != nil, let session, !session.isGone else { continue }
      guard session.subscriptions.contains(where: { scope.touches($0.pattern) }) else { return .notFound }
      guard scope.covers(session.subscriptions) else { return .notOwn }
    }
    if let session = table.streams[id], session.isConnected {
      session.out.drain = true
      startDraining(session, tick: tick)
      isKnown = true
    }
    if let session = table.pollers[id] {
      session.isDraining = true
      for taker in session.fetches { session.group.heap.remove(taker) }
      isKnown = true
    }
    return isKnown ? .done : .notFound
  }

  /// The server goes away.
  func drainAll(tick: Tick) {
    isDraining = true
    balancer.isDraining = true
    for session in table.all {
      if session.isConnected {
        session.out.drain = true
        startDraining(session, tick: tick)
      }
      for taker in session.fetches { answerEmpty(taker, tick: tick) }
    }
  }

  // MARK: A storage that failed

  /// The tick cannot be decided. Who came in it is sent away to come again; what those had before is kept for them. What Fetches
  /// were given is not so.
  func turnAway(_ error: StoreError, tick: Tick) {
    for taker in tick.answeredFetches {
      guard let fetch = taker.fetch, !fetch.isAnswered else { continue }
      for job in fetch.jobs { _ = taker.worker.drop(job.lease.token) }
      tick.early.append(.reply(fetch.route, .failed(error)))
      table.endFetch(taker)
    }
    for session in tick.connecting.reversed() {
      if let route = session.route {
        tick.early.append(.endSession(route, .failed(error)))
        table.byRoute[route] = nil
        session.route = nil
      }
      if session.isConnected {
        session.leaveGroup()
        table.noteWorker(.workerDisconnected, session, now: tick.wall)
      }
      session.out.welcome = nil
      session.out.drain = false
      var old = session.predecessor
      while let older = old?.predecessor {
        old?.predecessor = nil
        old = older
      }
      session.predecessor = nil
      if let old, !old.isGone {
        session.presence = .gone
        table.streams[session.id] = old
      } else if session.held.isEmpty {
        session.presence = .gone
        if table.streams[session.id] === session { table.streams[session.id] = nil }
      } else {
        table.goAway(session, until: tick.now + session.lease)
      }
    }
  }

  /// This server's workers, as people see them.
  func views(now: Moment) -> [WorkerView] {
    table.all.filter { !$0.isGone }.map { session in
      WorkerView(
        workerID: session.id, serverID: session.server ?? configuration.serverID,
        queues: session.subscriptions.map { $0.pattern.isPrefix ? $0.pattern.text + "*" : $0.pattern.text },
        names: session.group.key.names, maxInFlight: UInt32(clamping: session.most),
        running: UInt32(clamping: session.held.count), lostTotal: session.lostTotal,
        succeededTotal: session.succeededTotal, failedTotal: session.failedTotal, draining: session.isDraining,
        connectedAt: session.connectedAt, lastSeenAt: now.wall - (now.elapsed - session.lastSeen),
        address: session.address, labels: session.labels)
    }
  }
}
