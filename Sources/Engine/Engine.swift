public import Backlog
public import Jobs

/// Decides everything: commands and the time in; effects, and what is to be stored, out. Deterministic; no clock, no threads, no I/O but
/// rows that the state reads.
///
/// The owner's loop is:
///
///     let decision = engine.decide(commands, now: now)      // at most 512 commands
///     deliver(decision.effects)                             // assignments: they may leave before the write
///     hand decision.work to the storage                     // which writes whatever piled up, in order
///     ...
///     deliver(engine.stored(through: ticket, now: now))     // when it is: acknowledgements, outcome results, events
///     deliver(engine.failed(error, now: now))               // when it is not, or nobody knows: the state is loaded anew
///     wait for commands or the storage, or until engine.nextWake
///
/// The next tick is decided while the last ones are being stored. Inside a tick the order is: outcomes, enqueues, promotions, claims.
public final class Engine {
  public let configuration: EngineConfiguration
  /// Not to be touched while it is being loaded.
  public let backlog: Backlog
  private let tick = Tick()
  private let ledger: QueueLedger
  let balancer: LoadBalancer
  private let workers: WorkerTable
  private let sessions: Sessions
  private let leases: Leases
  private let outbox: Outbox
  private let queues: QueueManager
  private let poller: Poller
  private let events: EventHub
  private var statistics = EngineStatistics()
  private var now: Moment

  private var rows = AwaitedRows()

  /// Ticks that are not known to be stored, the oldest first.
  private var pending: [Said] = []
  private var ticket: UInt64 = 0
  private var outage: Outage?

  /// - Parameters:
  ///   - backlog: loaded.
  ///   - seed: of all randomness (jitter, worker ids).
  public init(backlog: Backlog, configuration: EngineConfiguration, seed: UInt64, now: Moment) {
    self.backlog = backlog
    self.configuration = configuration
    self.now = now
    ledger = QueueLedger()
    balancer = LoadBalancer(configuration: configuration, backlog: backlog)
    workers = WorkerTable()
    let random = Randomness(seed: seed)
    leases = Leases(
      configuration: configuration, table: workers, balancer: balancer, ledger: ledger, random: random)
    sessions = Sessions(
      configuration: configuration, balancer: balancer, table: workers, leases: leases, random: random)
    outbox = Outbox(table: workers)
    queues = QueueManager(
      configuration: configuration, backlog: backlog, ledger: ledger, balancer: balancer, leases: leases)
    poller = Poller(backlog: backlog, configuration: configuration, leases: leases, now: now.elapsed)
    events = EventHub(
      configuration: configuration, stored: backlog.loadedCursor, lastCursor: backlog.lastCursor)
  }

  /// A storage without room for new jobs may well have some for how others end, which makes room: until then, after it has refused
  /// something, no job is taken in that would have outcomes of the same tick refused with it.
  private var fullUntil = Instant.distantPast
  private var fullError = StoreError(.full, "")
  private static let fullRest = Interval.seconds(1)

  // MARK: The tick

  /// Takes the commands in and decides what becomes of them.
  public func decide(_ commands: [Command], now moment: Moment) -> Decision {
    let wake = nextWake ?? moment.elapsed
    let overslept = moment.elapsed - max(wake, now.elapsed)
    advance(to: moment)
    tick.begin(now)
    sessions.excuse(overslept, tick: tick)
    statistics.ticks += 1
    statistics.commands += UInt64(commands.count)
    if outage != nil { return decideWithoutStorage(commands) }
    layRows()
    for command in commands { accept(command) }
    sessions.alarm(tick: tick)
    events.beat(now: now.elapsed, into: &tick.early)
    do { try apply() } catch { return abandon(commands, error) }
    outbox.flushEarly(tick: tick)
    sessions.endImpatientFetches(tick: tick)
    let isPatient = !tick.holdsJobs && tick.said.isForStreamsOnly && !events.isAwaited
    let work = hand(over: backlog.takeChanges(tick.said.wantsSync ? .synced : .relaxed, now: now))
    let reads = takeReadings()
    var effects = tick.early
    tick.early = []
    if pending.count == 1, pending[0].ticket == 0 { finishFirst(into: &effects) }
    return Decision(effects: effects, work: work, isPatient: isPatient, reads: reads)
  }

  private func advance(to moment: Moment) {
    now = Moment(wall: moment.wall, elapsed: max(now.elapsed, moment.elapsed))
    ledger.pass(now.elapsed)
  }

