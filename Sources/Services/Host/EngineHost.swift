import Glibc
import Backlog
public import Engine
public import Jobs
public import NIOCore
public import RPC
import Synchronization

/// Owns the engine's thread and the storage's: takes commands from all loops, hands the effects back to them.
public final class EngineHost: Sendable {
  let mailbox: Mailbox
  let reads: ReadPool
  /// One per loop of the group.
  let desks: [LoopDesk]
  let limits: HostLimits
  /// Of the engine's thread.
  public let pulse = Pulse("the engine", steps: ["waits for commands", "decides"])
  /// Worker streams that are open now.
  let sessions = Atomic<Int>(0)
  private let storage: StorageDesk
  /// nil: the engine reads rows itself, see `inline`.
  private let rows: RowsDesk?
  /// nil: the storage has no inbox.
  private let intake: IntakeDesk?
  private let configuration: EngineConfiguration
  fileprivate let turns: EngineTurns
  private let inquiries = Mutex(Inquiries())

  /// Who asks the engine without being a call.
  private struct Inquiries {
    var next: UInt64 = 1
    var waiting: [UInt64: @Sendable (Reply?) -> Void] = [:]
    var isClosed = false
    var ending: [CheckedContinuation<Result<Void, StoreError>, Never>] = []
    var ended: Result<Void, StoreError>?
  }

  /// The loop number of inquiries.
  private static let nobody = UInt32.max

  /// Begins an epoch of the storage and loads the state.
  /// - Parameters:
  ///   - storage: not to be used by the caller afterwards.
  ///   - seed: of the engine's randomness.
  ///   - group: every loop of it may carry calls.
  public convenience init(
    storage: any Storage, terms: StoreConfiguration = StoreConfiguration(), configuration: EngineConfiguration,
    seed: UInt64, group: any EventLoopGroup, limits: HostLimits = HostLimits(), zones: any TimeZoneSource = UTCOnly()
  ) throws(StoreError) {
    try self.init(
      storage: storage, reader: storage.reader, terms: terms, configuration: configuration, seed: seed, group: group,
      limits: limits, zones: zones)
  }

  /// Leads a storage that others may lead before and after: the epoch has begun, and the storage stays open at the end.
  /// - Parameter deposed: told, once or more, when a write was refused because another epoch has begun.
  public convenience init(
    storage: any Storage, epoch: Epoch, deposed: @escaping @Sendable () -> Void, terms: StoreConfiguration,
    configuration: EngineConfiguration, seed: UInt64, group: any EventLoopGroup, limits: HostLimits = HostLimits(),
    zones: any TimeZoneSource = UTCOnly()
  ) throws(StoreError) {
    try self.init(
      storage: storage, reader: storage.reader, terms: terms, configuration: configuration, seed: seed, group: group,
      limits: limits, zones: zones, term: (epoch, deposed))
  }

  /// - Parameters:
  ///   - reader: what the storage gives, or a test's.
  ///   - term: of a storage that is shared; nil: the storage is this host's alone.
  ///   - readsAside: rows are read on a thread of their own; else by whoever decides, for storages whose rows are in memory.
  init(
    storage: any Storage, reader: any JobReader, terms: StoreConfiguration = StoreConfiguration(),
    configuration: EngineConfiguration, seed: UInt64, group: any EventLoopGroup, limits: HostLimits,
    zones: any TimeZoneSource = UTCOnly(), term: (epoch: Epoch, deposed: @Sendable () -> Void)? = nil,
    clock: @escaping @Sendable () -> Moment = { EngineHost.moment() }, readsAside: Bool = true
  ) throws(StoreError) {
    self.limits = limits
    self.configuration = configuration
    mailbox = Mailbox(limits: limits)
    reads = ReadPool(reader: reader, limits: limits)
    let epoch = if let term { term.epoch } else { try storage.beginEpoch() }
    // One that leads by itself has nobody who could take over.
    let read: any RowSource = term == nil ? storage.rows : FencedRows(storage.rows, epoch)
    let shared = readsAside ? SharedRows(read) : nil
    rows = shared.map { RowsDesk(rows: $0) }
    let backlog = Backlog(rows: shared ?? read, terms: terms, seed: seed)
    backlog.readsAside = readsAside
    backlog.zones = zones
    try backlog.load(storage, epoch, now: clock())
    let engine = Engine(backlog: backlog, configuration: configuration, seed: seed, now: clock())
    self.storage = StorageDesk(storage: storage, epoch: epoch, closes: term == nil, clock: clock)
    turns = EngineTurns(
      engine: engine, mailbox: mailbox, storage: self.storage, rows: rows, limits: limits, pulse: pulse, clock: clock,
      deposed: term?.deposed)
    var desks: [LoopDesk] = []
    for loop in group.makeIterator() {
      desks.append(
        LoopDesk(loop: loop, index: UInt32(desks.count), mailbox: mailbox, reads: reads, turns: turns, clock: clock))
    }
    self.desks = desks
    intake = storage.inbox.map { IntakeDesk(inbox: $0) }
  }

