import CSQLite
import Glibc
import Jobs

/// The database itself: the writing connection and what is done with it, one thing at a time.
final class Database {
  let path: String
  let salt: UInt32
  let directory: StoreDirectory
  let connection: Connection
  private let writer: Writer
  private let gate: SyncGate
  private let retention: EventRetention
  private let undo: OpeningUndo
  /// All that was done since the store was opened is one transaction, see `takeOver`.
  private var isOpening = true

  /// 16 MB: few enough to be copied in some ten milliseconds, enough that a page changed again and again is copied once.
  private static let pagesPerCheckpoint = 4_000

  init(_ directory: StoreDirectory, salt: UInt32?, _ retention: EventRetention) throws(StoreError) {
    self.directory = directory
    self.retention = retention
    path = directory.database
    undo = OpeningUndo(directory)
    try Self.inspect(directory)
    directory.makeDatabase()
    let connection = try Connection(path: path, readOnly: false)
    connection.undo = undo
    connection.leaveAsItIs()
    let found = try Schema.check(connection, path: path)
    // The page size counts only for a file that is made now.
    try connection.execute("PRAGMA page_size = 4096")
    guard try connection.text("PRAGMA journal_mode = WAL") == "wal" else {
      throw StoreError(.unusable, "\(path) cannot be used with a write-ahead log (a network file system?)")
    }
    // Until the log of change sets is there each commit is synced by itself.
    try connection.execute("PRAGMA synchronous = FULL")
    try connection.execute("PRAGMA wal_autocheckpoint = 0")
    try connection.execute("PRAGMA journal_size_limit = 67108864")
    try connection.execute("PRAGMA cache_size = -16000")
    try connection.execute("PRAGMA temp_store = MEMORY")
    try connection.execute("PRAGMA foreign_keys = OFF")
    let made = (salt ?? UInt32.random(in: 0...UInt32.max)) & 0xFFF_FFFF
    try connection.execute("BEGIN IMMEDIATE")
    try Schema.migrate(connection, from: found, path: path, salt: made)
    self.salt = try Loader.salt(connection)
    guard let gate = unsafe SyncGate(connection.handle) else {
      throw StoreError(.unusable, "this SQLite does not give access to its write-ahead log")
    }
    connection.gate = gate
    self.connection = connection
    self.gate = gate
    writer = try Writer(connection, salt: self.salt, retention)
  }

  /// All of it could be read: the store is ours from now on. Until then nothing is committed, and a store that is found damaged on the way is left as it
  /// was, byte for byte.
  func takeOver() throws(StoreError) {
    guard isOpening else { return }
    try connection.execute("COMMIT")
    isOpening = false
    undo.forget()
    connection.treatAsOurs()
    try copyAll()
    directory.noteStore(salt)
  }

  /// Refuses what is not ours, or what has lost its database file, before anything is touched.
  private static func inspect(_ directory: StoreDirectory) throws(StoreError) {
    let path = directory.database
    let start = directory.start(of: "gkick.db", count: 100)
    if start.isEmpty {
      // The log's files are only made beside a database that is whole. SQLite makes its own, empty, before.
      let log = [Log.name(0), Log.name(1)].first { directory.size(of: $0) != nil }
      let beside = log ?? (directory.size(of: "gkick.db-wal") ?? 0 > 0 ? "gkick.db-wal" : nil)
      guard let beside else {
        guard directory.hadStore else { return }
        throw StoreError(
          .unusable,
          "\(path) and its logs are gone, and a store was here: put it back from a backup, or remove \(directory.path)/lock, too, to begin anew"
        )
      }
      let what = directory.size(of: "gkick.db") == nil ? "missing" : "empty"
      throw StoreError(
        .unusable,
        "\(path) is \(what) beside its log \(beside): put it back from a backup, or move all files away to begin anew")
    }
    guard start.count == 100, start.starts(with: Array("SQLite format 3\0".utf8)) else { throw Schema.foreign(path) }
    func word(_ place: Int) -> Int64 { start[place..<place + 4].reduce(0) { $0 << 8 | Int64($1) } }
    // Both are zero as long as the first transaction is in the log only.
    if word(68) != 0, word(68) != Schema.applicationID { throw Schema.foreign(path) }
    if word(60) > Schema.version { throw Schema.newer(path, word(60)) }
  }

