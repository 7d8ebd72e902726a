import Engine
import Glibc
import Jobs
import RPC
import Synchronization

/// Who works the engine: one thread at a time, the one that has the turn. Its own thread, as a rule. When that sleeps, a few small commands are
/// decided on the loop that they came to, and what the storage has done is taken in on the storage's thread: waking another thread for it costs
/// more than the tick.
final class EngineTurns: @unchecked Sendable {  // Everything mutable is touched with the turn only.
  struct Timings {
    var tick = EngineStatistics.Histogram()
    var commit = EngineStatistics.Histogram()
  }

  private let turn = Gate()
  private let engine: Engine
  private let mailbox: Mailbox
  private let storage: StorageDesk
  private let rows: RowsDesk?
  private let limits: HostLimits
  private let pulse: Pulse
  private let clock: @Sendable () -> Moment
  private let deposed: (@Sendable () -> Void)?
  private let timings = Mutex(Timings())
  private var desks: [LoopDesk] = []
  /// Hears what is said to no loop.
  private var hear: ((UInt64, Reply) -> Void)?
  /// Told of the jobs that workers are given.
  private var observer: (any JobObserver)?
  private var batch = CommandBatch()
  private var done: [StorageDesk.Outcome] = []
  private var waiting = TickQueue()
  /// Desks that have post and are to be told so, once the turn is given back: a loop that wakes up often takes the processor from the thread
  /// that woke it, and would then find the turn taken.
  private var posted: [LoopDesk] = []
  private var isOver = false
  /// There are no threads: see `settle`.
  private var isInline = false

  init(
    engine: Engine, mailbox: Mailbox, storage: StorageDesk, rows: RowsDesk?, limits: HostLimits, pulse: Pulse,
    clock: @escaping @Sendable () -> Moment, deposed: (@Sendable () -> Void)?
  ) {
    self.engine = engine
    self.mailbox = mailbox
    self.storage = storage
    self.rows = rows
    self.limits = limits
    self.pulse = pulse
    self.clock = clock
    self.deposed = deposed
  }

  /// To be called once, before any of the others.
  func begin(
    _ desks: [LoopDesk], _ observer: (any JobObserver)?, hear: @escaping (UInt64, Reply) -> Void
  ) -> StorageDesk.Lent {
    turn.lock()
    defer { turn.unlock() }
    self.desks = desks
    self.observer = observer
    self.hear = hear
    note()
    return StorageDesk.Lent(engine: engine)
  }

  var figures: Timings { timings.withLock { $0 } }

  // MARK: The engine's thread

  /// Until the mailbox is closed, empty, and everything is stored.
  func run() {
    while mailbox.wait() {
      turn.lock()
      mailbox.take(into: &batch, &done)
      goOn()
      pulse.beat(0)
      note()
      giveBack()
    }
    turn.lock()
    isOver = true
    desks = []
    hear = nil
    giveBack()
  }

  // MARK: Without threads

  /// Instead of `begin` and `run`: everything happens in `settle`.
  func beginInline(_ desks: [LoopDesk], hear: @escaping (UInt64, Reply) -> Void) {
    turn.lock()
    self.desks = desks
    self.hear = hear
    isInline = true
    turn.unlock()
  }

  /// Decides and stores until there is nothing to do at the time that it is.
  func settle() {
    turn.lock()
    defer { giveBack() }
    while mailbox.takeAtOnce(into: &batch, &done) || !waiting.isEmpty || isDue {
      goOn()
      while let outcome = storage.doNext(engine) { mailbox.push(outcome) }
    }
  }

  /// When something is due next; nil: nothing is.
  var nextWake: Instant? {
    turn.lock()
    defer { turn.unlock() }
    return engine.nextWake
  }

  /// When a rate lets more jobs start next; nil: none is held back by one.
  var nextOpening: Timestamp? {
    turn.lock()
    defer { turn.unlock() }
    return engine.backlog.nextOpening
  }

  // MARK: Other threads

  /// Decides what waits, if that is little and nobody else is about to; else the engine's thread does. Called on a desk's loop.
  /// - Parameter isFollowed: `writeUnattended` is called next.
  func decideHere(isFollowed: Bool) {
    guard turn.tryLock() else { return mailbox.wake() }
    var isMine = !isOver && !isInline && waiting.isEmpty && !isDue && !engine.isCongested
    if isMine { isMine = mailbox.takeFew(into: &batch) }
    if isMine {
      tick(batch.commands, isFollowed: isFollowed)
      batch.removeAll()
      note()
    }
    giveBack()
    if !isMine { mailbox.wake() }
  }