  /// Wall clock time.
  public static func wallClock() -> Timestamp { Timestamp(microseconds: WallClock.read(CLOCK_REALTIME)) }

  /// A clock that nobody sets.
  static func steadyClock() -> Instant { Instant(microseconds: WallClock.read(CLOCK_MONOTONIC)) }

  static func moment() -> Moment { Moment(wall: wallClock(), elapsed: steadyClock()) }

  /// What is wrong with the storage; nil: it takes writes.
  public var storageTrouble: StoreError? { storage.trouble }

  /// Starts the threads. To be called once.
  /// - Parameter observer: told of jobs' steps, on the threads that decide and on the storage's.
  public func start(observer: (any JobObserver)? = nil) {
    let engine = turns.begin(desks, observer) { [self] id, reply in answer(id, reply) }
    let started =
      reads.start(threads: limits.readerThreads) { [self] answers in deliver(answers) }
      && rows?.start { [turns] in turns.settleHere(.read($0, $1)) } ?? true
      && storage.start(
        engine: engine, observer: observer, report: { [turns] in turns.settleHere($0) },
        ended: { [self] in end($0) })
      && Thread.start("engine") { [self] in
        turns.run()
        intake?.stop()
        rows?.close()
        storage.close()
      }
      && intake?.start { [self] items, answer in inquire({ .takeIn(items, $0) }, answer) } ?? true
    precondition(started, "no thread for the engine")
  }

  /// Lets the loops have small changes written while no thread waits for the disk, if the storage can do that.
  /// - Parameter watch: has a closure called on a loop whenever a descriptor can be read, after reading it. The descriptor is for it to close.
  public func writeUnattended(
    watch: (any EventLoop, _ descriptor: Int32, _ ready: @escaping @Sendable () -> Void) -> EventLoopFuture<Void>
  ) {
    guard let writer = storage.storage.unattended else { return }
    for desk in desks {
      let notice = writer.makeNotice()
      guard notice >= 0 else { continue }
      // One for the loop to read from, one for the storage: so that neither is ever another file's.
      let read = dup(notice)
      guard read >= 0 else {
        close(notice)
        continue
      }
      let watched = watch(desk.loop, read) { desk.wasWritten() }
      watched.whenSuccess { desk.loop.execute { desk.useUnattended(notice: notice) } }
      watched.whenFailure { _ in close(notice) }
    }
  }

  /// The desk of a call's loop.
  func desk(of call: any EventLoop) -> LoopDesk? {
    for desk in desks where desk.loop === call { return desk }
    return nil
  }

  /// Asks the engine's thread to show by its pulse that it lives. May go unheard while the thread is busy: to be repeated.
  public func knock() { mailbox.knock() }

  /// The engine takes no commands any more.
  public var hasStopped: Bool { inquiries.withLock { $0.isClosed } }

  // MARK: Without threads

  /// An engine that runs on its only loop, where its calls are, by a clock that somebody else moves: for tests of programs that use gKick.
  /// Time stands still unless it is moved, and nothing happens by itself.
  package static func inline(
    storage: any Storage, terms: StoreConfiguration, configuration: EngineConfiguration, seed: UInt64,
    loop: any EventLoop, clock: @escaping @Sendable () -> Moment, zones: any TimeZoneSource
  ) throws(StoreError) -> InlineEngine {
    let host = try EngineHost(
      storage: storage, reader: storage.reader, terms: terms, configuration: configuration, seed: seed, group: loop,
      limits: HostLimits(), zones: zones, clock: clock, readsAside: false)
    return InlineEngine(host)
  }

  /// - Parameter announce: called when there is something to settle.
  fileprivate func beginInline(_ announce: @escaping @Sendable () -> Void) {
    turns.beginInline(desks) { [weak self] id, reply in self?.answer(id, reply) }
    reads.startInline { [weak self] in self?.deliver($0) }
    mailbox.startInline(announce)
  }

  /// On a reader thread.
  fileprivate func deliver(_ answers: [(ReadAnswer, Route)]) {
    for desk in desks {
      let own = answers.filter { $0.1.loop == desk.index }
      if !own.isEmpty { desk.loop.execute { desk.carryOut(own) } }
    }
  }

  // MARK: Inquiries

