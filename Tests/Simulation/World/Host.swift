import Backlog
import Engine
import Jobs
import Unsteady

/// A machine with a server: it may lead, end, be paused, be cut off, and come back.
final class Host {
  unowned let world: World
  let number: Int
  let id: String
  let mood: Mood
  private let storage: any Storage

  private(set) var isUp = false
  /// Its network reaches the clients.
  var isReachable = true
  private var pausedUntil = Timestamp.distantPast
  private var starts: UInt64 = 0
  /// Its wall clock is not the world's: it jumps.
  private(set) var skew: Interval = .zero
  private(set) var term: Term?
  private(set) var terms = 0
  private var pending: [Command] = []
  private var wake: UInt64 = 0
  private var renewedAt = Timestamp.distantPast
  /// Until then the storage keeps the lead for it, unless it resigns.
  private(set) var hasTheLeadUntil = Timestamp.distantPast
  private var isBeginning = false

  static let beat = Interval.milliseconds(200)
  static let leaderTerm = Interval.seconds(2)

  /// One time of leading: an engine, and what its storage's thread has to do.
  final class Term {
    let engine: Engine
    let epoch: Epoch
    var work: [StorageWork] = []
    var isStorageBusy = false
    /// After a failure all is dropped until the state is loaded anew.
    var isStorageFailed = false
    var readings: [RowReading] = []
    var isReading = false

    init(
      _ storage: any Storage, _ epoch: Epoch, _ configuration: EngineConfiguration,
      retention: Interval, seed: UInt64, readsAside: Bool,
      now: Moment
    ) throws(StoreError) {
      self.epoch = epoch
      var terms = StoreConfiguration()
      terms.lease = configuration.lease
      terms.retention = retention
      terms.deadRetention = retention
      let backlog = Backlog(rows: FencedRows(storage.rows, epoch), terms: terms, seed: seed)
      backlog.readsAside = readsAside
      try backlog.load(storage, epoch, now: now)
      engine = Engine(backlog: backlog, configuration: configuration, seed: seed, now: now)
    }
  }

  init(_ world: World, _ number: Int) {
    self.world = world
    self.number = number
    id = "server-\(number)"
    let mood = Mood(seed: world.plan.seed &+ 1 &+ UInt64(number) &* 7_919)
    self.mood = mood
    storage = world.site.makeStorage(mood)
  }

  private var configuration: EngineConfiguration {
    var configuration = EngineConfiguration()
    configuration.serverID = id
    configuration.lease = world.plan.lease
    configuration.eventsInMemory = 300
    configuration.claimsPerTick = 16
    // A few of its jobs.
    configuration.streamBytes = 3_000
    return configuration
  }

  /// What its clocks show.
  var moment: Moment {
    Moment(wall: world.clock + skew, elapsed: Instant(microseconds: world.clock.microseconds))
  }

  func stepClock(by interval: Interval) {
    skew = skew + interval
    world.tell("\(id): clock by \(interval.microseconds)")
    if term != nil { world.oracle.flow.stepped(at: world.clock, by: interval) }
  }

  // MARK: Coming and going

  func start() {
    isUp = true
    world.tell("\(id): up")
    if world.site.isShared { beat(starts) } else { begin(starts) }
  }

  /// Nothing is wrong with it any more.
  func heal() {
    mood.failing = 0
    isReachable = true
    if !isUp { start() }
  }

  /// The process ends without a word; or the whole machine, or the storage's.
  func crash() {
    world.tell("\(id): crash")
    isUp = false
    starts += 1
    leaveTerm()
    if world.chance(50) { world.losePower() }
    world.site.crash(self)
    let start = starts
    world.after(world.between(50, 20_000)) { if !self.isUp, self.starts == start { self.start() } }
  }

  /// Nothing of it runs for so long.
  func pause(for interval: Interval) {
    world.tell("\(id): paused for \(interval.microseconds)")
    pausedUntil = max(pausedUntil, world.clock + interval)
  }

  private func leaveTerm() {
    guard term != nil else { return }
    term = nil
    pending = []
    wake += 1
    world.forsake(self)
  }

  func endTerm(_ reason: String) {
    world.tell("\(id): leads no more, \(reason)")
    leaveTerm()
  }

  /// When it is not paused.
  private func soon(_ interval: Interval, _ action: @escaping () -> Void) {
    world.at(max(world.clock + interval, pausedUntil)) {
      if self.pausedUntil > self.world.clock { self.soon(.zero, action) } else { action() }
    }
  }

  // MARK: Leading

