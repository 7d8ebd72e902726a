import CAsyncIO
import Jobs

/// The embedded storage: one SQLite database in a folder of its own, for one server.
public final class SQLiteStorage: Storage {
  public let kind = "embedded"
  public let openFindings: [String]

  let salt: UInt32
  private let catalogue = Catalogue()
  private let pool: SQLiteReader
  private let rowSource: SQLiteRows
  let overlay: Overlay
  let database: Guarded
  private let held = Held()
  private let logSize: Int64

  /// For the storage's thread; locked, so that nobody else can come in between.
  private final class Held: @unchecked Sendable {
    let lock = Condition()
    /// nil: the store is still being opened, and may be refused. It is ours when its state is loaded, or something is to be written.
    var keeper: Keeper?
    /// Why it was refused.
    var refusal: StoreError?
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
    self.logSize = logSize
    let recovered = try Recovery.run(database, bootID: bootID, logSize: logSize)
    openFindings = recovered.findings
    self.salt = database.salt
    overlay = Overlay(durable: recovered.mark.applied)
    pool = SQLiteReader(path: database.path, salt: database.salt, catalogue, overlay)
    rowSource = SQLiteRows(path: database.path, salt: database.salt, catalogue, overlay)
    self.database = Guarded(database)
  }

  deinit { overlay.end(atOnce: true) }

  public var rows: any RowSource { rowSource }
  public var reader: any JobReader { pool }

  func locked<T>(_ body: (Keeper) throws(StoreError) -> T) throws(StoreError) -> T {
    held.lock.lock()
    defer { held.lock.unlock() }
    return try body(try takenOver())
  }

  /// With the lock held. From here on the store's files change.
  private func takenOver() throws(StoreError) -> Keeper {
    if let keeper = held.keeper { return keeper }
    if let refusal = held.refusal { throw refusal }
    let keeper = try database.locked { database throws(StoreError) in
      try database.takeOver()
      return try Keeper(database, overlay, catalogue, logSize)
    }
    try Filler.start(overlay, database)
    held.keeper = keeper
    return keeper
  }

  public func beginEpoch() throws(StoreError) -> Epoch {
    held.lock.lock()
    defer { held.lock.unlock() }
    if let keeper = held.keeper { return try keeper.beginEpoch(database) }
    return try database.locked { database throws(StoreError) in
      try database.beginEpoch(after: try database.epoch())
    }
  }

  public func load(_ epoch: Epoch, into loader: any StateLoader) throws(StoreError) {
    held.lock.lock()
    defer { held.lock.unlock() }
    if let keeper = held.keeper { return try keeper.load(epoch, database, into: loader) }
    if let refusal = held.refusal { throw refusal }
    try database.locked { database throws(StoreError) in
      guard epoch == (try database.epoch()) else { throw Keeper.deposed(database.directory) }
      do throws(StoreError) {
        try database.load(try database.mark(), catalogue, into: loader)
      } catch {
        held.refusal = error
        throw error
      }
    }
    // All of it could be read.
    _ = try takenOver()
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
    held.lock.lock()
    defer { held.lock.unlock() }
    try held.keeper?.look(database)
    return now + .seconds(1)
  }

  public func close() throws(StoreError) {
    held.lock.lock()
    defer { held.lock.unlock() }
    pool.close()
    rowSource.close()
    // What was refused is put back as it was when this object goes, and nobody else may have it before that.
    if held.refusal != nil { return }
    let keeper = try takenOver()
    overlay.end(atOnce: false)
    defer { try? database.locked { $0.directory.release() } }
    try keeper.close(database)
  }
}

extension SQLiteStorage: UnattendedWriter {
  public func makeNotice() -> Int32 { async_io_notice() }

  public func begin(_ changes: [ChangeSet], epoch: Epoch, notice: Int32) -> Bool {
    // Whoever holds it may be waiting for the disk.
    guard held.lock.tryLock() else { return false }
    defer { held.lock.unlock() }
    return held.keeper?.begin(changes, epoch, notice: notice) ?? false
  }

  public func finish(waits: Bool) -> UnattendedOutcome {
    held.lock.lock()
    defer { held.lock.unlock() }
    return held.keeper?.finish(waits: waits) ?? .notStored
  }
}