  /// Asks the engine from outside the loops. nil: the engine has stopped.
  func ask(_ command: (Route) -> Command) async -> Reply? {
    await withCheckedContinuation { continuation in inquire(command) { continuation.resume(returning: $0) } }
  }

  /// The same; `hear` is called once, on any thread.
  package func inquire(_ command: (Route) -> Command, _ hear: @escaping @Sendable (Reply?) -> Void) {
    let id: UInt64? = inquiries.withLock {
      if $0.isClosed { return nil }
      $0.next += 1
      $0.waiting[$0.next] = hear
      return $0.next
    }
    guard let id else { return hear(nil) }
    if case .closed = mailbox.push(command(Route(loop: EngineHost.nobody, id: id)), size: 0, mustFit: true) {
      answer(id, nil)
    }
  }

  private func answer(_ id: UInt64, _ reply: Reply?) {
    inquiries.withLock { $0.waiting.removeValue(forKey: id) }?(reply)
  }

  private func end(_ result: Result<Void, StoreError>) {
    let (waiting, ending) = inquiries.withLock { inquiries in
      inquiries.isClosed = true
      inquiries.ended = result
      defer {
        inquiries.waiting = [:]
        inquiries.ending = []
      }
      return (Array(inquiries.waiting.values), inquiries.ending)
    }
    for hear in waiting { hear(nil) }
    for continuation in ending { continuation.resume(returning: result) }
  }

  /// nil when the engine has stopped.
  public func statistics() async -> HostStatistics? {
    guard case .statistics(let engine) = await ask({ .statistics($0) }) else { return nil }
    let timings = turns.figures
    let figures = mailbox.figures
    return HostStatistics(
      engine: engine, tick: timings.tick, commit: timings.commit, waitingCommands: figures.waiting,
      refusedCommands: figures.refused,
      failedReads: reads.failures)
  }

  /// For figures.
  /// - Parameter limit: no more than so many, those in which most happens.
  public func queues(limit: Int = .max) async throws(StoreError) -> [QueueView] {
    var query = QueueQuery(limit: limit)
    query.isByActivity = true
    switch await ask({ .queuePage(query, $0) }) {
    case .queues(let views): return views
    case .failed(let error): throw error
    default: throw StoreError(.unavailable, "the server is shutting down")
    }
  }

  /// The first limits and how they stand, for figures.
  public func limits() async -> [LimitView] {
    guard case .flow(.limits(let views, _)) = await ask({ .flow(.limits(after: nil, limit: 1_000), $0) }) else {
      return []
    }
    return views
  }

  /// The recurring jobs that came from a document become these: what is no longer in it goes.
  public func replaceRecurring(_ document: RecurringDocument) async throws(StoreError) {
    switch await ask({ .flow(.replaceRecurring(document), $0) }) {
    case .failed(let error): throw error
    case nil: throw StoreError(.unavailable, "the server is shutting down")
    default: break
    }
  }

  public func workers() async -> [WorkerView] {
    if case .workers(let views) = await ask({ .workers($0) }) { views } else { [] }
  }

  // MARK: The end

  /// Tells workers to finish, ends watchers and waiters; returns when no worker stream is left or `limit` has passed.
  public func drain(within limit: Duration) async {
    for desk in desks { desk.loop.execute { desk.drain() } }
    _ = await ask { .drain($0) }
    let end = ContinuousClock.now + limit
    while sessions.load(ordering: .relaxed) > 0, ContinuousClock.now < end {
      do { try await Task.sleep(for: .milliseconds(10)) } catch { return }
    }
  }

  /// Does what is in the mailbox, closes the storage with everything synced, and ends the threads.
  public func stop() async throws(StoreError) {
    reads.close()
    mailbox.close()
    let result = await withCheckedContinuation { continuation in
      let ended = inquiries.withLock {
        if $0.ended == nil { $0.ending.append(continuation) }
        return $0.ended
      }
      if let ended { continuation.resume(returning: ended) }
    }
    try result.get()
  }
}

/// See `EngineHost.inline`, which makes it of a host.
package final class InlineEngine: Sendable {
  package let host: EngineHost

  fileprivate init(_ host: EngineHost) {
    self.host = host
    let loop = host.desks[0].loop
    host.beginInline { [loop, weak self] in
      guard let engine = self else { return }
      loop.execute { engine.settle() }
    }
  }

  /// On the loop: all that was asked of the engine is done.
  package func settle() { host.turns.settle() }

  /// On the loop: when something is due next; nil: nothing is.
  package var nextWake: Instant? { host.turns.nextWake }

  /// When a rate lets more jobs start next; nil: none is held back by one.
  package var nextOpening: Timestamp? { host.turns.nextOpening }
}
