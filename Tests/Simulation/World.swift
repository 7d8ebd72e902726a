import Engine
import Jobs
import Support

/// A server, its producers, workers and watchers, and everything that goes wrong between them: one thread, one seed.
final class World {
  struct Plan {
    var seed: UInt64
    /// How long things go wrong; afterwards all is well until every job has ended.
    var hours: Double = 0.25
    var producers = 3
    var workers = 5
    var pollers = 2
    /// Of a producer, between two enqueues.
    var pause: Interval = .seconds(4)
    var lease: Interval = .seconds(10)
  }

  let plan: Plan
  var random: SeededGenerator
  private(set) var clock = Timestamp(seconds: 1_700_000_000)
  private var agenda = Agenda()
  private let harness: any StoreHarness
  let oracle: Oracle

  private(set) var store: UnsteadyStore
  private var engine: Engine
  private var isUp = true
  private var isBusy = false
  private var starts: UInt64 = 0
  /// The server's clock is not the world's: it jumps.
  private var skew: Interval = .zero
  private var serverTime: Timestamp
  private var pending: [Command] = []
  private var wake: UInt64 = 0
  private var routes: UInt64 = 0
  private var listeners: [Route: (Effect) -> Void] = [:]
  private var lastDelivery: [Route: Timestamp] = [:]
  /// Nothing goes wrong any more.
  private(set) var isCalm = false
  private(set) var ticks = 0
  private(set) var crashes = 0
  var failures: Int { store.failures }
  /// Of all effects, to compare runs.
  private(set) var digest: UInt64 = 0xcbf2_9ce4_8422_2325

  var configuration: EngineConfiguration {
    var configuration = EngineConfiguration()
    configuration.lease = plan.lease
    configuration.eventsInMemory = 300
    configuration.claimsPerTick = 16
    return configuration
  }

  init(_ plan: Plan, harness: any StoreHarness) throws {
    self.plan = plan
    self.harness = harness
    random = SeededGenerator(seed: plan.seed)
    serverTime = clock
    var configuration = StoreConfiguration()
    configuration.lease = plan.lease
    configuration.retention = .days(3_000)
    configuration.deadRetention = .days(3_000)
    configuration.eventRetention = .days(3_000)
    let base = try harness.open(configuration, salt: 77, now: clock)
    store = UnsteadyStore(base, random: SeededGenerator(seed: plan.seed &+ 1))
    engine = Engine(store: store, configuration: EngineConfiguration(), seed: 0, now: clock)
    oracle = Oracle()
    engine = Engine(store: store, configuration: self.configuration, seed: plan.seed, now: clock)
  }

  // MARK: Time

  func after(_ interval: Interval, _ action: @escaping () -> Void) { agenda.add(at: clock + interval, action) }

  /// Evenly between two lengths of time, in milliseconds.
  func between(_ low: Int64, _ high: Int64) -> Interval {
    .microseconds(Int64.random(in: low * 1_000...high * 1_000, using: &random))
  }

  func chance(_ percent: Int) -> Bool { random.chance(percent) }

  private func step() {
    if let at = agenda.next, let action = agenda.pop() {
      clock = max(clock, at)
      action()
    }
  }

  /// Runs until all is over. Throws what the oracle has against it.
  func run() throws {
    let actors = Actors(self)
    actors.start()
    let trouble = clock + Interval(microseconds: Int64(plan.hours * 3_600e6))
    scheduleTrouble()
    while clock < trouble { step() }
    isCalm = true
    store.failing = 0
    if !isUp { restart() }
    actors.calmDown()
    // Twice the longest run, back-off and lease of anything, and then some.
    let end = clock + .hours(3)
    var check = clock
    while clock < end {
      step()
      guard check <= clock else { continue }
      check = clock + .seconds(5)
      if oracle.isQuiet(store) { break }
    }
    after(.seconds(30)) { self.oracle.isOver = true }
    while !oracle.isOver { step() }
    oracle.finish(store: store)
    harness.clean(store.base)
  }

  // MARK: The network

  func open(_ listener: @escaping (Effect) -> Void) -> Route {
    routes += 1
    let route = Route(loop: UInt32(routes % 2), id: routes)
    listeners[route] = listener
    return route
  }

  /// The client's end is gone; the server hears of it later, or never.
  func close(_ route: Route, _ notice: Command?) {
    listeners[route] = nil
    if let notice { send(notice) }
  }

  /// Messages of one route arrive in order.
  func send(_ command: Command, on route: Route? = nil) {
    let start = starts
    var at = clock + between(0, 8)
    if let route {
      at = max(at, lastDelivery[route] ?? at)
      lastDelivery[route] = at
    }
    agenda.add(at: at) {
      guard self.isUp, self.starts == start else { return }
      self.pending.append(command)
      self.scheduleTick(at: self.clock)
    }
  }

