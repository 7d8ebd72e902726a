import Backlog
import Jobs

/// A change in bulk that somebody waits for, done in slices.
struct RunningSweep {
  var sweep: Sweep
  var route: Route
  var count: UInt64 = 0
  /// Where the slice begins that is read next; nil: with the newest job.
  private(set) var cursor: Int64?
  /// Slices are found from the newest on, and so most changes are made. What is retried has to wait for what it depends on, which is older: it is
  /// gone through once to see where slices begin, then these are changed from the last one on.
  private(set) var isLooking: Bool
  private var begins: [Int64?] = []
  /// Of the slice that is changed, and where the one after it began.
  private var begin: Int64?
  private var end = Int64.min

  init(_ sweep: Sweep, _ route: Route) {
    self.sweep = sweep
    self.route = route
    if case .retry = sweep.action { isLooking = true } else { isLooking = false }
  }

  /// It was looked at, and the next one begins there.
  mutating func saw(_ next: Int64?) {
    begins.append(cursor)
    cursor = next
    if next == nil {
      isLooking = false
      takeOldest()
    }
  }

  /// It was changed, and the next one would begin there. Returns whether there is more to do.
  mutating func changed(_ next: Int64?) -> Bool {
    // Some may have come to match since it was looked at.
    if let next, next > end {
      cursor = next
      return true
    }
    end = begin ?? .max
    return takeOldest()
  }

  @discardableResult private mutating func takeOldest() -> Bool {
    guard let oldest = begins.popLast() else { return false }
    begin = oldest
    cursor = oldest
    return true
  }
}

/// What one slice did.
struct SweepSlice {
  var sweep: RunningSweep
  var isDone: Bool
}

/// What happens to jobs: takes them in, settles what became of attempts, obeys people, and says to the balancer what
/// became ready. Every kind of thing is one call to the store per tick.
final class QueueManager {
  private let configuration: EngineConfiguration
  let backlog: Backlog
  private let ledger: QueueLedger
  private let balancer: LoadBalancer
  private let leases: Leases

  private var sweeps: [RunningSweep] = []
  /// Whose slice is being read: by the time that it comes the caller may have gone and another sweep be the first.
  private var awaited: Route?
  /// What was read for it.
  private var page: (route: Route, jobs: [StoredJob], next: Int64?)?

  /// Jobs looked at by one slice of a sweep: a few milliseconds at most.
  static let sweepSlice = 256
  static let maxSweeps = 256

  init(
    configuration: EngineConfiguration, backlog: Backlog, ledger: QueueLedger, balancer: LoadBalancer,
    leases: Leases
  ) {
    self.configuration = configuration
    self.backlog = backlog
    self.ledger = ledger
    self.balancer = balancer
    self.leases = leases
  }

  var hasSweeps: Bool { !sweeps.isEmpty }

  // MARK: Outcomes

  func settle(_ tick: Tick) throws(StoreError) {
    let said = tick.said
    // The engine's own come last: what a worker still said of its jobs counts more.
    said.orphans = leases.orphans.count
    if said.orphans > 0 {
      said.settlements += leases.orphans
      for _ in 0..<said.orphans { said.settleOrigins.append(.init(owner: .engine)) }
      leases.orphans.removeAll(keepingCapacity: true)
    }
    guard !said.settlements.isEmpty else { return }
    // Only what somebody is told is stored must survive a power loss; the engine's own would be found out again.
    if said.settlements.count > said.orphans, configuration.durability == .synced { said.wantsSync = true }
    said.settleResults = try backlog.settle(said.settlements, now: tick.moment)
    for (index, result) in said.settleResults.enumerated() {
      guard case .settled = result, said.settleOrigins[index].queue == nil else { continue }
      // The lease was right although its session did not know it: whoever has it on its list has it no more.
      let token = said.settlements[index].lease.token
      if let holder = leases.holder(of: token), let held = leases.release(token, from: holder, tick: tick) {
        said.settleOrigins[index].held = held
        said.settleOrigins[index].holder = holder
      }
    }
  }

  /// The tick is stored, or could not be: the workers are told what became of their outcomes.
  func answerOutcomes(_ said: Said, _ error: StoreError?, now: Instant) {
    for index in said.settleOrigins.indices {
      let code: LeaseResult.Code
      if let error {
        code = .failed(error)
        holdAgain(said.settleOrigins[index], now)
      } else if case .settled = said.settleResults[index] {
        code = .stored
        count(index, of: said, now)
      } else {
        code = .notHeld
      }
      said.settleOrigins[index].session?.unanswered -= 1
      switch said.settleOrigins[index].owner {
      case .session:
        let result = LeaseResult(lease: said.settlements[index].lease, code: code)
        said.settleOrigins[index].session?.out.results.append(result)
      case .report(let pending, let place): pending.results[place].code = code
      case .engine: break
      }
    }
  }

