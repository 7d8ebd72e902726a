import CSQLite
import Glibc
import Jobs

/// What the storage's thread works with: the writing connection, the fence, and what to do when the disk fails.
final class Database {
  let salt: UInt32
  let findings: [String]
  let path: String
  private let directory: StoreDirectory
  private let connection: Connection
  private let gate: SyncGate
  private let writer: Writer
  private var epoch: Epoch
  /// As of the last change set written; nil: the last writing failed, so what is stored says it.
  private var mark: Mark?
  /// A sync failed: nothing says which part of the log is on disk.
  private var isBroken = false
  private var healedAt = -1.0
  private var checkpointAt = Database.pagesPerCheckpoint
  private var writtenAt = 0.0

  /// 8 MB: few enough to be copied in some ten milliseconds, enough that a page changed again and again is copied once.
  private static let pagesPerCheckpoint = 2_000
  /// How far ahead cursors are reserved: a write that has to be synced for it comes once in so many events.
  private static let cursorsReserved: Int64 = 100_000

  init(_ directory: StoreDirectory, salt: UInt32?) throws(StoreError) {
    path = directory.database
    self.directory = directory
    try Self.inspect(directory)
    let connection = try Connection(path: path, readOnly: false)
    connection.leaveAsItIs()
    let found = try Schema.check(connection, path: path)
    connection.treatAsOurs()
    // The page size counts only for a file that is made now.
    try connection.execute("PRAGMA page_size = 4096")
    guard try connection.text("PRAGMA journal_mode = WAL") == "wal" else {
      throw StoreError(.unusable, "\(path) cannot be used with a write-ahead log (a network file system?)")
    }
    try connection.execute("PRAGMA synchronous = FULL")
    try connection.execute("PRAGMA wal_autocheckpoint = 0")
    try connection.execute("PRAGMA journal_size_limit = 67108864")
    try connection.execute("PRAGMA cache_size = -16000")
    try connection.execute("PRAGMA temp_store = MEMORY")
    try connection.execute("PRAGMA foreign_keys = OFF")
    let made = (salt ?? UInt32.random(in: 0...UInt32.max)) & 0xFFF_FFFF
    try Schema.migrate(connection, from: found, path: path, salt: made)
    self.salt = try Loader.salt(connection)
    guard let gate = unsafe SyncGate(connection.handle) else {
      throw StoreError(.unusable, "this SQLite does not give access to its write-ahead log")
    }
    connection.gate = gate
    self.connection = connection
    self.gate = gate
    writer = try Writer(connection, salt: self.salt)
    epoch = Epoch(UInt32(truncatingIfNeeded: try connection.integer("SELECT value FROM meta WHERE key = 'epoch'") ?? 0))
    findings = []
    // What another life left in the log may never have been synced: now it is, in the database file.
    try settleLog()
  }

  /// Refuses what is not ours, or what has lost its database file, before anything is touched.
  private static func inspect(_ directory: StoreDirectory) throws(StoreError) {
    let path = directory.database
    let start = directory.start(of: "gkick.db", count: 100)
    if start.isEmpty {
      if directory.size(of: "gkick.db-wal") ?? 0 > 0 {
        throw StoreError(
          .unusable,
          "\(path) is \(directory.size(of: "gkick.db") == nil ? "missing" : "empty") beside its log gkick.db-wal: put it back from a "
            + "backup, or move the log away to begin anew")
      }
      return
    }
    guard start.count == 100, start.starts(with: Array("SQLite format 3\0".utf8)) else { throw Schema.foreign(path) }
    func word(_ place: Int) -> Int64 { start[place..<place + 4].reduce(0) { $0 << 8 | Int64($1) } }
    // Both are zero as long as the first transaction is in the log only.
    if word(68) != 0, word(68) != Schema.applicationID { throw Schema.foreign(path) }
    if word(60) > Schema.version { throw Schema.newer(path, word(60)) }
  }

  // MARK: Epochs and loading

  func beginEpoch() throws(StoreError) -> Epoch {
    try healIfBroken()
    let next = Epoch(epoch.number + 1)
    gate.skips = false
    do throws(StoreError) {
      try connection.execute("BEGIN IMMEDIATE")
      try connection.execute("INSERT OR REPLACE INTO meta(key, value) VALUES('epoch', \(next.number))")
      var mark = try writer.mark()
      mark.number = 0
      try Writer.put(mark, connection)
      try connection.execute("COMMIT")
      self.mark = mark
    } catch {
      writer.undo()
      isBroken = isBroken || error.kind == .unavailable
      throw error
    }
    epoch = next
    return next
  }

  func load(_ epoch: Epoch, _ catalogue: Catalogue, into loader: any StateLoader) throws(StoreError) {
    guard epoch == self.epoch else { throw deposed }
    try healIfBroken()
    let mark: Mark
    if let known = self.mark { mark = known } else { mark = try writer.mark() }
    var reading = Loader(connection)
    catalogue.take(try reading.load(mark, salt: salt, into: loader))
    self.mark = mark
  }

  private var deposed: StoreError { StoreError(.deposed, "the store \(path) is led by another: nothing was written") }

  // MARK: Writing

