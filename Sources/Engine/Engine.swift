import Jobs

/// Decides everything: commands and the time in, effects out. Deterministic; no clock, no threads, no I/O but the store's.
///
/// The owner's loop is:
///
///     let early = engine.decide(commands, now: clock.now)   // at most 512 commands
///     deliver(early)                                        // assignments: may leave before the commit
///     let late = engine.commit(now: clock.now)              // one transaction for everybody
///     deliver(late)                                         // acknowledgements, outcome results, events
///     wait for commands, or until engine.nextWake
///
/// Inside a tick the order is: outcomes, enqueues, promotions, claims.
public final class Engine {
  public let configuration: EngineConfiguration
  private let store: any JobStore
  private let tick = Tick()
  private let ledger: QueueLedger
  private let balancer: LoadBalancer
  private let workers: WorkerRegistry
  private let queues: QueueManager
  private let poller: Poller
  private let fleet: Fleet
  private let events: EventHub
  private var statistics = EngineStatistics()
  /// Time never goes backwards in here, whatever the caller's clock does.
  private var now: Timestamp

  /// - Parameter seed: of all randomness (jitter, worker ids).
  public init(store: any JobStore, configuration: EngineConfiguration, seed: UInt64, now: Timestamp) {
    self.store = store
    self.configuration = configuration
    self.now = now
    ledger = QueueLedger()
    balancer = LoadBalancer(configuration: configuration, ledger: ledger)
    workers = WorkerRegistry(
      configuration: configuration, balancer: balancer, ledger: ledger, random: Randomness(seed: seed))
    queues = QueueManager(
      configuration: configuration, store: store, ledger: ledger, balancer: balancer, workers: workers)
    poller = Poller(store: store, configuration: configuration, balancer: balancer, workers: workers, now: now)
    fleet = Fleet(store: store, workers: workers)
    events = EventHub(configuration: configuration, lastCursor: store.lastEventCursor)
  }

  // MARK: The tick

  /// Takes the commands in and applies everything to the store. What it returns may leave at once.
  public func decide(_ commands: [Command], now time: Timestamp) -> [Effect] {
    let wake = nextWake ?? time
    let overslept = time - max(wake, now)
    now = max(now, time)
    tick.begin(now)
    fleet.begin()
    if workers.excuse(overslept, tick: tick) { poller.putOff(until: now + WorkerRegistry.hearing) }
    statistics.ticks += 1
    statistics.commands += UInt64(commands.count)
    for command in commands { accept(command) }
    workers.alarm(tick: tick)
    events.beat(now: now, into: &tick.early)
    do {
      try apply()
      workers.flushEarly(tick: tick)
      workers.endImpatientFetches(tick: tick)
    } catch {
      store.rollback()
      fail(error)
    }
    let early = tick.early
    tick.early = []
    return early
  }

  /// Makes the tick durable. What it returns says so.
  public func commit(now time: Timestamp) -> [Effect] {
    now = max(now, time)
    var effects: [Effect] = []
    effects.reserveCapacity(tick.replies.count + tick.touched.count)
    if let failure = tick.failure {
      // Nobody has heard of the assignments, nor been welcomed.
      workers.failConnecting(failure, tick: tick, into: &effects)
      workers.unassign(tick: tick, tell: false)
      undo(failure, &effects)
    } else if !tick.hasWritten {
      finish(&effects)
    } else {
      do {
        try commitStore(&effects)
        finish(&effects)
      } catch {
        store.rollback()
        fail(error)
        workers.unassign(tick: tick, tell: true)
        undo(error, &effects)
      }
    }
    workers.flushLate(tick: tick, into: &effects)
    syncIfDue()
    return effects
  }

  /// When decide wants to be called again although no command came; nil: only for commands. A time that has passed means at once.
  public var nextWake: Timestamp? {
    var next = poller.next(now: now)
    if !poller.isResting(now),
      balancer.hasMore || queues.hasSweeps || !workers.orphans.isEmpty || !workers.unrecorded.isEmpty
    {
      next = now
    }
    for time in [workers.alarms.next, workers.deadlines.next, events.next, fleet.next.map(poller.afterRest)] {
      if let time { next = min(next ?? time, time) }
    }
    return next
  }

