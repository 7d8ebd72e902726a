import Backlog
import Jobs
import MemoryStorage
import Support

@testable import Engine

/// An engine on a storage in memory with both clocks in the test's hand. Gathers what was said to whom.
final class Rig {
  let storage: MemoryStorage
  /// Stands between the engine and the storage.
  let unsteady: UnsteadyStorage
  let engine: Engine
  private let epoch: Epoch
  /// By the wall clock.
  private(set) var now: Timestamp
  private(set) var elapsed = Instant(microseconds: 5_000_000)
  /// Everything said by the last tick, in order, once it was stored.
  private(set) var effects: [Effect] = []
  private(set) var early: [Effect] = []
  /// How the change sets were written, and how often the storage was synced beside that, and the state loaded.
  private(set) var writes: [Durability] = []
  private(set) var syncs = 0
  private(set) var loads = 0
  /// What the engine hands over stays here until `store` is called.
  var isSlow = false
  private(set) var waiting: [StorageWork] = []
  /// Rows that the engine wants stay here until `read` is called.
  var readsSlowly = false
  private(set) var reading: [RowReading] = []
  private(set) var reads = 0
  /// The latest of each job that was given out.
  private var leases: [String: Lease] = [:]
  private var routes: UInt64 = 0

  init(
    _ configure: (inout EngineConfiguration) -> Void = { _ in }, storage: MemoryStorage? = nil,
    start: Timestamp = Timestamp(seconds: 1_000_000), readsAside: Bool = true
  ) {
    var configuration = EngineConfiguration()
    configuration.serverID = "s1"
    configure(&configuration)
    var terms = StoreConfiguration()
    terms.lease = configuration.lease
    self.storage = storage ?? MemoryStorage(salt: 0x123_4567, remembersUnsynced: true)
    unsteady = UnsteadyStorage(self.storage)
    now = start
    do throws(StoreError) {
      let backlog = Backlog(rows: unsteady.rows, terms: terms, seed: 3)
      epoch = try unsteady.beginEpoch()
      let moment = Moment(wall: start, elapsed: elapsed)
      backlog.readsAside = readsAside
      try backlog.load(unsteady, epoch, now: moment)
      engine = Engine(backlog: backlog, configuration: configuration, seed: 7, now: moment)
    } catch {
      fatalError("\(error)")
    }
  }

  var moment: Moment { Moment(wall: now, elapsed: elapsed) }

  /// These calls of the storage fail from now on.
  func fail(_ calls: Set<UnsteadyStorage.Call>) {
    unsteady.plan { calls.contains($0) ? .fails(.unavailable) : nil }
  }

  func route() -> Route {
    routes += 1
    return Route(loop: 0, id: routes)
  }

  @discardableResult
  func tick(_ commands: [Command] = []) -> [Effect] {
    let decision = engine.decide(commands, now: moment)
    early = decision.effects
    effects = early
    if let work = decision.work { isSlow ? waiting.append(work) : perform(work) }
    reading += decision.reads
    if !readsSlowly, !reading.isEmpty { effects += read() }
    for case .toWorker(_, let update) in effects {
      for job in update.jobs { leases[job.lease.jobID] = job.lease }
    }
    return effects
  }

  /// What the engine wanted to be read is, and it goes on.
  @discardableResult
  func read() -> [Effect] {
    let before = (early, effects)
    var said: [Effect] = []
    while !reading.isEmpty {
      let next = reading.removeFirst()
      reads += 1
      var answer: Result<RowAnswer, StoreError>
      do throws(StoreError) { answer = .success(try next.request.read(unsteady.rows)) } catch {
        answer = .failure(error)
      }
      said += engine.arrived(next, answer, now: moment)
      var turns = 0
      while reading.isEmpty, turns < 16, engine.nextWake.map({ $0 <= elapsed }) ?? false {
        turns += 1
        let decision = engine.decide([], now: moment)
        effects = decision.effects
        if let work = decision.work { isSlow ? waiting.append(work) : perform(work) }
        said += effects
        reading += decision.reads
      }
    }
    (early, effects) = before
    return said
  }

  /// Rows as they were when their reading began, to come later.
  private var begun: [(RowReading, RowAnswer)] = []

  func forgetReadings() { reading = [] }

  /// Begins some of what is to be read, and has some of what was begun arrive, in any order.
  func arriveAtRandom(using random: inout SeededGenerator) {
    begin { Bool.random(using: &random) }
    begun.shuffle(using: &random)
    while !begun.isEmpty, Int.random(in: 0..<3, using: &random) > 0 {
      let (next, answer) = begun.removeLast()
      _ = engine.arrived(next, .success(answer), now: moment)
      if Bool.random(using: &random) { tick() }
    }
  }

  /// All of it.
  func arriveAll() {
    begin { true }
    while !begun.isEmpty {
      let (next, answer) = begun.removeLast()
      _ = engine.arrived(next, .success(answer), now: moment)
      tick()
      begin { true }
    }
  }

  private func begin(_ isNow: () -> Bool) {
    var later: [RowReading] = []
    for next in reading {
      if isNow(), let answer = try? next.request.read(unsteady.rows) {
        begun.append((next, answer))
      } else {
        later.append(next)
      }
    }
    reading = later
  }

  /// The storage does what it was given meanwhile.
  @discardableResult
  func store(_ most: Int = .max) -> [Effect] {
    effects = []
    var left = most
    while left > 0, !waiting.isEmpty {
      perform(waiting.removeFirst())
      left -= 1
    }
    return effects
  }

