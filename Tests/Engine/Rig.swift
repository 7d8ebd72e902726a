import Engine
import Jobs
import MemoryStore

/// An engine on a memory store with a clock in the test's hand. Gathers what was said to whom.
final class Rig {
  let store: FlakyStore
  let engine: Engine
  private(set) var now: Timestamp
  /// Everything said by the last tick, in order.
  private(set) var effects: [Effect] = []
  private(set) var early: [Effect] = []
  /// The latest of each job that was given out.
  private var leases: [String: Lease] = [:]
  private var routes: UInt64 = 0

  init(
    _ configure: (inout EngineConfiguration) -> Void = { _ in }, store: MemoryStore = MemoryStore(),
    others: OtherServers? = nil, start: Timestamp = Timestamp(seconds: 1_000_000)
  ) {
    var configuration = EngineConfiguration()
    configuration.serverID = "s1"
    configure(&configuration)
    self.store = FlakyStore(store)
    self.store.others = others
    now = start
    engine = Engine(store: self.store, configuration: configuration, seed: 7, now: start)
  }

  func route() -> Route {
    routes += 1
    return Route(loop: 0, id: routes)
  }

  @discardableResult
  func tick(_ commands: [Command] = []) -> [Effect] {
    early = engine.decide(commands, now: now)
    effects = early + engine.commit(now: now)
    for case .toWorker(_, let update) in early {
      for job in update.jobs { leases[job.lease.jobID] = job.lease }
    }
    return effects
  }

  func pass(_ interval: Interval) { now = now + interval }

  /// Lets time pass, waking the engine whenever it wants to be woken. Returns all that was said.
  @discardableResult
  func run(for interval: Interval) -> [Effect] {
    let end = now + interval
    var said: [Effect] = []
    var wakes = 0
    while let next = engine.nextWake, next <= end {
      now = max(now, next)
      said += tick()
      wakes += 1
      if wakes > 100_000 { fatalError("the engine never rests") }
    }
    now = max(now, end)
    effects = said
    return said
  }

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

  /// What the store committed of a job.
  func record(_ id: String) -> JobRecord? { try? store.reader.job(id: id) }
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
