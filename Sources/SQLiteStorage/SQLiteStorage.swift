import CAsyncIO
import Jobs

/// The embedded storage: one SQLite database in a folder of its own, for one server.
public final class SQLiteStorage: Storage {
  public let kind = "embedded"
  /// What was found wrong when the store was opened, in words for the log; how much was lost is in them where it can be known.
  public let openFindings: [String]

  let salt: UInt32
  private let catalogue = Catalogue()
  private let pool: SQLiteReader
  private let rowSource: SQLiteRows
  let overlay: Overlay
  let database: Guarded
  private let keeper: Held

  /// For the storage's thread; locked, so that nobody else can come in between.
  private struct Held: @unchecked Sendable {
    let lock = Condition()
    let keeper: Keeper
  }

  /// Opens the store in the folder `path`, or makes it.
  /// - Parameter salt: for tests; without it, random. Counts only when the store is made.
  /// - Throws: `.locked` when another process holds it, `.unusable` when what is there is not ours, damaged or newer.
  public static func open(
    path: String, retention: EventRetention = EventRetention(), salt: UInt32? = nil
  ) throws(StoreError) -> SQLiteStorage {
    try SQLiteStorage(
      path: path, retention: retention, salt: salt, bootID: Recovery.currentBoot(), logSize: LogSegment.size)
  }

  /// - Parameters:
  ///   - bootID: tests say that the machine was started anew.
  ///   - logSize: of each of the log's two files.
  init(
    path: String, retention: EventRetention, salt: UInt32?, bootID: Int64, logSize: Int64
  ) throws(StoreError) {
    let database = try Database(StoreDirectory(path: path), salt: salt, retention)
    let recovered = try Recovery.run(database, bootID: bootID, logSize: logSize)
    openFindings = recovered.findings
    self.salt = database.salt
    overlay = Overlay(durable: recovered.mark.applied)
    pool = SQLiteReader(path: database.path, salt: database.salt, catalogue, overlay)
    rowSource = SQLiteRows(path: database.path, salt: database.salt, catalogue, overlay)
    self.database = Guarded(database)
    keeper = Held(keeper: try Keeper(database, overlay, catalogue, recovered.mark, logSize))
    try Filler.start(overlay, self.database)
  }

  deinit { overlay.end(atOnce: true) }

  public var rows: any RowSource { rowSource }
  public var reader: any JobReader { pool }

  func locked<T>(_ body: (Keeper) throws(StoreError) -> T) throws(StoreError) -> T {
    keeper.lock.lock()
    defer { keeper.lock.unlock() }
    return try body(keeper.keeper)
  }

  public func beginEpoch() throws(StoreError) -> Epoch {
    try locked { keeper throws(StoreError) in try keeper.beginEpoch(database) }
  }

  public func load(_ epoch: Epoch, into loader: any StateLoader) throws(StoreError) {
    try locked { keeper throws(StoreError) in try keeper.load(epoch, database, into: loader) }
  }

  public func write(_ changes: [ChangeSet], epoch: Epoch) throws(StoreError) {
    try locked { keeper throws(StoreError) in try keeper.write(changes, epoch, database) }
  }

  public func sync() throws(StoreError) {
    try locked { keeper throws(StoreError) in try keeper.sync() }
  }

  public var unattended: (any UnattendedWriter)? { self }

  /// The thread that fills the database does it.
  public func tidy(now: Timestamp) throws(StoreError) -> Timestamp {
    overlay.tidy(at: now)
    if let failure = overlay.lastFailure { throw failure }
    return now + .seconds(1)
  }

  public func close() throws(StoreError) {
    overlay.end(atOnce: false)
    pool.close()
    rowSource.close()
    defer { try? database.locked { $0.directory.release() } }
    try locked { keeper throws(StoreError) in try keeper.close(database) }
  }
}

extension SQLiteStorage: UnattendedWriter {
  public func makeNotice() -> Int32 { async_io_notice() }

  public func begin(_ changes: [ChangeSet], epoch: Epoch, notice: Int32) -> Bool {
    // Whoever holds it may be waiting for the disk.
    guard keeper.lock.tryLock() else { return false }
    defer { keeper.lock.unlock() }
    return keeper.keeper.begin(changes, epoch, notice: notice)
  }

  public func finish(waits: Bool) -> UnattendedOutcome {
    keeper.lock.lock()
    defer { keeper.lock.unlock() }
    return keeper.keeper.finish(waits: waits)
  }
}