  private func deliver(_ effects: [Effect]) {
    for effect in effects {
      note(effect)
      oracle.said(effect, at: serverTime)
      let route = effect.route
      let at = max(clock + between(0, 8), lastDelivery[route] ?? clock)
      lastDelivery[route] = at
      agenda.add(at: at) { self.listeners[route]?(effect) }
    }
  }

  private func note(_ effect: Effect) {
    func mix(_ value: UInt64) { digest = (digest ^ value) &* 0x100_0000_01b3 }
    mix(effect.route.id)
    switch effect {
    case .toWorker(_, let update):
      mix(update.seq)
      for job in update.jobs {
        mix(job.lease.token)
        for byte in job.lease.jobID.utf8 { mix(UInt64(byte)) }
      }
      mix(UInt64(update.results.count))
      mix(UInt64(update.cancellations.count))
    case .reply(_, .enqueued(let results, _)):
      for case .stored(let id, let state, let runAt) in results {
        mix(UInt64(state.rawValue))
        mix(UInt64(bitPattern: runAt.microseconds))
        for byte in id.utf8 { mix(UInt64(byte)) }
      }
    case .reply(_, .events(.events(let events, let cursor))):
      mix(UInt64(bitPattern: cursor))
      for event in events { mix(UInt64(event.kind.rawValue) << 8 | UInt64(event.attempt)) }
    case .reply(_, .fetched(let jobs, _)): for job in jobs { mix(job.lease.token) }
    case .reply: mix(1)
    case .endSession: mix(2)
    }
  }

  // MARK: The server

  private func scheduleTick(at: Timestamp) {
    wake += 1
    let mine = wake
    agenda.add(at: at) {
      guard self.wake == mine, self.isUp, !self.isBusy else { return }
      self.tick()
    }
  }

  private func readClock() -> Timestamp {
    serverTime = max(serverTime, clock + skew)
    return clock + skew
  }

  private func tick() {
    ticks += 1
    isBusy = true
    let commands = Array(pending.prefix(512))
    pending.removeFirst(commands.count)
    let now = readClock()
    oracle.heard(commands)
    deliver(engine.decide(commands, now: now))
    if !isCalm, chance(plan.crashPercent), chance(2) { return crash() }
    let start = starts
    after(between(0, 3)) {
      guard self.isUp, self.starts == start else { return }
      let late = self.engine.commit(now: self.readClock())
      if !self.isCalm, self.chance(self.plan.crashPercent), self.chance(2) { return self.crash() }
      self.deliver(late)
      self.isBusy = false
      if !self.pending.isEmpty {
        self.scheduleTick(at: self.clock)
      } else if let next = self.engine.nextWake {
        self.scheduleTick(at: max(self.clock, next - self.skew))
      }
    }
  }

  private func crash() {
    crashes += 1
    isUp = false
    isBusy = false
    starts += 1
    pending = []
    oracle.crashed()
    for listener in listeners.sorted(by: { $0.key.id < $1.key.id }) {
      after(between(1, 500)) { listener.value(.endSession(listener.key, .failed(StoreError(.unavailable, "crash")))) }
    }
    listeners = [:]
    after(between(50, 20_000)) { if !self.isUp { self.restart() } }
  }

  private func restart() {
    isUp = true
    let now = max(readClock(), serverTime)
    do {
      if let opened = try harness.reopen(store.base, crash: true, now: now) {
        store = UnsteadyStore(opened, random: store.random)
      } else {
        store.rollback()
      }
    } catch {
      oracle.fault("the store does not open again: \(error)")
    }
    engine = Engine(store: store, configuration: configuration, seed: plan.seed &+ starts, now: now)
    scheduleTick(at: clock)
  }

  /// Crashes and clock jumps that nobody asked for.
  private func scheduleTrouble() {
    after(between(60_000, 600_000)) {
      guard !self.isCalm else { return }
      switch Int.random(in: 0..<5, using: &self.random) {
      case 0: if self.isUp { self.crash() }
      case 1: self.skew = self.skew + self.between(0, 40_000)
      case 3:
        let store = self.store
        store.failing = self.chance(50) ? 100 : 20
        self.after(self.between(1, 15_000)) { store.failing = 0 }
      case 2: self.skew = self.skew + Interval(microseconds: -self.between(0, 2_000).microseconds)
      default: break
      }
      self.scheduleTrouble()
    }
  }
}

extension World.Plan {
  /// Of every hundred ticks, how many get a chance of ending in a crash.
  var crashPercent: Int { 3 }
}