  private func perform(_ work: StorageWork) {
    do throws(StoreError) {
      switch work {
      case .write(let ticket, let changes, let sync):
        if let changes {
          try unsteady.write([changes], epoch: epoch)
          writes.append(changes.durability)
        }
        if sync {
          syncs += 1
          try unsteady.sync()
        }
        effects += engine.stored(through: ticket, now: moment)
      case .load:
        loads += 1
        var failure: StoreError?
        do throws(StoreError) { try engine.backlog.load(unsteady, epoch, now: moment) } catch { failure = error }
        let decision = engine.loaded(failure, now: moment)
        effects += decision.effects
        if let work = decision.work { perform(work) }
      }
    } catch {
      waiting = []
      effects += engine.failed(error, now: moment)
    }
  }

  func pass(_ interval: Interval) {
    now = now + interval
    elapsed = elapsed + interval
  }

  /// Somebody sets the wall clock.
  func setClock(by interval: Interval) { now = now + interval }

  /// Lets time pass, waking the engine whenever it wants to be woken. Returns all that was said.
  @discardableResult
  func run(for interval: Interval) -> [Effect] {
    let end = elapsed + interval
    var said: [Effect] = []
    var wakes = 0
    while let next = engine.nextWake, next <= end {
      pass(max(.zero, next - elapsed))
      said += tick()
      wakes += 1
      if wakes > 100_000 { fatalError("the engine never rests") }
    }
    pass(max(.zero, end - elapsed))
    effects = said
    return said
  }

  /// Until the storage is well again, if it is.
  @discardableResult
  func recover() -> [Effect] { run(for: .seconds(3)) }

  // MARK: Doing

  /// The id of a job enqueued by a tick of its own.
  @discardableResult
  func enqueue(_ job: NewJob = NewJob(name: "n"), _ durability: Durability? = nil) -> String {
    let route = route()
    tick([.enqueue(EnqueueGroup(jobs: [job]), durability, route)])
    guard case .enqueued(let results, _)? = reply(to: route), case .stored(let id, _, _)? = results.first else {
      return "not stored"
    }
    return id
  }

  @discardableResult
  func connect(
    _ id: String, queues: [String] = ["*"], names: [String] = [], most: UInt32 = 1, bytes: UInt64 = 0,
    window: Interval? = nil, held: [Lease] = []
  ) -> Route {
    let route = route()
    tick([.connect(hello(id, queues, names, most, bytes, window, held), address: "a", route)])
    return route
  }

  func hello(
    _ id: String, _ queues: [String] = ["*"], _ names: [String] = [], _ most: UInt32 = 1, _ bytes: UInt64 = 0,
    _ window: Interval? = nil, _ held: [Lease] = []
  ) -> WorkerHello {
    WorkerHello(
      workerID: id, subscriptions: queues.map { Subscription(pattern: QueuePattern($0)) }, names: names,
      maxInFlight: most, maxInFlightBytes: bytes, resumeWindow: window, held: held)
  }

  func say(_ route: Route, _ message: WorkerMessage = WorkerMessage()) { tick([.work(message, route)]) }

  func succeed(_ route: Route, _ leases: [Lease]) {
    say(route, WorkerMessage(outcomes: leases.map { WorkerOutcome(lease: $0, how: .success(result: [])) }))
  }

  // MARK: Hearing

  func reply(to route: Route, in effects: [Effect]? = nil) -> Reply? {
    for case .reply(let to, let reply) in effects ?? self.effects where to == route { return reply }
    return nil
  }

  func updates(_ route: Route, in effects: [Effect]? = nil) -> [WorkerUpdate] {
    (effects ?? self.effects).compactMap {
      if case .toWorker(let to, let update) = $0, to == route { update } else { nil }
    }
  }

  func jobs(_ route: Route, in effects: [Effect]? = nil) -> [ClaimedJob] { updates(route, in: effects).flatMap(\.jobs) }
  func results(_ route: Route, in effects: [Effect]? = nil) -> [LeaseResult] {
    updates(route, in: effects).flatMap(\.results)
  }
  func notices(_ route: Route, in effects: [Effect]? = nil) -> [CancelNotice] {
    updates(route, in: effects).flatMap(\.cancellations)
  }

  func end(_ route: Route, in effects: [Effect]? = nil) -> SessionEnd? {
    for case .endSession(let to, let end) in effects ?? self.effects where to == route { return end }
    return nil
  }

  /// What is stored of a job.
  func record(_ id: String) -> JobRecord? { try? storage.reader.job(id: id) }
  func state(_ id: String) -> JobState? { record(id)?.state }

  /// Of a job that a stream was given.
  func lease(of id: String) -> Lease? { leases[id] }

  func worker(_ id: String) -> WorkerView? {
    let route = route()
    tick([.workers(route)])
    guard case .workers(let views)? = reply(to: route) else { return nil }
    return views.first { $0.workerID == id }
  }
}

extension LeaseResult {
  var isStored: Bool { if case .stored = code { true } else { false } }
  var isNotHeld: Bool { if case .notHeld = code { true } else { false } }
  var isFailed: Bool { if case .failed = code { true } else { false } }
}

extension CancelNotice {
  var isLost: Bool { if case .leaseLost = reason { true } else { false } }
  var isTimeout: Bool { if case .timeout = reason { true } else { false } }
  var isCanceled: Bool { if case .canceled = reason { true } else { false } }
}