  /// Files what is said later under a ticket of the storage's, and makes up its work.
  private func hand(over changes: ChangeSet?) -> StorageWork? {
    let said = tick.said
    let isSynced = poller.syncs(tick, writes: changes?.durability, wantsSync: said.wantsSync)
    tick.letGoOfSessions()
    said.tick = tick.number
    guard changes != nil || isSynced || !said.isEmpty else { return nil }
    tick.said = Said(after: said)
    pending.append(said)
    guard changes != nil || isSynced else {
      // It rests on what is on its way already, if anything is.
      said.ticket = pending.count > 1 ? ticket : 0
      return nil
    }
    ticket += 1
    said.ticket = ticket
    if let changes {
      said.number = changes.number
      said.events = changes.events
      switch changes.durability {
      case .synced: statistics.syncedCommits += 1
      case .relaxed: statistics.relaxedCommits += 1
      }
    }
    return .write(ticket: ticket, changes, sync: isSynced)
  }

  /// Rows could not be read in the middle of it: what was done by halves is not handed on, the state is loaded anew. Everybody who asked for
  /// something in this tick is told so, also those whose turn had not come.
  private func abandon(_ commands: [Command], _ error: StoreError) -> Decision {
    sessions.turnAway(error, tick: tick)
    // What waited for rows from earlier ticks, too.
    var answered = Set((tick.said.replies + tick.early).map(\.route))
    for route in tick.asked.giveUp() + commands.compactMap(\.asksTheState) where answered.insert(route).inserted {
      tick.reply(route, .failed(error))
    }
    tick.letGoOfSessions()
    pending.append(tick.said)
    tick.said = Said()
    let early = tick.early
    return Decision(effects: early + failed(error, now: now), work: nil)
  }

  /// What is stored: all up to this ticket.
  public func stored(through ticket: UInt64, now moment: Moment) -> [Effect] {
    advance(to: moment)
    var effects: [Effect] = []
    while let first = pending.first, first.ticket <= ticket { finishFirst(into: &effects) }
    if case .probing(let probe)? = outage?.step, probe <= ticket { recover(into: &effects) }
    return effects
  }

  /// All is well: everybody hears what became of what they asked.
  private func finishFirst(into effects: inout [Effect]) {
    let said = pending.removeFirst()
    if said.number > 0 { backlog.confirm(said.number) }
    queues.answerOutcomes(said, nil, now: now.elapsed)
    for route in said.fences { effects.append(.reply(route, .fenced)) }
    // Mostly there is nothing yet: to hand them on costs nothing.
    if effects.isEmpty { swap(&effects, &said.replies) } else { effects += said.replies }
    for report in said.reports {
      outbox.addNotices(to: report)
      effects.append(.reply(report.route, .reported(report.results, report.notices)))
    }
    for (_, fetch) in said.fetched {
      effects.append(.reply(fetch.route, .fetched(fetch.jobs, lease: fetch.lease)))
    }
    if queues.finishSweep(said, nil, into: &effects) { events.endAllWaits(into: &effects) }
    if !said.events.isEmpty {
      ledger.count(said.events)
      events.publish(said.events, now: now.elapsed, into: &effects)
    }
    for jobID in said.deleted { events.ended(jobID, into: &effects) }
    outbox.flushLate(said, now: now, into: &effects)
  }

  /// When decide wants to be called again although no command came; nil: only for commands. A time that has passed means at once.
  public var nextWake: Instant? {
    var next: Instant?
    func consider(_ time: Instant?) { if let time { next = min(next ?? time, time) } }
    switch outage?.step {
    case .resting(let until)?: consider(until)
    case .loading?, .probing?: break
    case nil:
      // What came while others of its kind waited for rows is begun when they are done.
      if rows.haveArrived || !tick.asked.verbs.isSubset(of: rows.putOff) { consider(now.elapsed) }
      // What waits for rows goes on when they come, not before.
      consider(poller.next(now, waiting: rows.putOff))
      if queues.hasSweeps, !rows.putOff.contains(.sweep) { consider(now.elapsed) }
      if balancer.hasMore, !balancer.isStalled { consider(now.elapsed) }
      if !leases.orphans.isEmpty || !workers.unrecorded.isEmpty { consider(now.elapsed) }
    }
    consider(workers.alarms.next)
    consider(leases.nextDeadline)
    consider(events.next)
    return next
  }

  /// How often a watcher that waits was looked at because of new events.
  var eventLooks: Int { events.looks }

  /// Ticks that are on their way to the storage.
  public var ticksInFlight: Int { pending.count }