  /// A server by itself leads from its start on.
  private func begin(_ start: UInt64) {
    guard isUp, starts == start else { return }
    do throws(StoreError) { try lead(try storage.beginEpoch()) } catch {
      soon(.seconds(1)) { self.begin(start) }
    }
  }

  private func lead(_ epoch: Epoch) throws(StoreError) {
    terms += 1
    let term = try Term(
      storage, epoch, configuration, retention: world.site.retention,
      seed: world.plan.seed &+ starts &+ UInt64(terms) &* 31, readsAside: world.plan.readsAside,
      now: moment)
    world.tell("\(id): leads epoch \(epoch.number)")
    world.oracle.flow.loaded(term.engine.backlog.lastCursor)
    world.oracle.flow.led(skew: skew, at: world.clock)
    self.term = term
    world.follow(self)
    scheduleTick(at: world.clock)
  }

  /// Asks the storage who leads, or says that it does.
  private func beat(_ start: UInt64) {
    guard isUp, starts == start else { return }
    if let term { renew(term) } else if !isBeginning { seek(start) }
    soon(Self.beat) { self.beat(start) }
  }

  private func renew(_ term: Term) {
    do throws(StoreError) {
      try mood.check(.epoch)
      try world.site.leadership?.renew(id, epoch: term.epoch)
      renewedAt = world.clock
      hasTheLeadUntil = world.clock + Self.leaderTerm
    } catch {
      if error.kind == .deposed { return endTerm(error.message) }
      if world.clock - renewedAt > Self.leaderTerm { endTerm("it could not renew") }
    }
  }

  private func seek(_ start: UInt64) {
    do throws(StoreError) {
      try mood.check(.epoch)
      guard case .here(let epoch)? = try world.site.leadership?.seek(id, term: Self.leaderTerm)
      else { return }
      renewedAt = world.clock
      for other in world.hosts where other !== self && other.hasTheLeadUntil > world.clock {
        world.oracle.fault("\(id) takes the lead that \(other.id) has")
      }
      hasTheLeadUntil = world.clock + Self.leaderTerm
      isBeginning = true
      // Loading takes its time; meanwhile it may be paused, or another may come to lead.
      soon(world.between(1, world.chance(5) ? 4_000 : 50)) {
        self.isBeginning = false
        guard self.isUp, self.starts == start else { return }
        do throws(StoreError) { try self.lead(epoch) } catch {
          self.resign(epoch)
        }
      }
    } catch {
      // Asked again with the next beat.
    }
  }

  /// It hands over at once.
  func stepDown() {
    guard let term else { return }
    let epoch = term.epoch
    endTerm("it steps down")
    resign(epoch)
  }

  private func resign(_ epoch: Epoch) {
    hasTheLeadUntil = .distantPast
    try? world.site.leadership?.resign(id, epoch: epoch)
  }

  // MARK: The engine's thread

  func take(_ command: Command) {
    pending.append(command)
    if pending.count == 1 || world.plan.gathering == 0 { scheduleTick(at: world.clock + gathering) }
  }

  /// A busy engine takes what came meanwhile in one tick.
  private var gathering: Interval {
    world.plan.gathering == 0 ? .zero : world.between(0, world.plan.gathering)
  }

  private func scheduleTick(at time: Timestamp) {
    wake += 1
    let mine = wake
    world.at(max(time, pausedUntil)) {
      guard self.wake == mine, self.isUp else { return }
      if self.pausedUntil > self.world.clock { return self.scheduleTick(at: self.pausedUntil) }
      self.tick()
    }
  }

  private func tick() {
    guard let term else { return }
    let commands = Array(pending.prefix(512))
    pending.removeFirst(commands.count)
    for case .forget(let route) in commands { world.oracle.forgotten(route) }
    for command in commands { world.tell("> \(command.told)") }
    world.oracle.heard(commands)
    mood.isDeciding = true
    let decision = term.engine.decide(commands, now: moment)
    mood.isDeciding = false
    if mood.readInLine > 0, world.plan.readsAside { world.oracle.fault("rows are read while the engine decides") }
    world.deliver(decision.effects, from: self)
    if let work = decision.work { hand(over: work, term) }
    term.readings += decision.reads
    readNext(term)
    if !world.isCalm, world.chance(world.plan.crashPercent), world.chance(2) { return crash() }
    scheduleNextTick()
  }

  private func scheduleNextTick() {
    if !pending.isEmpty {
      scheduleTick(at: world.clock + max(.microseconds(200), gathering))
    } else if let next = term?.engine.nextWake {
      scheduleTick(
        at: max(world.clock + .microseconds(1), Timestamp(microseconds: next.microseconds)))
    }
  }

