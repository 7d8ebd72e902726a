import Jobs
import Synchronization

/// Remembers nothing beyond the process: for tests and the testing product.
///
/// Several servers may share one object: it fences like any other storage.
public final class MemoryStorage: Storage {
  public let kind = "memory"
  let salt: UInt32
  let retention: EventRetention
  private let tables: Mutex<Tables>
  private let servers: MemoryLeadership?

  /// Where servers agree who leads, when several share this object.
  public var leadership: (any Leadership)? { servers.map { SharedLeadership($0, self) } }

  /// - Parameters:
  ///   - remembersUnsynced: whether `losePower` can take back what was not synced, which costs a note per change.
  ///   - firstEpoch: the number of the first epoch.
  ///   - clock: tells spans, for servers that agree through this object who leads; nil: it is led by whoever begins an epoch.
  public init(
    retention: EventRetention = EventRetention(), salt: UInt32? = nil, remembersUnsynced: Bool = false,
    firstEpoch: UInt32 = 1, clock: (@Sendable () -> Timestamp)? = nil
  ) {
    let salt = (salt ?? UInt32.random(in: 0...UInt32.max)) & 0xFFF_FFFF
    self.salt = salt
    self.retention = retention
    servers = clock.map { MemoryLeadership(clock: $0, secret: salt) }
    tables = Mutex(Tables(remembersUnsynced: remembersUnsynced, before: Epoch(firstEpoch - 1)))
  }

  public func beginEpoch() throws(StoreError) -> Epoch { nextEpoch() }

  func nextEpoch() -> Epoch { tables.withLock { $0.beginEpoch() } }

  public func load(_ epoch: Epoch, into loader: any StateLoader) throws(StoreError) {
    // The loader is called outside of the lock: it may take its time.
    let (found, isDeposed) = tables.withLock { ($0.loaded(), $0.epoch != epoch) }
    if isDeposed { throw Self.deposed }
    found.give(to: loader, salt: salt)
  }

  public func write(_ changes: [ChangeSet], epoch: Epoch) throws(StoreError) {
    let isWritten = tables.withLock { tables in
      guard tables.admits(changes, epoch) else { return false }
      for change in changes { tables.apply(change) }
      if changes.contains(where: { $0.durability == .synced }) { tables.sync() }
      return true
    }
    if !isWritten { throw Self.deposed }
  }

  public func sync() throws(StoreError) { tables.withLock { $0.sync() } }

  public func tidy(now: Timestamp) throws(StoreError) -> Timestamp {
    tables.withLock { $0.trimEvents(retention, now: now) }
    return now + .seconds(60)
  }

  public var rows: any RowSource { MemoryRows(self) }
  public var reader: any JobReader { MemoryReader(self) }

  public func close() throws(StoreError) {}

  /// As after a power failure: what was written but not synced is gone.
  /// - Returns: the cursors of the events that are gone; nil: none.
  @discardableResult
  public func losePower() -> ClosedRange<Int64>? { tables.withLock { $0.losePower() } }

  /// For tests: the stored body of the job is no longer what was written.
  public func damageBody(seq: Int64) { tables.withLock { $0.rows[seq]?.isDamaged = true } }

  func read<T: Sendable>(_ body: (inout Tables) -> T) -> T { tables.withLock { body(&$0) } }

  static let deposed = StoreError(.deposed, "another server leads by now: nothing was written")
}

/// Rows for the engine.
private final class MemoryRows: RowSource {
  private let storage: MemoryStorage

  init(_ storage: MemoryStorage) { self.storage = storage }

  func check(_ epoch: Epoch) throws(StoreError) {
    if storage.read({ $0.epoch != epoch }) { throw MemoryStorage.deposed }
  }

  func jobs(_ seqs: [Int64], bodies: Bool) throws(StoreError) -> [StoredJob?] {
    storage.read { tables in seqs.map { seq in tables.rows[seq].map { bodies ? $0 : $0.withoutBody } } }
  }

  func jobs(ids: [String]) throws(StoreError) -> [StoredJob?] {
    storage.read { tables in ids.map { id in tables.chosen[id].flatMap { tables.rows[$0] }?.withoutBody } }
  }

  func expired(by time: Timestamp, limit: Int) throws(StoreError) -> (jobs: [StoredJob], next: Timestamp?) {
    storage.read { $0.expired(by: time, limit: limit) }
  }

  func jobs(matching query: JobQuery) throws(StoreError) -> (jobs: [StoredJob], next: Int64?) {
    let found = storage.read { $0.matching(query) }
    return (found.jobs.map(\.decisive), found.next)
  }
}

extension StoredJob {
  fileprivate var withoutBody: StoredJob {
    var job = self
    job.body = []
    return job
  }

  /// What decides, nothing that is only carried.
  var decisive: StoredJob {
    var job = withoutBody
    job.carried = .nothing
    return job
  }
}

private final class MemoryReader: JobReader {
  private let storage: MemoryStorage

  init(_ storage: MemoryStorage) { self.storage = storage }

  func job(id: String) throws(StoreError) -> JobRecord? {
    let salt = storage.salt
    return storage.read { tables in
      if let seq = JobID.seq(of: id, salt: salt), let job = tables.rows[seq], job.head.job.id == id {
        return job.record
      }
      return tables.chosen[id].flatMap { tables.rows[$0] }?.record
    }
  }

  func jobs(_ query: JobQuery) throws(StoreError) -> JobPage {
    let found = storage.read { $0.matching(query) }
    return JobPage(jobs: found.jobs.map(\.record), next: found.next)
  }

  func events(after cursor: Int64, limit: Int) throws(StoreError) -> EventPage {
    storage.read { $0.events(after: cursor, limit: limit) }
  }
}