  func write(_ changes: [ChangeSet], _ epoch: Epoch, _ catalogue: Catalogue) throws(StoreError) {
    try healIfBroken()
    guard epoch == self.epoch, let mark else { throw deposed }
    var batch = Batch(from: mark)
    for change in changes {
      guard change.number == batch.mark.number + 1 else { throw deposed }
      batch.add(change) { catalogue.flags($0) }
    }
    var mustSync = changes.contains { $0.durability == .synced }
    if changes.allSatisfy(\.isEmpty), batch.mark.nextSeq == mark.nextSeq {
      // Nothing to write, but an earlier relaxed write may be what these change sets' answers rest on.
      if mustSync { try sync() }
      self.mark = batch.mark
      return
    }
    if batch.mark.lastCursor > batch.mark.reservedCursor {
      batch.reserveCursors(to: batch.mark.lastCursor + Self.cursorsReserved)
      mustSync = true
    }
    gate.skips = !mustSync
    do throws(StoreError) {
      try writer.write(batch)
    } catch {
      self.mark = nil
      isBroken = isBroken || error.kind == .unavailable
      throw error
    }
    self.mark = batch.mark
    catalogue.apply(batch.catalogued)
    writtenAt = Self.seconds()
    checkpointIfLarge()
  }

  func sync() throws(StoreError) {
    guard gate.isDirty else { return }
    let code = gate.sync()
    guard code == SQLITE_OK else {
      isBroken = true
      mark = nil
      throw connection.error("sync", code: code)
    }
  }

  /// After a failed sync nothing says which part of the log is on disk. Whatever is committed is written once more, into the database
  /// file, and only when that is synced the store goes on, with an empty log. Tried at most once a second.
  private func healIfBroken() throws(StoreError) {
    guard isBroken else { return }
    let now = Self.seconds()
    guard healedAt < 0 || now >= healedAt + 1 else {
      throw StoreError(.unavailable, "the embedded store could not write to its disk; trying again within a second")
    }
    healedAt = now
    try checkpoint(truncate: true)
    isBroken = false
    healedAt = -1
  }

  // MARK: Housekeeping

  func tidy(_ retention: EventRetention, now: Timestamp) throws(StoreError) -> Timestamp {
    try healIfBroken()
    guard let mark else { return now + .seconds(1) }
    gate.skips = true
    let next = try writer.trimEvents(retention, now: now, limit: 200, lastCursor: mark.lastCursor)
    // When nothing was written for a while the log is copied, so that the next busy time does not begin with that. The file stays as
    // large as it is: growing it again would cost each sync more.
    if gate.pagesInLog > 0, Self.seconds() >= writtenAt + 1 {
      if tryCheckpoint() { gate.pagesInLog = 0 }
      writtenAt = Self.seconds() + 9
    }
    return max(now, min(next, now + .seconds(1)))
  }

  private func checkpointIfLarge() {
    let pages = gate.pagesInLog
    if pages < checkpointAt { return }
    // Unless something was in the way the log begins anew with the next commit; else it is tried again a bit later.
    checkpointAt = tryCheckpoint() ? Self.pagesPerCheckpoint : pages + Self.pagesPerCheckpoint / 4
  }

  /// Whether all of the log was copied. That it was not is no failure of what was asked meanwhile: everything is in the log. But a
  /// failed sync breaks the store as in a commit.
  private func tryCheckpoint() -> Bool {
    do throws(StoreError) {
      return try checkpoint(truncate: false) == 0
    } catch {
      isBroken = isBroken || error.kind == .unavailable
      return false
    }
  }

  /// Copies the log into the database file and syncs that. With `truncate` the log is empty afterwards, or it throws.
  /// Returns the pages of the log that are not copied yet.
  @discardableResult
  private func checkpoint(truncate: Bool) throws(StoreError) -> Int {
    if checkpointFault != 0 { throw connection.error("checkpoint", code: checkpointFault) }
    var pages: Int32 = 0
    var copied: Int32 = 0
    gate.skips = false
    let code = unsafe sqlite3_wal_checkpoint_v2(
      connection.handle, "main", truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE, &pages, &copied)
    guard code == SQLITE_OK || !truncate && code == SQLITE_BUSY else {
      throw connection.error("checkpoint", code: code)
    }
    if truncate { gate.pagesInLog = 0 }
    return Int(pages - copied)
  }

  /// Brings the log into the database file and empties it; without the space for that, syncs it as it is.
  private func settleLog() throws(StoreError) {
    do throws(StoreError) {
      try checkpoint(truncate: true)
    } catch {
      guard error.kind == .full else { throw error }
      let code = gate.sync()
      if code != SQLITE_OK { throw connection.error("sync", code: code) }
    }
  }

  func close() throws(StoreError) {
    writer.undo()
    defer { directory.release() }
    try settleLog()
  }

  private static func seconds() -> Double {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  // MARK: For tests

  /// What copying the log gives instead of being done; 0: nothing.
  var checkpointFault: Int32 = 0

  /// Makes syncing or writing the log fail from now on; 0: no more.
  func injectFaults(sync: Int32 = 0, write: Int32 = 0) {
    gate.syncFault = sync
    gate.writeFault = write
  }

  func execute(_ sql: String) throws(StoreError) { try connection.execute(sql) }
}
