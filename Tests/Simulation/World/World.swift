import Backlog
import Engine
import Jobs
import MemoryStorage
import Unsteady

/// A server, its producers, workers and watchers, and everything that goes wrong between them: one thread, one seed.
package final class World {
  package struct Plan {
    package var seed: UInt64
    /// How long things go wrong; afterwards all is well until every job has ended.
    package var hours: Double = 0.25
    var producers = 3
    var workers = 5
    var pollers = 2
    /// Of a producer, between two enqueues.
    var pause: Interval = .seconds(4)
    var lease: Interval = .seconds(10)

    package init(seed: UInt64) { self.seed = seed }
  }

  let plan: Plan
  var random: SeededGenerator
  private(set) var clock = Timestamp(seconds: 1_700_000_000)
  private var agenda = Agenda()
  package let oracle: Oracle

  private let disk: MemoryStorage
  private let storage: UnsteadyStorage
  private let mood: Mood
  private var server: Server
  var reader: any JobReader { disk.reader }
  private var isUp = true
  private var starts: UInt64 = 0
  /// The server's wall clock is not the world's: it jumps.
  private var skew: Interval = .zero
  private var pending: [Command] = []
  private var wake: UInt64 = 0
  private var routes: UInt64 = 0
  private var listeners: [Route: (Effect) -> Void] = [:]
  private var lastDelivery: [Route: Timestamp] = [:]
  /// Hears all that is said and done, in words.
  package var trace: ((String) -> Void)?
  /// Nothing goes wrong any more.
  private(set) var isCalm = false
  package private(set) var ticks = 0
  package private(set) var crashes = 0
  package private(set) var powerLosses = 0
  package var failures: Int { mood.failures }
  /// Of all effects, to compare runs.
  package private(set) var digest: UInt64 = 0xcbf2_9ce4_8422_2325

  private static func configuration(_ plan: Plan) -> EngineConfiguration {
    var configuration = EngineConfiguration()
    configuration.lease = plan.lease
    configuration.eventsInMemory = 300
    configuration.claimsPerTick = 16
    return configuration
  }

  /// One run of the server's process: its engine, and what its storage's thread has to do.
  private final class Server {
    let engine: Engine
    let epoch: Epoch
    var work: [StorageWork] = []
    var isStorageBusy = false
    /// After a failure all is dropped until the state is loaded anew.
    var isStorageFailed = false

    init(_ storage: any Storage, _ configuration: EngineConfiguration, seed: UInt64, now: Moment) throws {
      epoch = try storage.beginEpoch()
      var terms = StoreConfiguration()
      terms.lease = configuration.lease
      terms.retention = .days(30_000)
      terms.deadRetention = .days(30_000)
      let backlog = Backlog(rows: storage.rows, terms: terms, seed: seed)
      try backlog.load(storage, epoch, now: now)
      engine = Engine(backlog: backlog, configuration: configuration, seed: seed, now: now)
    }
  }

  /// How the storage feels. Used by one thread.
  private final class Mood: @unchecked Sendable {
    /// Of a hundred calls, how many fail.
    var failing = 0
    private(set) var failures = 0
    private var random: SeededGenerator

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    func next(_ call: UnsteadyStorage.Call) -> UnsteadyStorage.Fault? {
      guard failing > 0, call != .reader, random.chance(failing) else { return nil }
      failures += 1
      if call != .write { return .fails(.unavailable) }
      return random.chance(50) ? .fails(.full) : random.chance(50) ? .isInDoubt : .isHalfInDoubt
    }
  }

  package init(_ plan: Plan) throws {
    self.plan = plan
    random = SeededGenerator(seed: plan.seed)
    let mood = Mood(seed: plan.seed &+ 1)
    self.mood = mood
    disk = MemoryStorage(
      retention: EventRetention(age: .days(30_000), bytes: .max), salt: 77, remembersUnsynced: true)
    storage = UnsteadyStorage(disk)
    storage.plan { mood.next($0) }
    oracle = Oracle()
    let configuration = World.configuration(plan)
    server = try Server(
      storage, configuration, seed: plan.seed,
      now: Moment(wall: clock, elapsed: Instant(microseconds: clock.microseconds)))
  }

  // MARK: Time

  func tell(_ text: @autoclosure () -> String) {
    guard let trace else { return }
    trace("\((clock - Timestamp(seconds: 1_700_000_000)).microseconds) \(text())")
  }

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
  package func run() throws {
    let actors = Actors(self)
    actors.start()
    let trouble = clock + Interval(microseconds: Int64(plan.hours * 3_600e6))
    scheduleTrouble()
    while clock < trouble { step() }
    isCalm = true
    mood.failing = 0
    if !isUp { restart() }
    actors.calmDown()
    // Twice the longest run, back-off and lease of anything, and then some.
    let end = clock + .hours(3)
    var check = clock
    while clock < end {
      step()
      guard check <= clock else { continue }
      check = clock + .seconds(5)
      if oracle.isQuiet(reader) { break }
    }
    after(.seconds(30)) { self.oracle.isOver = true }
    while !oracle.isOver { step() }
    oracle.finish(reader, server.engine.backlog, now: moment)
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
      tell("< \(effect.told)")
      let faults = oracle.faults.count
      oracle.said(effect)
      if oracle.faults.count > faults { tell("FAULT \(oracle.faults.last ?? "")") }
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
      guard self.wake == mine, self.isUp else { return }
      self.tick()
    }
  }

  /// What the server's clocks show.
  private var moment: Moment {
    Moment(wall: clock + skew, elapsed: Instant(microseconds: clock.microseconds))
  }

  private func tick() {
    ticks += 1
    let commands = Array(pending.prefix(512))
    pending.removeFirst(commands.count)
    for command in commands { tell("> \(command.told)") }
    oracle.heard(commands)
    let decision = server.engine.decide(commands, now: moment)
    deliver(decision.effects)
    if let work = decision.work { hand(over: work) }
    if !isCalm, chance(plan.crashPercent), chance(2) { return crash() }
    scheduleNextTick()
  }

  private func scheduleNextTick() {
    if !pending.isEmpty {
      scheduleTick(at: clock + .microseconds(200))
    } else if let next = server.engine.nextWake {
      scheduleTick(at: max(clock + .microseconds(1), Timestamp(microseconds: next.microseconds)))
    }
  }

  // MARK: The storage's thread

  private func hand(over work: StorageWork) {
    server.work.append(work)
    pump()
  }

  private func pump() {
    let server = server
    if server.isStorageFailed {
      server.work.removeAll { if case .load = $0 { false } else { true } }
    }
    guard isUp, !server.isStorageBusy, let first = server.work.first else { return }
    var batch = [first]
    if case .write = first {
      while batch.count < server.work.count, case .write = server.work[batch.count], chance(80) {
        batch.append(server.work[batch.count])
      }
    }
    server.work.removeFirst(batch.count)
    server.isStorageBusy = true
    // Mostly quick; now and then it hangs for a while.
    let pause = !isCalm && chance(1) ? between(100, 8_000) : between(0, 6)
    after(pause) {
      guard self.isUp, self.server === server else { return }
      self.carryOut(batch)
      server.isStorageBusy = false
      self.pump()
      self.scheduleNextTick()
    }
  }

  private func carryOut(_ batch: [StorageWork]) {
    let server = server
    var through: UInt64 = 0
    var changes: [ChangeSet] = []
    var mustSync = false
    do throws(StoreError) {
      for work in batch {
        switch work {
        case .load:
          var failure: StoreError?
          do throws(StoreError) {
            try server.engine.backlog.load(storage, server.epoch, now: moment)
          } catch {
            failure = error
          }
          server.isStorageFailed = failure != nil
          tell("loaded \(failure.map { "\($0)" } ?? "")")
          let decision = server.engine.loaded(failure, now: moment)
          deliver(decision.effects)
          if let work = decision.work { server.work.append(work) }
          return
        case .write(let ticket, let set, let sync):
          through = ticket
          if let set { changes.append(set) }
          mustSync = mustSync || sync
        }
      }
      if !changes.isEmpty { try storage.write(changes, epoch: server.epoch) }
      if mustSync { try storage.sync() }
      tell("stored \(through) \(changes.map(\.number))")
      deliver(server.engine.stored(through: through, now: moment))
    } catch {
      server.isStorageFailed = true
      tell("failed \(changes.map(\.number)) \(error)")
      deliver(server.engine.failed(error, now: moment))
    }
  }

  private func crash() {
    tell("crash")
    crashes += 1
    isUp = false
    starts += 1
    // Or only the process ends.
    if chance(50) {
      tell("power loss")
      powerLosses += 1
      disk.losePower()
      oracle.lostPower()
    }
    pending = []
    oracle.crashed()
    for listener in listeners.sorted(by: { $0.key.id < $1.key.id }) {
      after(between(1, 500)) { listener.value(.endSession(listener.key, .failed(StoreError(.unavailable, "crash")))) }
    }
    listeners = [:]
    after(between(50, 20_000)) { if !self.isUp { self.restart() } }
  }

  private func restart() {
    do {
      server = try Server(storage, World.configuration(plan), seed: plan.seed &+ starts, now: moment)
      tell("up")
      isUp = true
      scheduleTick(at: clock)
    } catch {
      after(.seconds(1)) { if !self.isUp { self.restart() } }
    }
  }

  /// Crashes, power losses, storages that fail and clocks that jump.
  private func scheduleTrouble() {
    after(between(60_000, 600_000)) {
      guard !self.isCalm else { return }
      switch Int.random(in: 0..<5, using: &self.random) {
      case 0: if self.isUp { self.crash() }
      case 1: self.skew = self.skew + self.between(0, 4_000_000)
      case 2: self.skew = self.skew + Interval(microseconds: -self.between(0, 4_000_000).microseconds)
      case 3:
        self.mood.failing = self.chance(50) ? 100 : 20
        self.after(self.between(1, 15_000)) { self.mood.failing = 0 }
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