  private func accept(_ command: Command) {
    switch command {
    case .enqueue(_, _, let route) where now.elapsed < fullUntil:
      tick.early.append(.reply(route, .failed(fullError)))
    case .enqueue(let group, let durability, let route):
      tick.asked.groups.append(group)
      tick.asked.enqueueOrigins.append((route, durability ?? configuration.durability))
    case .takeIn(_, let route) where now.elapsed < fullUntil: tick.early.append(.reply(route, .failed(fullError)))
    case .takeIn(let items, let route): tick.asked.arrivals.append((items, route))
    case .work(let message, let route): sessions.message(message, from: route, tick: tick)
    case .control(let control, let route):
      tick.asked.controls.append(control)
      tick.asked.controlRoutes.append(route)
    case .sweep(let sweep, let route): queues.start(sweep, route, tick: tick)
    case .pause(let queue, let isPaused, let route): tick.asked.pauses.append((queue, isPaused, route))
    case .deleteQueue(let queue, let route): tick.asked.deletions.append((queue, route))
    case .flow(let command, let route): tick.asked.flows.append((command, route))
    case .connect(let hello, let address, let route):
      sessions.connect(hello, address: address, route: route, tick: tick)
    case .fetch(let fetch, let route): sessions.fetch(fetch, route: route, tick: tick)
    case .report(let report, let route): sessions.report(report, route: route, tick: tick)
    case .explain(_, _, let route), .annotate(_, let route), .queues(let route), .queuePage(_, let route):
      tick.asked.reads.append((command, route))
    case .audited(let command, let audit, let route):
      tick.asked.audits.append((audit, route))
      accept(command)
    case .fence(let route): tick.said.fences.append(route)
    case .pullEvents, .waitForEnd, .disconnect, .workers, .workerPage, .statistics, .drainWorker, .forget, .drain:
      acceptAlways(command)
    }
  }

  /// What needs no storage.
  private func acceptAlways(_ command: Command) {
    switch command {
    case .pullEvents(let pull, let route): events.pull(pull, route, now: now.elapsed, into: &tick.early)
    case .waitForEnd(let jobID, let route): events.wait(for: jobID, route)
    case .disconnect(let route): sessions.disconnect(route, tick: tick)
    case .workers(let route): tick.early.append(.reply(route, .workers(sessions.views(now: now))))
    case .workerPage(let query, let route):
      let found = sessions.views(now: now).filter(query.takes).map(query.shown).sorted { $0.workerID < $1.workerID }
      tick.early.append(.reply(route, .workers(Array(found.prefix(query.limit)))))
    case .statistics(let route):
      // While the state is being loaded it belongs to the storage's thread.
      if outage == nil {
        statistics.flow = backlog.flowFigures
        statistics.depth = backlog.depth
      }
      statistics.queues = ledger.byName
      statistics.workers = UInt64(workers.all.count { $0.isConnected || $0.isPolling })
      statistics.watchers = UInt64(events.watchers)
      tick.early.append(.reply(route, .statistics(statistics)))
    case .drainWorker(let id, let scope, let route):
      tick.early.append(.reply(route, sessions.drain(id: id, within: scope, tick: tick)))
    case .forget(let route):
      events.forget(route)
      queues.forget(route)
      if let taker = workers.fetches[route] { workers.endFetch(taker) }
      for said in pending { leases.takeBackFetched(said, from: route) }
    case .drain(let route):
      sessions.drainAll(tick: tick)
      tick.early.append(.reply(route, .done))
    default: break
    }
  }

  private func apply() throws(StoreError) {
    leases.gatherRenewals(tick: tick)
    if !tick.renewals.isEmpty { leases.extended(try backlog.extend(tick.renewals, now: now), tick: tick) }
    leases.finishConnecting(backlog, tick: tick)
    try queues.settle(tick)
    try attempt(.enqueue) { () throws(StoreError) in try queues.enqueue(tick) }
    try attempt(.takeIn) { () throws(StoreError) in
      try queues.takeIn(tick, isResumed: rows.resumed.contains(.takeIn))
    }
    try attempt(.control) { () throws(StoreError) in try queues.control(tick) }
    try attempt(.flow) { () throws(StoreError) in try queues.flow(tick, isResumed: rows.resumed.contains(.flow)) }
    try attempt(.sweep) { () throws(StoreError) in try queues.sweep(tick) }
    try poller.reclaim(tick)
    try attempt(.work) { () throws(StoreError) in try poller.work(tick) }
    try attempt(.time) { () throws(StoreError) in try poller.promote(tick) }
    try attempt(.forget) { () throws(StoreError) in try poller.forget(tick) }
    if !workers.unrecorded.isEmpty {
      backlog.record(workers.unrecorded)
      tick.said.workerEvents = workers.unrecorded
      workers.unrecorded = []
    }
    if !tick.asked.audits.isEmpty { Auditing.record(tick, in: backlog) }
    try queues.claim(tick)
    try attempt(.looks) { () throws(StoreError) in try answerLooks() }
  }