  // MARK: The mark and epochs

  func mark() throws(StoreError) -> Mark { try writer.mark() }

  func put(_ mark: Mark) throws(StoreError) { try Writer.put(mark, connection) }

  func meta(_ key: String) throws(StoreError) -> Int64? {
    try connection.integer("SELECT value FROM meta WHERE key = '\(key)'")
  }

  func setMeta(_ key: String, _ value: Int64) throws(StoreError) {
    try connection.execute("INSERT OR REPLACE INTO meta(key, value) VALUES('\(key)', \(value))")
  }

  /// Begins an epoch, whose change sets count from 1, as part of a transaction.
  func beginEpoch(after epoch: Epoch) throws(StoreError) -> Epoch {
    let next = Epoch(epoch.number + 1)
    var mark = try mark()
    mark.number = 0
    try setMeta("epoch", Int64(next.number))
    try put(mark)
    return next
  }

  func epoch() throws(StoreError) -> Epoch { Epoch(UInt32(truncatingIfNeeded: try meta("epoch") ?? 0)) }

  /// One transaction that is in the database file, or at least synced in SQLite's log, when it returns.
  func durably(_ body: () throws(StoreError) -> Void) throws(StoreError) {
    do throws(StoreError) {
      try connection.execute("BEGIN IMMEDIATE")
      try body()
      try connection.execute("COMMIT")
    } catch {
      writer.undo()
      throw error
    }
    try copyAll()
  }

  private func copyAll() throws(StoreError) {
    do throws(StoreError) {
      try checkpoint(truncate: true)
    } catch {
      // Without the space to copy it the log is synced as it is.
      guard error.kind == .full else { throw error }
      let code = gate.sync()
      if code != SQLITE_OK { throw connection.error("sync", code: code) }
    }
  }

  func load(_ mark: Mark, _ catalogue: Catalogue, into loader: any StateLoader) throws(StoreError) {
    var reading = Loader(connection)
    catalogue.take(try reading.load(mark, salt: salt, into: loader))
  }

  // MARK: Filling

  func apply(_ batch: borrowing Batch) throws(StoreError) {
    if applyFault != 0 { throw connection.error("apply", code: applyFault) }
    gate.skips = true
    try writer.write(batch)
  }

  /// What the rows of a job are, for a batch that was read back.
  func stored(_ seq: Int64) throws(StoreError) -> (JobHead, JobFlags) {
    (try writer.head(seq), try writer.stored(seq))
  }

  func trimEvents(now: Timestamp) throws(StoreError) {
    gate.skips = true
    let last = try mark().lastCursor
    for _ in 0..<20 where try writer.trimEvents(retention, now: now, limit: 200, lastCursor: last) <= now {}
  }

  var isDueForCheckpoint: Bool { gate.pagesInLog >= Self.pagesPerCheckpoint }
  var hasUncopied: Bool { gate.pagesInLog > 0 }

  /// Copies SQLite's log into the database file and syncs that. Returns whether all of it was copied. With `truncate` the log is empty
  /// afterwards, or it throws.
  @discardableResult
  func checkpoint(truncate: Bool) throws(StoreError) -> Bool {
    if checkpointFault != 0 { throw connection.error("checkpoint", code: checkpointFault) }
    var pages: Int32 = 0
    var copied: Int32 = 0
    gate.skips = false
    let code = unsafe sqlite3_wal_checkpoint_v2(
      connection.handle, "main", truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE, &pages, &copied)
    guard code == SQLITE_OK || !truncate && code == SQLITE_BUSY else {
      throw connection.error("checkpoint", code: code)
    }
    if truncate || pages == copied { gate.pagesInLog = 0 }
    return pages == copied
  }

  /// Gives back the memory of pages that SQLite keeps, as far as nothing is to be written from them: they are read again when they are wanted.
  func forgetPages() { unsafe sqlite3_db_release_memory(connection.handle) }

  /// For tests: what copying SQLite's log, or applying a batch, gives instead of being done; 0: nothing.
  var checkpointFault: Int32 = 0
  var applyFault: Int32 = 0

  func execute(_ sql: String) throws(StoreError) { try connection.execute(sql) }
}