  private func accept(_ command: Command) {
    switch command {
    case .enqueue(let group, let durability, let route):
      tick.groups.append(group)
      tick.enqueueOrigins.append((route, durability ?? configuration.durability))
    case .work(let message, let route): workers.message(message, from: route, tick: tick)
    case .pullEvents(let pull, let route): events.pull(pull, route, now: now, into: &tick.early)
    case .control(let control, let route):
      tick.controls.append(control)
      tick.controlRoutes.append(route)
    case .sweep(let sweep, let route): queues.start(sweep, route, tick: tick)
    case .pause(let queue, let isPaused, let route): tick.pauses.append((queue, isPaused, route))
    case .waitForEnd(let jobID, let route): events.wait(for: jobID, route)
    case .connect(let hello, let address, let route):
      workers.connect(hello, address: address, route: route, store: store, tick: tick)
    case .disconnect(let route): workers.disconnect(route, tick: tick)
    case .fetch(let fetch, let route): workers.fetch(fetch, route: route, store: store, tick: tick)
    case .report(let report, let route): workers.report(report, route: route, tick: tick)
    case .explain, .annotate, .queues, .queuePage, .workers, .workerPage, .statistics: tick.reads.append(command)
    case .drainWorker(let id, let route):
      let isHere = workers.drain(id: id, tick: tick)
      tick.drains.append((id, isHere, route))
    case .forget(let route):
      events.forget(route)
      if let taker = workers.fetches[route] { workers.endFetch(taker) }
    case .signal(.ready(let queue)): balancer.woke(queue: queue)
    case .signal(.cancel(let lease, let reason)): queues.canceledElsewhere(lease, reason: reason, tick: tick)
    case .signal(.arrived(let id, let at)): workers.arrivedElsewhere(id: id, at: at, tick: tick)
    case .signal(.drain(let id)): _ = workers.drain(id: id, tick: tick)
    case .signal(.events(let cursor)):
      // The commit gives them out, with what this tick records.
      tick.hasWritten = true
      tick.heard = max(tick.heard, cursor)
    case .drain(let route):
      workers.drainAll(tick: tick)
      tick.early.append(.reply(route, .done))
    }
  }

  private func apply() throws(StoreError) {
    workers.gatherRenewals(tick: tick)
    if !tick.extensions.isEmpty {
      tick.hasWritten = true
      workers.extended(try store.extend(tick.extensions, now: now), tick: tick)
    }
    workers.finishConnecting(tick: tick)
    try queues.settle(tick)
    try queues.enqueue(tick)
    try queues.control(tick)
    if !poller.isResting(now) { try queues.sweep(tick) }
    try poller.promote(tick)
    try poller.prune(tick)
    tick.workerEvents = workers.unrecorded.count
    if tick.workerEvents > 0 {
      tick.hasWritten = true
      try store.record(workers.unrecorded)
    }
    try queues.claim(tick)
    // Before anybody is welcomed: who has been sees the worker at every server.
    if !poller.isResting(now) { fleet.tell(now: now) }
    while let drain = tick.drains.first {
      let isElsewhere = try fleet.drainElsewhere(drain.id)
      tick.early.append(.reply(drain.route, drain.isHere || isElsewhere ? .done : .notFound))
      tick.drains.removeFirst()
    }
    while tick.readsAnswered < tick.reads.count {
      try answer(tick.reads[tick.readsAnswered], &tick.early)
      tick.readsAnswered += 1
    }
  }