  // MARK: Rows

  /// Does a verb, unless the rows that it wants are being read. One that finds rows missing has done nothing and is asked again when they are there.
  private func attempt(_ verb: AwaitedRows.Verb, _ body: () throws(StoreError) -> Void) throws(StoreError) {
    if rows.putOff.contains(verb) { return }
    let wants = backlog.wants
    do {
      try body()
    } catch {
      guard error == Backlog.notAtHand else { throw error }
      rows.putOff(verb, wants: wants, backlog.wants)
    }
  }

  /// What was read since the last tick, and what verbs that are not done wanted before.
  private func layRows() {
    if rows.haveArrived { balancer.isStalled = false }
    for (reading, answer) in rows.beginTick() {
      if case .matching = reading.request, case .page(let jobs, let next) = answer {
        queues.take(page: jobs, next: next)
      } else {
        backlog.lay(reading, answer)
      }
    }
  }

  /// What this tick's verbs want, after what they need no more is given up.
  private func takeReadings() -> [RowReading] {
    let wanted = backlog.takeReadings()
    for reading in rows.endTick(wanted) { backlog.close(reading) }
    return wanted
  }

  /// Rows that a decision asked for.
  public func arrived(_ reading: RowReading, _ answer: Result<RowAnswer, StoreError>, now moment: Moment) -> [Effect] {
    guard rows.expects(reading) else { return [] }
    switch answer {
    case .success(let answer):
      rows.arrived(reading, answer)
      return []
    case .failure(let error): return failed(error, now: moment)
    }
  }

  /// Something that was asked waits for rows.
  public var waitsForRows: Bool { !rows.putOff.isEmpty }

  /// Verbs wait for rows, and so much more is asked of them already that no more should be taken in.
  public var isCongested: Bool { !rows.putOff.isEmpty && tick.asked.count >= 4_096 }

  // MARK: Looks

  private func answerLooks() throws(StoreError) {
    while let look = tick.asked.reads.first {
      try answer(look.command)
      tick.asked.reads.removeFirst()
      if rows.resumed.contains(.looks) { return }
    }
  }

  private func answer(_ read: Command) throws(StoreError) {
    let explainer = Explainer(backlog: backlog, workers: workers, balancer: balancer, now: now)
    switch read {
    case .explain(let record, let scope, let route):
      tick.early.append(.reply(route, .explained(try explainer.explain(record, within: scope))))
    case .annotate(let records, let route): tick.early.append(.reply(route, .annotated(explainer.annotate(records))))
    case .queues(let route): tick.early.append(.reply(route, .queues(explainer.queues(QueueQuery(limit: .max)))))
    case .queuePage(let query, let route):
      let views = query.isByActivity ? explainer.queues(ledger.names, limit: query.limit) : explainer.queues(query)
      tick.early.append(.reply(route, .queues(views)))
    default: break
    }
  }

  // MARK: Outages

  /// The storage is away, or what it holds is not known: nil when all is well.
  public var storageFailure: StoreError? { outage?.error }

  /// Something could not be stored, or nobody knows whether it was, or rows could not be read: whoever waits for what is on its way is told
  /// so, and the state must be loaded anew. Work that was handed over and not begun must be dropped.
  public func failed(_ error: StoreError, now moment: Moment) -> [Effect] {
    advance(to: moment)
    statistics.storeFailures += 1
    if error.kind == .full {
      fullError = error
      fullUntil = now.elapsed + Self.fullRest
    }
    let failures = min((outage?.failures ?? 0) + 1, 8)
    // 10 ms, 20 ms ... 1.28 s
    let rest = Interval.milliseconds(10 << Int64(failures - 1))
    outage = Outage(step: .resting(until: now.elapsed + rest), error: error, failures: failures)
    var effects: [Effect] = []
    for session in workers.all { leases.takeBackUnsaid(session) }
    if rows.putOff.contains(.sweep) { queues.failFirst(error, into: &effects) }
    rows.forget(through: backlog.lastReading)
    balancer.isStalled = false
    queues.forgetPage()
    for route in tick.asked.giveUp() { effects.append(.reply(route, .failed(error))) }
    let undone = pending
    pending = []
    for said in undone { undo(said, error, into: &effects) }
    return effects
  }

