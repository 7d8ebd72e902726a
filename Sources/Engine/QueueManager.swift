import Jobs

/// What happens to jobs: takes them in, settles what became of attempts, obeys people, and says to the balancer what
/// became ready. Every kind of thing is one call to the store per tick.
final class QueueManager {
  private let configuration: EngineConfiguration
  private let store: any JobStore
  private let ledger: QueueLedger
  private let balancer: LoadBalancer
  private let workers: WorkerRegistry

  struct RunningSweep {
    var sweep: Sweep
    var cursor: Int64?
    var count: UInt64
    var route: Route
  }
  private var sweeps: [RunningSweep] = []
  /// The sweep that had its slice in this tick.
  private(set) var sweptNow: (sweep: RunningSweep, isDone: Bool)?

  /// Jobs looked at by one slice of a sweep: a few milliseconds at most.
  static let sweepSlice = 256
  static let mostSweeps = 256

  init(
    configuration: EngineConfiguration, store: any JobStore, ledger: QueueLedger, balancer: LoadBalancer,
    workers: WorkerRegistry
  ) {
    self.configuration = configuration
    self.store = store
    self.ledger = ledger
    self.balancer = balancer
    self.workers = workers
  }

  var hasSweeps: Bool { !sweeps.isEmpty }

  // MARK: Outcomes

  func settle(_ tick: Tick) throws(StoreError) {
    tick.orphans = workers.orphans.count
    if tick.orphans > 0 {
      tick.settlements += workers.orphans
      for _ in 0..<tick.orphans { tick.settleOrigins.append(.init(owner: .engine)) }
    }
    guard !tick.settlements.isEmpty else { return }
    tick.hasWritten = true
    // Only what somebody is told is stored must survive a power loss; the engine's own would be found out again.
    if tick.settlements.count > tick.orphans, configuration.durability == .synced { tick.wantsSync = true }
    tick.settleResults = try store.settle(tick.settlements, now: tick.now)
    for (index, result) in tick.settleResults.enumerated() {
      guard case .settled(let state) = result else { continue }
      let queue = tick.settleOrigins[index].queue
      if state == .ready { balancer.becameReady(1, queue: queue ?? QueueLedger.other) }
      if queue == nil {
        // The lease was right although its session did not know it: whoever has it on its list has it no more.
        let token = tick.settlements[index].lease.token
        if let holder = workers.holder(of: token) { _ = workers.release(token, from: holder, tick: tick) }
      }
    }
  }

  /// After the commit, or its failure: tells the workers what became of their outcomes.
  func answerOutcomes(_ tick: Tick, _ error: StoreError?) {
    for index in tick.settleOrigins.indices {
      let code: LeaseResult.Code
      if let error {
        code = .failed(error)
        holdAgain(tick.settleOrigins[index], tick)
      } else if case .settled = tick.settleResults[index] {
        code = .stored
        count(index, of: tick)
      } else {
        code = .notHeld
      }
      switch tick.settleOrigins[index].owner {
      case .session:
        let result = LeaseResult(lease: tick.settlements[index].lease, code: code)
        tick.settleOrigins[index].session?.outResults.append(result)
      case .report(let pending, let place): pending.results[place].code = code
      case .engine: break
      }
    }
  }

  /// It still runs, as far as the store knows: the slot is taken again until the worker says it once more.
  private func holdAgain(_ origin: Tick.SettleOrigin, _ tick: Tick) {
    guard let held = origin.held, let session = origin.session, !session.isGone, !session.held.contains(held.token)
    else {
      return
    }
    session.hold(held, until: tick.now)
    tick.touch(session)
  }

  private func count(_ index: Int, of tick: Tick) {
    guard let session = tick.settleOrigins[index].session else { return }
    switch tick.settlements[index].outcome {
    case .succeeded: session.succeededTotal += 1
    case .failed: session.failedTotal += 1
    case .released, .canceled, .unconfirmed, .lost: break
    }
    if let queue = tick.settleOrigins[index].queue {
      ledger.ended(queue, ran: tick.now - tick.settleOrigins[index].startedAt)
    }
  }

  // MARK: Enqueues

