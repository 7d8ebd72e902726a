import CSQLite
import Jobs

/// The writing connection with every statement that a tick needs, prepared once.
final class Database {
  let connection: Connection
  let gate: SyncGate

  /// For tests, see `SQLiteStore.injectCheckpointFault`.
  var checkpointFault: Int32 = 0

  let begin: Statement
  let commit: Statement
  let rollback: Statement
  /// New rows of `jobs` and rows of `states`, not yet written.
  let jobs: RowBuffer
  let states: RowBuffer
  let updateJob: Statement
  let updateHead: Statement
  let deleteJob: Statement
  let selectJob: Statement
  let selectHead: Statement
  let deleteState: Statement
  let selectState: Statement
  let insertID: Statement
  let deleteID: Statement
  let selectID: Statement
  let putUnique: Statement
  let deleteUnique: Statement
  let selectUnique: Statement
  let putEnds: Statement
  let setEnds: Statement
  let deleteEnds: Statement
  let selectEnds: Statement
  let insertEvents: Statement
  let deleteEvents: Statement
  let selectEvents: Statement
  let putQueue: Statement
  let deleteQueue: Statement
  let putMeta: Statement
  let selectFrom: Statement

  init(path: String) throws(StoreError) {
    let connection = try Connection(path: path, readOnly: false)
    let found = try Schema.check(connection, path: path)
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
    try Schema.migrate(connection, from: found)
    guard let gate = unsafe SyncGate(connection.handle) else {
      throw StoreError(.unusable, "this SQLite does not give access to its write-ahead log")
    }
    connection.gate = gate
    self.connection = connection
    self.gate = gate

    begin = try Statement(connection, "BEGIN IMMEDIATE")
    commit = try Statement(connection, "COMMIT")
    rollback = try Statement(connection, "ROLLBACK")
    // OR FAIL: what went before need not be undone, for the whole transaction will be.
    jobs = try RowBuffer(connection, insert: "INSERT OR FAIL INTO jobs(seq, head, body)", hasBody: true)
    states = try RowBuffer(connection, insert: "INSERT OR REPLACE INTO states(seq, rec)", hasBody: false)
    updateJob = try Statement(connection, "UPDATE jobs SET head = ?2, body = ?3 WHERE seq = ?1")
    updateHead = try Statement(connection, "UPDATE jobs SET head = ?2 WHERE seq = ?1")
    deleteJob = try Statement(connection, "DELETE FROM jobs WHERE seq = ?1")
    selectJob = try Statement(connection, "SELECT head, body FROM jobs WHERE seq = ?1")
    selectHead = try Statement(connection, "SELECT head FROM jobs WHERE seq = ?1")
    deleteState = try Statement(connection, "DELETE FROM states WHERE seq = ?1")
    selectState = try Statement(connection, "SELECT rec FROM states WHERE seq = ?1")
    insertID = try Statement(connection, "INSERT INTO ids(id, seq) VALUES(?1, ?2)")
    deleteID = try Statement(connection, "DELETE FROM ids WHERE id = ?1")
    selectID = try Statement(connection, "SELECT seq FROM ids WHERE id = ?1")
    putUnique = try Statement(
      connection, "INSERT OR REPLACE INTO uniques(queue, key, seq, until) VALUES(?1, ?2, ?3, ?4)")
    deleteUnique = try Statement(connection, "DELETE FROM uniques WHERE queue = ?1 AND key = ?2 AND seq = ?3")
    selectUnique = try Statement(connection, "SELECT seq, until FROM uniques WHERE queue = ?1 AND key = ?2")
    putEnds = try Statement(
      connection,
      """
      INSERT INTO ends(at, seqs) VALUES(?1, ?2)
      ON CONFLICT(at) DO UPDATE SET seqs = CAST(seqs || excluded.seqs AS BLOB)
      """)
    setEnds = try Statement(connection, "UPDATE ends SET seqs = ?2 WHERE at = ?1")
    deleteEnds = try Statement(connection, "DELETE FROM ends WHERE at = ?1")
    selectEnds = try Statement(connection, "SELECT at, seqs FROM ends ORDER BY at LIMIT 1")
    insertEvents = try Statement(connection, "INSERT INTO events(first, at, total, rec) VALUES(?1, ?2, ?3, ?4)")
    deleteEvents = try Statement(connection, "DELETE FROM events WHERE first < ?1")
    selectEvents = try Statement(connection, "SELECT first, at, total, length(rec) FROM events ORDER BY first LIMIT ?1")
    putQueue = try Statement(
      connection,
      "INSERT OR REPLACE INTO queues(name, paused, succeeded, failed, dead, ended) VALUES(?1, ?2, ?3, ?4, ?5, ?6)")
    deleteQueue = try Statement(connection, "DELETE FROM queues WHERE name = ?1")
    putMeta = try Statement(connection, "INSERT OR REPLACE INTO meta(key, value) VALUES(?1, ?2)")
    selectFrom = try Statement(
      connection,
      """
      SELECT jobs.seq, head, rec FROM jobs LEFT JOIN states ON states.seq = jobs.seq
      WHERE jobs.seq > ?1 ORDER BY jobs.seq LIMIT ?2
      """)
  }

  /// Before `jobs` or `states` are read or changed otherwise, and before a commit.
  func flush() throws(StoreError) {
    try jobs.flush()
    try states.flush()
  }

  func setMeta(_ key: String, _ value: Int64) throws(StoreError) {
    putMeta.bind(1, key)
    putMeta.bind(2, value)
    try putMeta.run()
  }

  func meta(_ key: String) throws(StoreError) -> Int64? {
    try connection.integer("SELECT value FROM meta WHERE key = '\(key)'")
  }

  /// Copies the log into the database file and syncs that. With `truncate` the log is empty afterwards, or it throws.
  /// Returns the pages of the log that are not copied yet.
  @discardableResult
  func checkpoint(truncate: Bool) throws(StoreError) -> Int {
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
}