  private func undo(_ said: Said, _ error: StoreError, into effects: inout [Effect]) {
    queues.answerOutcomes(said, error, now: now.elapsed)
    if said.orphans > 0 { leases.orphans += said.settlements.suffix(said.orphans) }
    workers.unrecorded = said.workerEvents + workers.unrecorded
    for route in said.fences { effects.append(.reply(route, .fenced)) }
    for reply in said.replies { effects.append(.reply(reply.route, .failed(error))) }
    for report in said.reports { effects.append(.reply(report.route, .failed(error))) }
    for (worker, fetch) in said.fetched {
      leases.takeBack(fetch, from: worker)
      effects.append(.reply(fetch.route, .failed(error)))
    }
    _ = queues.finishSweep(said, error, into: &effects)
    outbox.flushLate(said, now: now, into: &effects)
  }

  /// The state was loaded, or could not be. Called after work of the kind `load`.
  public func loaded(_ failure: StoreError?, now moment: Moment) -> Decision {
    advance(to: moment)
    guard let current = outage, case .loading = current.step else { return Decision(effects: [], work: nil) }
    if let failure { return Decision(effects: failed(failure, now: now), work: nil) }
    ticket += 1
    outage?.step = .probing(ticket: ticket)
    backlog.probe(now)
    return Decision(effects: [], work: .write(ticket: ticket, backlog.takeChanges(.synced, now: now), sync: false))
  }

  /// The storage takes writes again: sessions are put right with the state.
  private func recover(into effects: inout [Effect]) {
    outage = nil
    backlog.confirmAll()
    tick.begin(now)
    _ = backlog.takeReadied()
    leases.reconcile(backlog, tick: tick)
    do {
      // Renewals alone read nothing.
      _ = try backlog.extend(tick.renewals, now: now)
    } catch {
      tick.letGoOfSessions()
      tick.said = Said()
      effects += failed(error, now: now)
      return
    }
    balancer.forgetWhatIsDry()
    poller.restart(now.elapsed)
    events.restart(stored: backlog.loadedCursor, lastCursor: backlog.lastCursor, into: &effects)
    outbox.flushEarly(tick: tick)
    tick.letGoOfSessions()
    effects += tick.early
    tick.said = Said()
  }

  /// While the storage is away: what can be said without it is said, all else fails at once.
  private func decideWithoutStorage(_ commands: [Command]) -> Decision {
    guard let outage else { return Decision(effects: [], work: nil) }
    let error = outage.error
    for command in commands {
      var command = command
      // Nothing is changed, so nothing is told of it.
      if case .audited(let inner, _, _) = command { command = inner }
      switch command {
      case .audited: break
      case .enqueue(_, _, let route), .takeIn(_, let route), .control(_, let route), .sweep(_, let route),
        .pause(_, _, let route), .deleteQueue(_, let route), .flow(_, let route), .explain(_, _, let route),
        .fetch(_, let route), .report(_, let route), .queues(let route), .queuePage(_, let route):
        tick.early.append(.reply(route, .failed(error)))
      case .annotate(let records, let route):
        let explainer = Explainer(backlog: nil, workers: workers, balancer: balancer, now: now)
        tick.early.append(.reply(route, .annotated(explainer.annotate(records))))
      case .fence(let route): tick.said.fences.append(route)
      case .connect(_, _, let route): tick.early.append(.endSession(route, .failed(error)))
      case .work(let message, let route): sessions.message(message, failing: error, from: route, tick: tick)
      case .pullEvents, .waitForEnd, .disconnect, .workers, .workerPage, .statistics, .drainWorker, .forget, .drain:
        acceptAlways(command)
      }
    }
    sessions.alarm(tick: tick)
    sessions.endImpatientFetches(tick: tick)
    for session in tick.renewing { session.isRenewing = false }
    events.beat(now: now.elapsed, into: &tick.early)
    outbox.flushEarly(tick: tick)
    tick.letGoOfSessions()
    let said = tick.said
    tick.said = Said()
    outbox.flushLate(said, now: now, into: &tick.early)
    for route in said.fences { tick.early.append(.reply(route, .fenced)) }
    let early = tick.early
    tick.early = []
    if case .resting(let until) = outage.step, until <= now.elapsed {
      self.outage?.step = .loading
      return Decision(effects: early, work: .load)
    }
    return Decision(effects: early, work: nil)
  }
}
