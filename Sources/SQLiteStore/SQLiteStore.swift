import CSQLite
import Jobs

/// The embedded store: one SQLite database in a folder of its own, for one server.
///
/// What was asked for is written once; where a job stands is a small row beside it; the order of what waits is in memory and
/// rebuilt at open. A tick is one transaction, synced when it holds something that is acknowledged as such.
public final class SQLiteStore: JobStore {
  public let kind = "embedded"

  let configuration: StoreConfiguration
  let salt: UInt32
  let directory: StoreDirectory
  let database: Database
  let memory: Memory
  let leases: LeaseBoard
  private let pool: SQLiteReader
  var writer = ByteWriter()

  // Of this tick.
  var events: EventLog
  /// Finished jobs and when they are forgotten, in the order in which they ended: runs of the same time are one row.
  var ends: [(at: Int64, seqs: [Int64])] = []
  /// The jobs enqueued in this tick, which need not be read again; by distance from the first. nil: changed since.
  var fresh: ContiguousArray<Live?> = []
  var firstFresh: Int64 = 0
  /// The tick acknowledges something, so a synced commit of it is synced.
  var acknowledges = false
  /// Rows with the highest seq may be gone.
  var hasForgotten = false

  var nextSeq: Int64 = 1
  private var seqAtCommit: Int64 = 1
  private var epoch: UInt64 = 0
  private var tokens: UInt64 = 0
  /// Someone chose an id that looks like ours, so those that are made are looked up.
  var hasLookalikes = false
  private var isBroken = false
  private var healedAt = Timestamp.distantPast
  /// Of the latest call, for what has no time of its own.
  private(set) var now: Timestamp
  private var checkpointAt = SQLiteStore.pagesPerCheckpoint
  /// The latest commit, or later when the log was looked at since.
  private var idleFrom: Timestamp

  /// Opens the store in the folder `path`, or makes it.
  /// - Parameter salt: for tests; without it, random. Counts only when the store is made.
  /// - Throws: `.locked` when another process holds it, `.unusable` when what is there is not ours, damaged or newer.
  public static func open(
    path: String, configuration: StoreConfiguration = StoreConfiguration(), now: Timestamp, salt: UInt32? = nil
  ) throws(StoreError) -> SQLiteStore {
    try SQLiteStore(path: path, configuration: configuration, now: now, salt: salt)
  }

  private init(path: String, configuration: StoreConfiguration, now: Timestamp, salt: UInt32?) throws(StoreError) {
    directory = try StoreDirectory(path: path)
    database = try Database(path: directory.database)
    memory = Memory()
    leases = LeaseBoard()
    self.configuration = configuration
    self.now = now
    idleFrom = now
    try database.connection.execute("BEGIN IMMEDIATE")
    if let stored = try database.meta("salt") {
      self.salt = UInt32(truncatingIfNeeded: stored)
    } else {
      self.salt = (salt ?? UInt32.random(in: 0...UInt32.max)) & 0xFFF_FFFF
      try database.setMeta("salt", Int64(self.salt))
    }
    events = EventLog(cursor: 0, total: 0, salt: self.salt)
    hasLookalikes = try database.meta("lookalikes") == 1
    pool = SQLiteReader(path: directory.database, salt: self.salt, leases: leases)
    epoch = UInt64(try database.meta("epoch") ?? 0)
    try nextEpoch()
    try load(now: now)
    try database.connection.execute("COMMIT")
    memory.commit()
    seqAtCommit = nextSeq
    // What another life left in the log may never have been synced: now it is, in the database file.
    try settleLog()
  }

  public var reader: any JobReader { pool }
  public var lastEventCursor: Int64 { events.committedCursor }

  // MARK: Ticks

  /// Call at the start of every verb that reads or writes.
  func begin(_ now: Timestamp) throws(StoreError) {
    self.now = now
    if isBroken { try heal(now) }
    if !database.connection.isInTransaction { try database.begin.run() }
  }

  public func record(_ events: [Event]) throws(StoreError) {
    for event in events { self.events.append(event, made: nil) }
  }

