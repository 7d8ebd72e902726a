import CSQLite
import Jobs
import Synchronization

/// The embedded storage: one SQLite database in a folder of its own, for one server.
public final class SQLiteStorage: Storage {
  public let kind = "embedded"
  /// What was found wrong when the store was opened, in words for the log; how much was lost is in them where it can be known.
  public let openFindings: [String]

  let salt: UInt32
  private let retention: EventRetention
  private let catalogue = Catalogue()
  private let pool: SQLiteReader
  private let rowSource: SQLiteRows
  /// For the storage's thread; locked, so that nobody else can come in between.
  private let database: Mutex<Database>

  /// Opens the store in the folder `path`, or makes it.
  /// - Parameter salt: for tests; without it, random. Counts only when the store is made.
  /// - Throws: `.locked` when another process holds it, `.unusable` when what is there is not ours, damaged or newer.
  public static func open(
    path: String, retention: EventRetention = EventRetention(), salt: UInt32? = nil
  ) throws(StoreError) -> SQLiteStorage {
    try SQLiteStorage(path: path, retention: retention, salt: salt)
  }

  private init(path: String, retention: EventRetention, salt: UInt32?) throws(StoreError) {
    let database = try Database(StoreDirectory(path: path), salt: salt)
    self.retention = retention
    self.salt = database.salt
    openFindings = database.findings
    pool = SQLiteReader(path: database.path, salt: database.salt, catalogue: catalogue)
    rowSource = SQLiteRows(path: database.path, salt: database.salt, catalogue: catalogue)
    self.database = Mutex(database)
  }

  public var rows: any RowSource { rowSource }
  public var reader: any JobReader { pool }

  /// Also for tests, which break what is stored.
  func locked<T: Sendable>(_ body: (Database) throws(StoreError) -> T) throws(StoreError) -> T {
    let result = database.withLock { database -> Result<T, StoreError> in
      do throws(StoreError) { return .success(try body(database)) } catch { return .failure(error) }
    }
    return try result.get()
  }

  public func beginEpoch() throws(StoreError) -> Epoch {
    try locked { database throws(StoreError) in try database.beginEpoch() }
  }

  public func load(_ epoch: Epoch, into loader: any StateLoader) throws(StoreError) {
    try locked { database throws(StoreError) in try database.load(epoch, catalogue, into: loader) }
  }

  public func write(_ changes: [ChangeSet], epoch: Epoch) throws(StoreError) {
    try locked { database throws(StoreError) in try database.write(changes, epoch, catalogue) }
  }

  public func sync() throws(StoreError) {
    try locked { database throws(StoreError) in try database.sync() }
  }

  public func tidy(now: Timestamp) throws(StoreError) -> Timestamp {
    try locked { database throws(StoreError) in try database.tidy(retention, now: now) }
  }

  public func close() throws(StoreError) {
    pool.close()
    rowSource.close()
    try locked { database throws(StoreError) in try database.close() }
  }
}