  private func commitStore(_ effects: inout [Effect]) throws(StoreError) {
    let durability: Durability = tick.wantsSync ? .synced : .relaxed
    let recorded = try store.commit(durability)
    switch durability {
    case .synced: statistics.syncedCommits += 1
    case .relaxed: statistics.relaxedCommits += 1
    }
    workers.orphans.removeFirst(min(tick.orphans, workers.orphans.count))
    workers.unrecorded.removeFirst(min(tick.workerEvents, workers.unrecorded.count))
    ledger.count(recorded)
    try poller.committed(
      durability, recorded: !recorded.isEmpty, mayMatter: !tick.controls.isEmpty || queues.sweptNow != nil, now: now)
    events.publish(recorded, now: now, into: &effects)
    events.advanced(to: tick.heard, into: &effects)
    for jobID in tick.deleted { events.ended(jobID, into: &effects) }
  }

  /// What was committed relaxed is synced a little later. Nobody waits for it; a failure is tried again.
  private func syncIfDue() {
    do {
      try poller.syncIfDue(now)
    } catch {
      statistics.storeFailures += 1
      poller.failed(now)
    }
  }

  /// All is well: everybody hears what became of what they asked.
  private func finish(_ effects: inout [Effect]) {
    queues.answerOutcomes(tick, nil)
    effects += tick.replies
    for pending in tick.reports {
      workers.addNotices(to: pending)
      effects.append(.reply(pending.route, .reported(pending.results, pending.notices)))
    }
    if queues.finishSweep(nil, into: &effects) { events.endAllWaits(into: &effects) }
  }

  private func fail(_ error: StoreError) {
    tick.failure = error
    statistics.storeFailures += 1
    poller.failed(now)
  }

  /// The tick did not happen: everybody who asked for something hears so, and what was taken note of is put back.
  private func undo(_ error: StoreError, _ effects: inout [Effect]) {
    queues.answerOutcomes(tick, error)
    var routes = tick.enqueueOrigins.map(\.route)
    routes += tick.controlRoutes
    routes += tick.pauses.map(\.route)
    routes += tick.reports.map(\.route)
    for taker in tick.fetched {
      guard let fetch = taker.fetch, !fetch.isAnswered else { continue }
      routes.append(fetch.route)
      workers.endFetch(taker)
    }
    for route in routes { effects.append(.reply(route, .failed(error))) }
    _ = queues.finishSweep(error, into: &effects)
    for drain in tick.drains { effects.append(.reply(drain.route, drain.isHere ? .done : .failed(error))) }
    answerReads(after: error, &effects)
    workers.undo(tick: tick)
    balancer.forgetWhatIsDry()
  }

  // MARK: Reads

  private func answer(_ read: Command, _ effects: inout [Effect]) throws(StoreError) {
    let explainer = Explainer(store: store, workers: workers, balancer: balancer, fleet: fleet, now: now)
    switch read {
    case .explain(let record, let route): effects.append(.reply(route, .explained(try explainer.explain(record))))
    case .annotate(let records, let route): effects.append(.reply(route, .annotated(explainer.annotate(records))))
    case .queues(let route): effects.append(.reply(route, .queues(try explainer.queues(QueueQuery(limit: .max)))))
    case .queuePage(let query, let route): effects.append(.reply(route, .queues(try explainer.queues(query))))
    case .workers(let route): effects.append(.reply(route, .workers(fleet.allWorkers)))
    case .workerPage(let query, let route): effects.append(.reply(route, .workers(explainer.workers(query))))
    case .statistics(let route):
      statistics.queues = ledger.byName
      statistics.workers = UInt64(workers.all.count { $0.isConnected || $0.isPolling })
      statistics.watchers = UInt64(events.watchers)
      effects.append(.reply(route, .statistics(statistics)))
    default: break
    }
  }

  /// Reads of a tick that failed: what can be said without the store is said.
  private func answerReads(after error: StoreError, _ effects: inout [Effect]) {
    while tick.readsAnswered < tick.reads.count {
      let read = tick.reads[tick.readsAnswered]
      tick.readsAnswered += 1
      switch read {
      case .explain(_, let route), .queues(let route), .queuePage(_, let route):
        effects.append(.reply(route, .failed(error)))
      default: try? answer(read, &effects)
      }
    }
  }
}