  public func commit(_ durability: Durability) throws(StoreError) -> [Event] {
    let mustSync = durability == .synced && acknowledges
    if events.isEmpty, !database.connection.isInTransaction {
      if mustSync, database.gate.isDirty { try sync() }
      finishTick()
      return []
    }
    try begin(now)
    try database.flush()
    try writeEnds()
    try writeQueues()
    if hasForgotten { try database.setMeta("seq", nextSeq) }
    try events.write(to: database)
    database.gate.skips = !mustSync
    do throws(StoreError) {
      try database.commit.run()
    } catch {
      isBroken = isBroken || error.kind == .unavailable
      throw error
    }
    // Nothing written, but an earlier relaxed commit may be what this tick's answers rest on.
    if mustSync, database.gate.isDirty { try sync() }
    let committed = events.commit()
    finishTick()
    idleFrom = now
    checkpointIfLarge()
    return committed
  }

  private func finishTick() {
    memory.commit()
    leases.publish()
    fresh.removeAll(keepingCapacity: fresh.count < 10_000)
    seqAtCommit = nextSeq
    acknowledges = false
    hasForgotten = false
  }

  public func rollback() {
    if database.connection.isInTransaction {
      do throws(StoreError) { try database.rollback.run() } catch { isBroken = true }
    }
    database.jobs.clear()
    database.states.clear()
    memory.rollback()
    leases.forget()
    events.rollback()
    ends.removeAll()
    fresh.removeAll()
    nextSeq = seqAtCommit
    acknowledges = false
    hasForgotten = false
  }

  public func sync() throws(StoreError) {
    guard database.gate.isDirty else { return }
    let code = database.gate.sync()
    guard code == SQLITE_OK else {
      isBroken = true
      throw database.connection.error("sync", code: code)
    }
  }

  /// After a failed sync nothing says which part of the log is on disk. Whatever is committed is written once more, into the database
  /// file, and only when that is synced the store goes on, with an empty log. Tried at most once a second.
  private func heal(_ now: Timestamp) throws(StoreError) {
    guard now >= healedAt + .seconds(1) || now < healedAt else {
      throw StoreError(.unavailable, "the embedded store could not write to its disk; trying again within a second")
    }
    healedAt = now
    try database.checkpoint(truncate: true)
    isBroken = false
  }

  public func close() throws(StoreError) {
    rollback()
    defer {
      pool.close()
      directory.release()
    }
    try settleLog()
  }

  // MARK: Tokens

  private func nextEpoch() throws(StoreError) {
    epoch += 1
    tokens = 0
    try database.setMeta("epoch", Int64(epoch))
  }

  /// The epoch is made durable before any of its tokens is given out, so a crash that forgets claims repeats none.
  func makeToken() throws(StoreError) -> UInt64 {
    if tokens == UInt64(UInt32.max) {
      try nextEpoch()
      // This commit has to be synced like an acknowledgement.
      acknowledges = true
    }
    tokens += 1
    return epoch << 32 | tokens
  }

  // MARK: Standing

  public var nextDue: Timestamp? { memory.nextDue }

  public func setPaused(_ paused: Bool, queue name: String, now: Timestamp) throws(StoreError) {
    guard isPaused(name) != paused else { return }
    try begin(now)
    acknowledges = true
    let queue = memory.queue(name)
    memory.touch(queue)
    queue.standing.isPaused = paused
    events.append(Event(kind: paused ? .queuePaused : .queueResumed, at: now, queue: name), made: nil)
  }

  public func isPaused(_ queue: String) -> Bool { memory.queues[queue]?.standing.isPaused ?? false }

  public func mayHaveReady(_ filter: ClaimFilter) -> Bool {
    func may(_ queue: Queue) -> Bool {
      if queue.standing.isPaused { return false }
      return filter.names.isEmpty ? !queue.active.isEmpty : queue.active.contains { filter.names.contains($0.name) }
    }
    return filter.queues.contains { pattern in
      pattern.isPrefix
        ? memory.active.contains { pattern.matches($0.name) && may($0) }
        : memory.queues[pattern.text].map(may) ?? false
    }
  }