  // MARK: The thread that reads rows

  private func readNext(_ term: Term) {
    guard isUp, self.term === term, !term.isReading, !term.readings.isEmpty else { return }
    let next = term.readings.remove(at: term.readings.firstIndex { !$0.request.isPage } ?? 0)
    term.isReading = true
    soon(world.between(0, 3)) {
      guard self.isUp, self.term === term else { return }
      let answer: Result<RowAnswer, StoreError>
      do throws(StoreError) {
        answer = .success(try next.request.read(self.storage.rows))
      } catch {
        answer = .failure(error)
      }
      // What was read may be older than what is decided when it arrives.
      self.soon(!self.world.isCalm && self.world.chance(2) ? self.world.between(10, 8_000) : self.world.between(0, 3)) {
        guard self.isUp, self.term === term else { return }
        term.isReading = false
        self.world.deliver(term.engine.arrived(next, answer, now: self.moment), from: self)
        if case .failure(let error) = answer, error.kind == .deposed, self.world.site.isShared {
          return self.endTerm(error.message)
        }
        self.readNext(term)
        self.scheduleNextTick()
      }
    }
  }

  // MARK: The storage's thread

  private func hand(over work: StorageWork, _ term: Term) {
    if case .write(_, let changes?, _) = work {
      world.oracle.flow.decided(changes.events, at: world.clock)
    }
    term.work.append(work)
    pump(term)
  }

  private func pump(_ term: Term) {
    if term.isStorageFailed {
      term.work.removeAll { if case .load = $0 { false } else { true } }
    }
    guard isUp, self.term === term, !term.isStorageBusy, let first = term.work.first else { return }
    var batch = [first]
    if case .write = first {
      while batch.count < term.work.count, case .write = term.work[batch.count], world.chance(80) {
        batch.append(term.work[batch.count])
      }
    }
    term.work.removeFirst(batch.count)
    term.isStorageBusy = true
    // Mostly quick; now and then it hangs for a while.
    let pause = !world.isCalm && world.chance(1) ? world.between(100, 8_000) : world.between(0, 6)
    soon(pause) {
      guard self.isUp, self.term === term else {
        // What was under way when the leader was deposed may reach the storage all the same.
        if self.world.chance(50) { self.write(late: batch, term) }
        return
      }
      self.carryOut(batch, term)
      guard self.term === term else { return }
      term.isStorageBusy = false
      self.pump(term)
      self.scheduleNextTick()
    }
  }

  /// Nobody hears what becomes of it.
  private func write(late batch: [StorageWork], _ term: Term) {
    var changes: [ChangeSet] = []
    for case .write(_, let set?, _) in batch { changes.append(set) }
    guard world.site.takesLateWrites, !changes.isEmpty else { return }
    try? storage.write(changes, epoch: term.epoch)
  }

  private func carryOut(_ batch: [StorageWork], _ term: Term) {
    var through: UInt64 = 0
    var changes: [ChangeSet] = []
    var mustSync = false
    do throws(StoreError) {
      for work in batch {
        switch work {
        case .load: return load(term)
        case .write(let ticket, let set, let sync):
          through = ticket
          if let set { changes.append(set) }
          mustSync = mustSync || sync
        }
      }
      if !changes.isEmpty { try storage.write(changes, epoch: term.epoch) }
      if mustSync { try storage.sync() }
      world.tell("stored \(through) \(changes.map(\.number))")
      world.deliver(term.engine.stored(through: through, now: moment), from: self)
    } catch {
      term.isStorageFailed = true
      world.tell("failed \(changes.map(\.number)) \(error)")
      world.deliver(term.engine.failed(error, now: moment), from: self)
      if error.kind == .deposed, world.site.isShared { endTerm(error.message) }
    }
  }

  private func load(_ term: Term) {
    var failure: StoreError?
    do throws(StoreError) {
      try term.engine.backlog.load(storage, term.epoch, now: moment)
    } catch {
      failure = error
    }
    term.isStorageFailed = failure != nil
    world.tell("loaded \(failure.map { "\($0)" } ?? "")")
    world.oracle.flow.loaded(term.engine.backlog.lastCursor)
    let decision = term.engine.loaded(failure, now: moment)
    world.deliver(decision.effects, from: self)
    if let work = decision.work { hand(over: work, term) }
    if failure?.kind == .deposed, world.site.isShared { endTerm("deposed") }
  }
}