  /// It still runs, as far as is known: the slot is taken again until the worker says it once more.
  private func holdAgain(_ origin: Said.SettleOrigin, _ now: Instant) {
    guard let held = origin.held, let session = origin.holder ?? origin.session, !session.isGone,
      !session.held.contains(held.token)
    else { return }
    session.hold(held, until: now)
    session.countFreeSlots()
  }

  private func count(_ index: Int, of said: Said, _ now: Instant) {
    guard let session = said.settleOrigins[index].session else { return }
    switch said.settlements[index].outcome {
    case .succeeded: session.succeededTotal += 1
    case .failed: session.failedTotal += 1
    case .released, .canceled, .unconfirmed, .lost: break
    }
    if let queue = said.settleOrigins[index].queue {
      ledger.ended(queue, ran: now - said.settleOrigins[index].startedAt)
    }
  }

  // MARK: Enqueues

  func enqueue(_ tick: Tick) throws(StoreError) {
    guard !tick.asked.groups.isEmpty else { return }
    let count = tick.asked.begin(\.enqueuesBegun, of: tick.asked.groups.count)
    let results = try backlog.enqueue(tick.asked.groups.first(count), now: tick.moment)
    tick.asked.enqueuesBegun = 0
    var next = 0
    for (index, origin) in tick.asked.enqueueOrigins.prefix(count).enumerated() {
      let own = next..<min(next + tick.asked.groups[index].jobs.count, results.count)
      for place in own {
        if case .stored = results[place] {
          ledger.enqueued(ledger.number(of: tick.asked.groups[index].jobs[place - next].queue))
        }
      }
      next = own.upperBound
      if origin.durability == .synced { tick.said.wantsSync = true }
      tick.reply(origin.route, .enqueued(results[own], origin.durability))
    }
    tick.asked.groups.takeAway(count)
    tick.asked.enqueueOrigins.takeAway(count)
  }

  /// What lay in the storage's inbox. It goes out of there with the change set that makes the jobs.
  /// - Parameter isResumed: it waited for rows: only what these were for is done.
  func takeIn(_ tick: Tick, isResumed: Bool) throws(StoreError) {
    while let arrival = tick.asked.arrivals.first {
      for queue in try backlog.takeIn(arrival.items, now: tick.moment) { ledger.enqueued(ledger.number(of: queue)) }
      tick.said.wantsSync = true
      tick.reply(arrival.route, .done)
      tick.asked.arrivals.removeFirst()
      if isResumed { return }
    }
  }

  // MARK: People

  func control(_ tick: Tick) throws(StoreError) {
    for pause in tick.asked.pauses {
      backlog.setPaused(pause.isPaused, queue: pause.queue, now: tick.moment)
      tick.reply(pause.route, .done)
    }
    for deletion in tick.asked.deletions {
      switch backlog.deleteQueue(deletion.queue) {
      case .done: tick.reply(deletion.route, .done)
      case .notFound: tick.reply(deletion.route, .notFound)
      case .hasJobs: tick.reply(deletion.route, .hasJobs)
      }
    }
    if !tick.asked.pauses.isEmpty || !tick.asked.deletions.isEmpty || !tick.asked.controls.isEmpty { wantDurable(tick) }
    tick.asked.pauses.removeAll(keepingCapacity: true)
    tick.asked.deletions.removeAll(keepingCapacity: true)
    guard !tick.asked.controls.isEmpty else { return }
    let count = tick.asked.begin(\.controlsBegun, of: tick.asked.controls.count)
    let results = try backlog.control(tick.asked.controls.first(count), now: tick.moment)
    tick.asked.controlsBegun = 0
    for (index, result) in results.enumerated() {
      tick.reply(tick.asked.controlRoutes[index], .controlled(result))
      switch (tick.asked.controls[index].bare, result) {
      case (.cancel(_, let reason), .running(let job)): tellToStop(job, reason, tick)
      case (.delete(let jobID), .done): tick.said.deleted.append(jobID)
      default: break
      }
    }
    tick.asked.controls.takeAway(count)
    tick.asked.controlRoutes.takeAway(count)
  }

  func tellToStop(_ job: HeldJob, _ reason: String, _ tick: Tick) {
    if let session = leases.holder(of: job.lease.token, workerID: job.workerID) {
      leases.stop(session, job.lease.token, .canceled(reason), tick: tick)
    }
  }

  func wantDurable(_ tick: Tick) {
    if configuration.durability == .synced { tick.said.wantsSync = true }
  }

