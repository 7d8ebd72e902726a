import CSQLite
import Glibc
public import Jobs

/// Copies an embedded store while its server goes on: one snapshot, read through a connection that cannot write.
public enum StoreBackup {
  /// How far a store that is begun from a backup goes ahead, so that it gives out no token and no cursor that the one it was taken from gave
  /// out afterwards.
  private static let epochsAhead: Int64 = 1_000
  private static let cursorsAhead: Int64 = 1_000_000

  /// All that was acknowledged when it began is in the copy: the database as it is, and what is only in the log yet. SQLite's own online backup begins anew
  /// with every write and so never ends on a busy store.
  /// - Parameters:
  ///   - path: the store's folder.
  ///   - file: where the copy goes; it must not be there. It is a database as the store's own, complete and synced: put it as `gkick.db` into
  ///     a folder of its own, and a server opens that.
  /// - Returns: its size in bytes.
  public static func copy(store path: String, to file: String) throws(StoreError) -> Int64 {
    let database = path + "/gkick.db"
    guard unsafe access(database, R_OK) == 0 else { throw StoreError(.unusable, "there is no store in \(path)") }
    guard unsafe access(file, F_OK) != 0 else { throw StoreError(.unusable, "\(file) is there already") }
    // Made with a name of its own first, so that what bears the file's name is whole.
    let part = file + ".part"
    _ = unsafe unlink(part)
    try make(part)
    do throws(StoreError) {
      let connection = try Connection(path: database, readOnly: true)
      guard try Schema.check(connection, path: database) == Schema.version else {
        throw StoreError(.unusable, "\(path) is of an older format: open it with this version first")
      }
      // Before the database is copied: what is in neither then is younger.
      let life = try Writer.mark(connection).life
      let log = Log.read(StoreDirectory(lookingAt: path), life: life, size: 0)
      let statement = try Statement(connection, "VACUUM INTO ?")
      statement.bind(1, part)
      _ = try statement.step()
      statement.reset()
      try close(part, life, log)
    } catch {
      _ = unsafe unlink(part)
      throw error
    }
    try sync(part)
    guard unsafe rename(part, file) == 0 else { throw failure("cannot rename \(part)") }
    var status = stat()
    // Fills the struct that it is given.
    guard unsafe stat(file, &status) == 0 else { throw failure("cannot read \(file)") }
    return Int64(status.st_size)
  }

  /// Makes of the copy of an open store a closed one, which needs no log.
  private static func close(_ file: String, _ life: UInt64, _ log: Log.Contents) throws(StoreError) {
    let copy = try Connection(path: file, readOnly: false)
    // It is synced as a whole.
    try copy.execute("PRAGMA synchronous = OFF")
    var mark = try Writer.mark(copy)
    // Another life has begun with all that was in this one's log.
    if !mark.isClosed, mark.life == life { try apply(log, to: copy, &mark) }
    mark.isClosed = true
    mark.lastCursor = max(mark.lastCursor, mark.reservedCursor) + cursorsAhead
    mark.reservedCursor = mark.lastCursor
    try copy.execute("BEGIN IMMEDIATE")
    try Writer.put(mark, copy)
    try copy.execute("UPDATE meta SET value = value + \(epochsAhead) WHERE key = 'epoch'")
    try copy.execute("COMMIT")
    // As a store keeps its own.
    _ = try copy.text("PRAGMA journal_mode = WAL")
  }

  /// - Parameter mark: how far the copy goes, and then does.
  private static func apply(_ log: Log.Contents, to copy: Connection, _ mark: inout Mark) throws(StoreError) {
    let salt = try Loader.salt(copy)
    let writer = try Writer(copy, salt: salt, EventRetention())
    _ = try copy.text("PRAGMA journal_mode = MEMORY")
    while let found = log.records[mark.applied + 1] {
      let batch = try Recovery.read(found, log, salt: salt) { seq throws(StoreError) in
        (try writer.head(seq), try writer.stored(seq))
      }
      guard let batch else { return }
      try writer.write(batch)
      mark = batch.mark
    }
  }

  /// Empty: SQLite fills a file that is there, and would make one that all may read.
  private static func make(_ file: String) throws(StoreError) {
    let descriptor = unsafe open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw failure("cannot make \(file)") }
    Glibc.close(descriptor)
  }

  private static func sync(_ file: String) throws(StoreError) {
    let descriptor = unsafe open(file, O_RDWR | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure("cannot open \(file)") }
    defer { Glibc.close(descriptor) }
    guard fsync(descriptor) == 0 else { throw failure("cannot sync \(file)") }
  }

  private static func failure(_ doing: String) -> StoreError {
    // The text belongs to the C library and is copied at once.
    StoreError(.unusable, "\(doing): \(unsafe String(cString: strerror(errno)))")
  }
}