  public func jobsAhead(of place: Place, queue: String) throws(StoreError) -> Int {
    var count = 0
    for lane in memory.queues[queue]?.active ?? [] {
      if lane.priority > place.priority {
        count += lane.order.count
      } else if lane.priority == place.priority {
        count += lane.order.rank(at: place.readyAt.microseconds, seq: place.seq)
      }
    }
    return count
  }

  public func idsAhead(of place: Place, queue: String, most: Int) throws(StoreError) -> [String] {
    var places: [Place] = []
    for lane in memory.queues[queue]?.active ?? [] where lane.priority >= place.priority {
      for entry in lane.order.first(most) {
        let one = Place(priority: lane.priority, readyAt: Timestamp(microseconds: entry.at), seq: entry.seq)
        if one < place { places.append(one) }
      }
    }
    return try places.sorted().prefix(most).map { (one) throws(StoreError) in try known(one.seq).head.job.id }
  }

  public func queues(now: Timestamp) throws(StoreError) -> [QueueStatistics] {
    memory.queues.values.filter { $0.standing.isWorthTelling }.map { queue in
      let standing = queue.standing
      var statistics = QueueStatistics(name: queue.name)
      statistics.paused = standing.isPaused
      statistics.ready = standing.ready
      statistics.scheduled = standing.scheduled
      statistics.running = standing.running
      statistics.dead = standing.dead
      statistics.succeededTotal = standing.succeeded
      statistics.failedTotal = standing.failed
      statistics.oldestReadyAt = queue.active.compactMap { $0.place?.readyAt }.min()
      return statistics
    }.sorted { $0.name < $1.name }
  }

  // MARK: The log

  /// 8 MB: few enough to be copied in some ten milliseconds, enough that a page changed again and again is copied once.
  private static let pagesPerCheckpoint = 2_000

  private func checkpointIfLarge() {
    let pages = database.gate.pagesInLog
    if pages < checkpointAt { return }
    // Unless something was in the way the log begins anew with the next commit; else it is tried again a bit later.
    checkpointAt = checkpoint() ? Self.pagesPerCheckpoint : pages + Self.pagesPerCheckpoint / 4
  }

  /// When nothing was committed for a while the log is copied, so that the next busy time does not begin with that. The file stays as
  /// large as it is: growing it again would cost each sync more.
  func checkpointWhenIdle(_ now: Timestamp) {
    guard database.gate.pagesInLog > 0, now >= idleFrom + .seconds(1), !database.connection.isInTransaction else {
      return
    }
    if checkpoint() { database.gate.pagesInLog = 0 }
    // Readers may have been in the way: not again for a while, unless there is a commit.
    idleFrom = now + .seconds(10)
  }

  /// Whether all of the log was copied. That it was not is no failure of what was asked meanwhile: everything is in the log. But a
  /// failed sync breaks the store as in a commit.
  private func checkpoint() -> Bool {
    do throws(StoreError) {
      return try database.checkpoint(truncate: false) == 0
    } catch {
      isBroken = isBroken || error.kind == .unavailable
      return false
    }
  }

  /// Brings the log into the database file and empties it; without the space for that, syncs it as it is.
  private func settleLog() throws(StoreError) {
    do throws(StoreError) {
      try database.checkpoint(truncate: true)
    } catch {
      guard error.kind == .full else { throw error }
      let code = database.gate.sync()
      if code != SQLITE_OK { throw database.connection.error("sync", code: code) }
    }
  }

  /// For tests: makes syncing or writing the log fail from now on; 0: no more.
  func injectFaults(sync: Int32 = 0, write: Int32 = 0) {
    database.gate.syncFault = sync
    database.gate.writeFault = write
  }

  /// For tests: what copying the log gives instead of being done; 0: nothing.
  func injectCheckpointFault(_ code: Int32) { database.checkpointFault = code }
}