  /// Takes in what the storage has done. Called on its thread, or on the loop that had it write.
  func settleHere(_ outcome: StorageDesk.Outcome) {
    mailbox.push(outcome)
    guard turn.tryLock() else { return mailbox.wake() }
    if !isOver {
      mailbox.take(&done)
      takeOutcomes()
      note()
    }
    giveBack()
  }

  /// See `StorageDesk.writeUnattended`.
  func writeUnattended(notice: Int32) -> Int64? { storage.writeUnattended(notice: notice) }

  /// What the storage was given on a loop may be written.
  func settleUnattended() {
    if let outcome = storage.finishUnattended() { settleHere(outcome) }
  }

  // MARK: With the turn

  private func giveBack() {
    let told = posted
    posted.removeAll()
    turn.unlock()
    for desk in told { desk.tell() }
  }

  private var isDue: Bool { engine.nextWake.map { $0 <= clock().elapsed } ?? false }

  /// When the engine's thread has something to do though nobody asks.
  private func note() {
    mailbox.note(
      alarm: waiting.isEmpty || engine.isCongested ? engine.nextWake?.microseconds : 0,
      isBusy: engine.ticksInFlight > 0 || engine.waitsForRows || !waiting.isEmpty)
  }

  /// Hears what the storage has done, and runs one tick if there is something for it.
  private func goOn() {
    takeOutcomes()
    waiting.add(&batch)
    let takesMore = !waiting.isEmpty && !engine.isCongested
    if takesMore || isDue { tick(takesMore ? waiting.next(limits.commandsPerTick) : []) }
  }

  private func takeOutcomes() {
    for outcome in done { take(outcome) }
    done.removeAll(keepingCapacity: true)
  }

  private func tick(_ commands: [Command], isFollowed: Bool = false) {
    if mailbox.begin(commands.count) {
      for desk in desks { desk.loop.execute { desk.relieve() } }
    }
    pulse.beat(1)
    let start = WallClock.read(CLOCK_MONOTONIC)
    let decision = engine.decide(commands, now: clock())
    // Before the storage has it: an attempt is known before its start is stored.
    if let observer { tellAssignments(decision.effects, observer) }
    if let work = decision.work { storage.push(work, isPatient: decision.isPatient, isFollowed: isFollowed) }
    rows?.push(decision.reads)
    let end = WallClock.read(CLOCK_MONOTONIC)
    timings.withLock { $0.tick.record(Interval(microseconds: end - start)) }
    deliver(decision.effects)
    pulse.beat(0)
  }

  private func tellAssignments(_ effects: [Effect], _ observer: any JobObserver) {
    for effect in effects {
      switch effect {
      case .toWorker(_, let update): if !update.jobs.isEmpty { observer.assigned(update.jobs) }
      case .reply(_, .fetched(let jobs, _)): if !jobs.isEmpty { observer.assigned(jobs) }
      case .reply, .endSession: break
      }
    }
  }

  private func take(_ outcome: StorageDesk.Outcome) {
    let now = clock()
    switch outcome {
    case .stored(let ticket, let microseconds):
      let effects = engine.stored(through: ticket, now: now)
      mailbox.committed(answered: effects.count, microseconds: microseconds)
      timings.withLock { $0.commit.record(Interval(microseconds: microseconds)) }
      deliver(effects)
    case .failed(let error):
      if error.kind == .deposed { deposed?() }
      deliver(engine.failed(error, now: now))
    case .read(let reading, let answer):
      if case .failure(let error) = answer, error.kind == .deposed { deposed?() }
      deliver(engine.arrived(reading, answer, now: now))
    case .loaded(let failure):
      if failure?.kind == .deposed { deposed?() }
      let decision = engine.loaded(failure, now: now)
      if let work = decision.work { storage.push(work) }
      deliver(decision.effects)
    }
  }

  /// A loop that some are for is given all, and passes over those of others, since to copy them apart costs more.
  private func deliver(_ effects: [Effect]) {
    if effects.isEmpty { return }
    var isConcerned = Array(repeating: false, count: desks.count)
    for position in effects.indices {
      let loop = Int(effects[position].route.loop)
      if loop < isConcerned.count {
        isConcerned[loop] = true
      } else if case .reply(let route, let reply) = effects[position] {
        hear?(route.id, reply)
      }
    }
    for desk in desks where isConcerned[Int(desk.index)] && desk.post(effects) { posted.append(desk) }
  }
}