  func enqueue(_ tick: Tick) throws(StoreError) {
    guard !tick.groups.isEmpty else { return }
    tick.hasWritten = true
    let results = try store.enqueue(tick.groups, now: tick.now)
    var next = 0
    for (index, origin) in tick.enqueueOrigins.enumerated() {
      let own = next..<min(next + tick.groups[index].jobs.count, results.count)
      for place in own {
        // A replaced job may have become ready too.
        switch results[place] {
        case .stored(_, let state, _):
          let queue = ledger.number(of: tick.groups[index].jobs[place - next].queue)
          ledger.enqueued(queue)
          if state == .ready { balancer.becameReady(1, queue: queue) }
        case .duplicate(_, .ready, _):
          balancer.becameReady(1, queue: ledger.number(of: tick.groups[index].jobs[place - next].queue))
        case .duplicate, .conflict, .withdrawn, .refused: break
        }
      }
      next = own.upperBound
      if origin.durability == .synced { tick.wantsSync = true }
      tick.reply(origin.route, .enqueued(results[own], origin.durability))
    }
  }

  // MARK: People

  func control(_ tick: Tick) throws(StoreError) {
    for pause in tick.pauses {
      tick.hasWritten = true
      try store.setPaused(pause.isPaused, queue: pause.queue, now: tick.now)
      if !pause.isPaused { balancer.woke(queue: pause.queue) }
      tick.reply(pause.route, .done)
    }
    if !tick.pauses.isEmpty || !tick.controls.isEmpty { wantDurable(tick) }
    guard !tick.controls.isEmpty else { return }
    tick.hasWritten = true
    let results = try store.control(tick.controls, now: tick.now)
    for (index, result) in results.enumerated() {
      tick.reply(tick.controlRoutes[index], .controlled(result))
      switch (tick.controls[index], result) {
      case (.cancel(_, let reason), .running(let job)):
        if let session = workers.holder(of: job.lease.token, workerID: job.workerID) {
          workers.stop(session, job.lease.token, .canceled(reason), tick: tick)
        }
      case (.retry, .done): balancer.becameReadyAnywhere(1)
      case (.delete(let jobID), .done): tick.deleted.append(jobID)
      default: break
      }
    }
  }

  private func wantDurable(_ tick: Tick) {
    if configuration.durability == .synced { tick.wantsSync = true }
  }

  /// Another server canceled a job that runs here.
  func canceledElsewhere(_ lease: Lease, reason: String, tick: Tick) {
    if let session = workers.holder(of: lease.token) {
      workers.stop(session, lease.token, .canceled(reason), tick: tick)
    }
  }

  // MARK: Sweeps

  func start(_ sweep: Sweep, _ route: Route, tick: Tick) {
    guard sweeps.count < Self.mostSweeps else {
      tick.early.append(
        .reply(route, .failed(StoreError(.full, "too many purges and bulk retries at once: try again later"))))
      return
    }
    sweeps.append(RunningSweep(sweep: sweep, cursor: nil, count: 0, route: route))
  }

  /// One slice of the sweep that waited longest, so that sweeps are fair to each other and to everything else.
  func sweep(_ tick: Tick) throws(StoreError) {
    sweptNow = nil
    guard !sweeps.isEmpty else { return }
    var current = sweeps.removeFirst()
    sweptNow = (current, false)
    tick.hasWritten = true
    wantDurable(tick)
    let slice = try store.sweep(current.sweep, from: current.cursor, limit: Self.sweepSlice, now: tick.now)
    current.count += UInt64(slice.count)
    current.cursor = slice.next
    if slice.count > 0, case .retry = current.sweep.action { balancer.becameReadyAnywhere(slice.count) }
    sweptNow = (current, slice.next == nil)
  }

  /// - Returns: whether a sweep that deletes has come to its end: who waits for a job's end must look again.
  func finishSweep(_ error: StoreError?, into effects: inout [Effect]) -> Bool {
    guard let swept = sweptNow else { return false }
    sweptNow = nil
    if let error {
      effects.append(.reply(swept.sweep.route, .failed(error)))
    } else if swept.isDone {
      effects.append(.reply(swept.sweep.route, .swept(swept.sweep.count)))
      if case .delete = swept.sweep.sweep.action { return swept.sweep.count > 0 }
    } else {
      sweeps.append(swept.sweep)
    }
    return false
  }

  // MARK: Claims

  func claim(_ tick: Tick) throws(StoreError) {
    for session in tick.touched { workers.refresh(session) }
    defer { balancer.settleList() }
    guard let request = balancer.deal(store: store, now: tick.now, lease: configuration.lease) else { return }
    do {
      let result = try store.claim(request, now: tick.now)
      tick.hasWritten = tick.hasWritten || !result.jobs.isEmpty
      workers.assign(result, tick: tick)
      let takers = balancer.dealtTo
      balancer.dealt(result, store: store)
      for taker in takers {
        workers.restore(taker)
      }
    } catch {
      let takers = balancer.dealtTo
      balancer.undeal()
      for taker in takers {
        workers.restore(taker)
      }
      throw error
    }
  }
}
