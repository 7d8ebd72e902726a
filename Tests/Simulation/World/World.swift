import Backlog
import Engine
import Jobs
import MemoryStorage
import Unsteady

/// Servers, their producers, workers and watchers, and everything that goes wrong between them: one thread, one seed.
package final class World {
  package enum Kind: String, CaseIterable, Sendable {
    /// One server on the storage in memory, which loses what was not synced when the power goes.
    case one
    /// One on the embedded storage.
    case embedded
    /// Three servers on one storage: they come to lead, are paused, cut off, end and come back; the storage fails over and loses its newest writes.
    case several
    /// Few jobs over a very long time.
    case long
  }

  package struct Plan {
    package var seed: UInt64
    package var kind: Kind
    /// How long things go wrong; afterwards all is well until every job has ended.
    package var hours: Double
    var producers = 3
    var workers = 5
    var pollers = 2
    /// Of a producer, between two enqueues.
    var pause: Interval = .seconds(4)
    var lease: Interval = .seconds(10)
    /// Of every hundred ticks, how many get a chance of ending in a crash.
    var crashPercent = 3
    /// How long commands gather for one tick at most, in milliseconds: 0, each has its own, as on an idle server.
    var gathering: Int64 = 0
    /// Between two troubles, in milliseconds.
    var trouble: ClosedRange<Int64> = 60_000...600_000

    /// - Parameter kind: nil: mostly one server, now and then another.
    package init(seed: UInt64, _ kind: Kind? = nil) {
      self.seed = seed
      self.kind =
        kind
        ?? (seed % 40 == 39
          ? .embedded : seed % 100 == 50 ? .long : seed % 4 == 2 ? .several : .one)
      hours = 0.15
      if seed % 3 != 1 { gathering = seed % 2 == 0 ? 20 : 800 }
      switch self.kind {
      case .one, .embedded: break
      case .several: trouble = 5_000...90_000
      case .long:
        hours = 24 * 40
        producers = 1
        workers = 0
        pause = .hours(3)
        trouble = 3_600_000...86_400_000
        crashPercent = 0
      }
    }

    var isLong: Bool { kind == .long }

    /// Rows are read on a thread of their own, as servers do; else by the engine's, as in the testing product.
    package var readsAside = true
  }

  package let plan: Plan
  var random: SeededGenerator
  static let beginning = Timestamp(seconds: 1_700_000_000)
  private(set) var clock = World.beginning
  private var agenda = Agenda()
  package let oracle = Oracle()

  let site: StorageSite
  private(set) var hosts: [Host] = []
  /// Where the fronts send what they are asked.
  private(set) var leading: Host?
  var reader: any JobReader { site.reader }
  private var routes: UInt64 = 0
  private var listeners: [Route: (Effect) -> Void] = [:]
  private var homes: [Route: Host] = [:]
  private var lastDelivery: [Route: Timestamp] = [:]
  /// Hears all that is said and done, in words.
  package var trace: ((String) -> Void)?
  /// Nothing goes wrong any more.
  private(set) var isCalm = false
  /// Of all effects, to compare runs.
  package private(set) var digest: UInt64 = 0xcbf2_9ce4_8422_2325

  package init(_ plan: Plan) throws {
    self.plan = plan
    random = SeededGenerator(seed: plan.seed)
    site = try StorageSite(plan)
    oracle.forgets = plan.isLong
    for number in 0..<(plan.kind == .several ? 3 : 1) { hosts.append(Host(self, number)) }
  }

  /// That have passed in this world.
  package var hours: Double { (clock - Self.beginning).seconds / 3_600 }
  package var terms: Int { hosts.reduce(0) { $0 + $1.terms } }

  // MARK: Time

  func tell(_ text: @autoclosure () -> String) {
    guard let trace else { return }
    trace("\((clock - Self.beginning).microseconds) \(text())")
  }

  func after(_ interval: Interval, _ action: @escaping () -> Void) {
    agenda.add(at: clock + interval, action)
  }
  func at(_ time: Timestamp, _ action: @escaping () -> Void) {
    agenda.add(at: max(clock, time), action)
  }

  /// Evenly between two lengths of time, in milliseconds.
  func between(_ low: Int64, _ high: Int64) -> Interval {
    .microseconds(Int64.random(in: low * 1_000...high * 1_000, using: &random))
  }

  func chance(_ percent: Int) -> Bool { random.chance(percent) }

  private func step() {
    if let at = agenda.next, let action = agenda.pop() {
      clock = max(clock, at)
      site.time.now = clock
      action()
    }
  }

  /// Runs until all is over.
  package func run() throws {
    for host in hosts { host.start() }
    let actors = Actors(self)
    actors.start()
    let trouble = clock + Interval(microseconds: Int64(plan.hours * 3_600e6))
    scheduleTrouble()
    while clock < trouble { step() }
    isCalm = true
    for host in hosts { host.heal() }
    actors.calmDown()
    // Twice the longest run, back-off and lease of anything, and then some.
    let end = clock + (plan.isLong ? .days(40) : .hours(3))
    var check = clock
    while clock < end {
      step()
      guard check <= clock else { continue }
      check = clock + .seconds(plan.isLong ? 3_600 : 5)
      if oracle.isQuiet(reader) { break }
    }
    // A watcher may rest for a minute.
    after(.seconds(70)) { self.oracle.isOver = true }
    while !oracle.isOver { step() }
    guard let leading, let term = leading.term else {
      oracle.fault("nobody leads at the end")
      letGo()
      return
    }
    oracle.finish(reader, term.engine.backlog, now: leading.moment)
    site.end()
    letGo()
  }

  /// What is still to happen holds on to everybody, and they to the world: thousands of them would fill the memory.
  private func letGo() {
    agenda = Agenda()
    listeners = [:]
    homes = [:]
    trace = nil
  }

  // MARK: The network

  /// A call, to whoever leads.
  func open(_ listener: @escaping (Effect) -> Void) -> Route {
    routes += 1
    let route = Route(loop: UInt32(routes % 2), id: routes)
    listeners[route] = listener
    homes[route] = leading
    return route
  }

  /// The client's end is gone; the server hears of it later, or never.
  func close(_ route: Route, _ notice: Command?) {
    listeners[route] = nil
    if let notice { send(notice) }
    homes[route] = nil
    lastDelivery[route] = nil
  }

  /// Messages of one route arrive in order.
  func send(_ command: Command, on route: Route? = nil) {
    let of = route ?? command.route
    guard let home = homes[of] else {
      // Nobody is known to lead.
      return after(between(1, 100)) { self.hangUp(of) }
    }
    var at = clock + between(0, 8)
    if let route {
      at = max(at, lastDelivery[route] ?? at)
      lastDelivery[route] = at
    }
    let term = home.term
    agenda.add(at: at) {
      guard home.isReachable else { return }
      if home.isUp, let term, home.term === term { home.take(command) }
    }
  }

  /// A call ends without an answer.
  private func hangUp(_ route: Route) {
    homes[route] = nil
    lastDelivery[route] = nil
    guard let listener = listeners.removeValue(forKey: route) else { return }
    listener(.endSession(route, .failed(StoreError(.unavailable, "nobody leads"))))
  }

  func deliver(_ effects: [Effect], from host: Host) {
    for effect in effects {
      note(effect)
      tell("< \(effect.told)")
      let faults = oracle.faults.count
      oracle.said(effect)
      oracle.flow.said(effect, reader)
      if oracle.faults.count > faults { tell("FAULT \(oracle.faults.last ?? "")") }
      let route = effect.route
      guard homes[route] === host, host.isReachable else { continue }
      let at = max(clock + between(0, 8), lastDelivery[route] ?? clock)
      if case .toWorker = effect { lastDelivery[route] = at } else { homes[route] = nil }
      agenda.add(at: at) {
        if case .toWorker = effect {
          self.listeners[route]?(effect)
        } else {
          self.listeners.removeValue(forKey: route)?(effect)
        }
      }
    }
  }

  /// The server leads no more: its calls end.
  func forsake(_ host: Host) {
    if leading === host { leading = nil }
    hangUpAll(host)
  }

  @discardableResult
  private func hangUpAll(_ host: Host) -> [Route] {
    let own = homes.filter { $0.value === host }.map(\.key).sorted { $0.id < $1.id }
    oracle.ended(Set(own))
    for route in own {
      homes[route] = nil
      after(between(1, 500)) { self.hangUp(route) }
    }
    return own
  }

  /// All connections between the fronts and the leader break; it hears of it.
  private func breakConnections(_ host: Host) {
    for route in hangUpAll(host) {
      host.take(.disconnect(route))
      host.take(.forget(route))
    }
  }

  /// A server has come to lead: the fronts move on to it.
  func follow(_ host: Host) {
    if let leading, leading !== host { forsake(leading) }
    leading = host
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

  // MARK: Trouble

  /// Crashes, power losses, storages that fail, clocks that jump, servers that are paused or cut off.
  private func scheduleTrouble() {
    let range = plan.trouble
    after(between(range.lowerBound, range.upperBound)) { [self] in
      guard !isCalm else { return }
      let host =
        chance(70) ? leading ?? hosts[0] : hosts[Int.random(in: 0..<hosts.count, using: &random)]
      if hosts.count > 1 { trouble(among: host) } else { trouble(host) }
      scheduleTrouble()
    }
  }

  private func trouble(_ host: Host) {
    switch Int.random(in: 0..<5, using: &random) {
    case 0: if host.isUp { host.crash() }
    case 1: host.stepClock(by: between(0, plan.isLong ? 40_000_000 : 4_000_000))
    case 2: host.stepClock(by: Interval(microseconds: -between(0, 4_000_000).microseconds))
    case 3:
      host.mood.failing = chance(50) ? 100 : 20
      after(between(1, 15_000)) { host.mood.failing = 0 }
    default: break
    }
  }

  private func trouble(among host: Host) {
    switch Int.random(in: 0..<10, using: &random) {
    case 0, 1: if host.isUp { host.crash() }
    case 2: host.stepDown()
    case 3, 4: host.pause(for: between(100, 12_000))
    case 5:
      // Cut off from the storage alone.
      host.mood.failing = 100
      after(between(100, 12_000)) { host.mood.failing = 0 }
    case 6:
      // Cut off from everybody but the storage.
      host.isReachable = false
      after(between(100, 12_000)) {
        host.isReachable = true
        if host.term != nil { self.breakConnections(host) }
      }
    case 7:
      // The storage fails over to one that lacks the newest writes.
      tell("the storage fails over")
      losePower()
    case 8:
      // The machine ends that both were on.
      tell("the storage fails over")
      losePower()
      if host.isUp { host.crash() }
    default: host.stepClock(by: Interval(microseconds: between(-4_000, 4_000).microseconds))
    }
  }

  func losePower() {
    guard let lost = site.losePower() else { return }
    tell("events \(lost.lowerBound) to \(lost.upperBound) are lost")
    oracle.lost(lost)
  }
}

extension Command {
  /// Of the call that it is.
  var route: Route {
    switch self {
    case .enqueue(_, _, let route), .takeIn(_, let route), .control(_, let route),
      .sweep(_, let route),
      .pause(_, _, let route), .explain(_, _, let route), .fence(let route),
      .deleteQueue(_, let route),
      .annotate(_, let route), .waitForEnd(_, let route), .flow(_, let route),
      .pullEvents(_, let route),
      .connect(_, _, let route), .work(_, let route), .disconnect(let route), .fetch(_, let route),
      .report(_, let route), .queues(let route), .queuePage(_, let route), .workers(let route),
      .workerPage(_, let route), .drainWorker(_, _, let route), .statistics(let route),
      .forget(let route),
      .drain(let route):
      route
    case .audited(let command, _, _): command.route
    }
  }
}