  // MARK: Sweeps

  func start(_ sweep: Sweep, _ route: Route, tick: Tick) {
    guard sweeps.count < Self.maxSweeps else {
      tick.early.append(
        .reply(route, .failed(StoreError(.full, "too many purges and bulk retries at once: try again later"))))
      return
    }
    sweeps.append(RunningSweep(sweep, route))
  }

  /// One slice of the sweep that waited longest, so that sweeps are fair to each other and to everything else.
  func sweep(_ tick: Tick) throws(StoreError) {
    guard var current = sweeps.first else { return }
    let found = try slice(of: current)
    if current.isLooking {
      page = nil
      sweeps.removeFirst()
      current.saw(found.next)
      sweeps.append(current)
      return
    }
    let (slice, running) = try backlog.sweep(current.sweep, found.jobs, next: found.next, now: tick.moment)
    page = nil
    sweeps.removeFirst()
    wantDurable(tick)
    current.count += UInt64(slice.count)
    if case .cancel(let reason) = current.sweep.action { for job in running { tellToStop(job, reason, tick) } }
    let goesOn = current.changed(slice.next)
    tick.said.sweep = SweepSlice(sweep: current, isDone: !goesOn)
    // The next slice need not wait until this one is stored.
    if goesOn { sweeps.append(current) }
  }

  /// Throws as long as it is being read.
  private func slice(of current: RunningSweep) throws(StoreError) -> (jobs: [StoredJob], next: Int64?) {
    guard backlog.readsAside else {
      return try backlog.slice(of: current.sweep, from: current.cursor, limit: Self.sweepSlice)
    }
    if let page, page.route == current.route { return (page.jobs, page.next) }
    // Its caller may have gone while it was read.
    page = nil
    awaited = current.route
    backlog.want(current.sweep, from: current.cursor, limit: Self.sweepSlice)
    throw Backlog.notAtHand
  }

  /// The slice that a sweep waits for was read.
  func take(page jobs: [StoredJob], next: Int64?) {
    if let route = awaited { page = (route, jobs, next) }
    awaited = nil
  }

  /// What the first sweep looks at could not be read.
  func failFirst(_ error: StoreError, into effects: inout [Effect]) {
    if !sweeps.isEmpty { effects.append(.reply(sweeps.removeFirst().route, .failed(error))) }
  }

  /// The storage failed: what was read of it counts no more.
  func forgetPage() {
    page = nil
    awaited = nil
  }

  /// The caller of a sweep has gone: it ends where it is.
  func forget(_ route: Route) { sweeps.removeAll { $0.route == route } }

  /// - Returns: whether a sweep that deletes has come to its end: who waits for a job's end must look again.
  func finishSweep(_ said: Said, _ error: StoreError?, into effects: inout [Effect]) -> Bool {
    guard let slice = said.sweep else { return false }
    if let error {
      if slice.isDone || sweeps.contains(where: { $0.route == slice.sweep.route }) {
        effects.append(.reply(slice.sweep.route, .failed(error)))
        forget(slice.sweep.route)
      }
    } else if slice.isDone {
      effects.append(.reply(slice.sweep.route, .swept(slice.sweep.count)))
      if case .delete = slice.sweep.sweep.action { return slice.sweep.count > 0 }
    }
    return false
  }

  // MARK: Claims

  func claim(_ tick: Tick) throws(StoreError) {
    balancer.becameReady(backlog.takeReadied())
    for session in tick.touched { session.countFreeSlots() }
    defer { balancer.settleList() }
    // What a stream has room for comes with the next ticks; a Fetch has one answer, and is given the rest of what it asks for at once.
    guard try claimOnce(tick, mayFollow: true) else { return }
    defer { for taker in tick.answeredFetches { taker.countFreeSlots() } }
    _ = try claimOnce(tick, mayFollow: false)
  }

  /// Whether another claim is to follow, for Fetches that are not full.
  private func claimOnce(_ tick: Tick, mayFollow: Bool) throws(StoreError) -> Bool {
    guard let claim = balancer.deal(now: tick.moment, lease: configuration.lease) else { return false }
    do {
      let dealt = try backlog.claim(claim, now: tick.moment)
      leases.assign(dealt, tick: tick)
      let takers = balancer.dealtTo
      let follows = mayFollow && !dealt.isStalled && takers.contains { $0.isUnfilled }
      balancer.dealt(dealt, now: tick.moment)
      for taker in takers { taker.countFreeSlots(anotherFollows: follows) }
      return follows
    } catch {
      let takers = balancer.dealtTo
      balancer.undeal()
      for taker in takers { taker.countFreeSlots() }
      throw error
    }
  }
}
