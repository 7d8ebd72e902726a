import CSQLite
import Jobs

/// One SQLite connection, used by one thread at a time. Owns the C object: its pointer leaves this file only to `Statement` and
/// `SyncGate`, which live no longer.
@safe final class Connection {
  let handle: OpaquePointer
  let path: String
  /// Goes after the connection is closed, see its init.
  var gate: SyncGate?
  /// Likewise.
  var undo: OpeningUndo?

  /// Once per process, before SQLite's first use; refused without harm when someone else was faster.
  private static let configured = csqlite_count_no_memory()

  init(path: String, readOnly: Bool) throws(StoreError) {
    _ = Self.configured
    var handle: OpaquePointer?
    let flags =
      (readOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE) | SQLITE_OPEN_NOMUTEX
      | SQLITE_OPEN_EXRESCODE
    // The handle is made even when opening fails, and then says why.
    let code = unsafe sqlite3_open_v2(path, &handle, flags, nil)
    guard let handle = unsafe handle else { throw StoreError(.full, "no memory to open \(path)") }
    unsafe self.handle = unsafe handle
    self.path = path
    guard code == SQLITE_OK else { throw error("open \(path)", code: code) }
    unsafe sqlite3_busy_timeout(handle, 5_000)
  }

  deinit {
    // Every statement holds its connection, so none is left by now; `gate` is released after this.
    unsafe sqlite3_close_v2(handle)
  }

  func execute(_ sql: String) throws(StoreError) {
    // SQL without parameters and rows that matter.
    let code = unsafe sqlite3_exec(handle, sql, nil, nil, nil)
    guard code == SQLITE_OK else { throw error(sql, code: code) }
  }

  /// The first column of the first row, nil without one.
  func integer(_ sql: String) throws(StoreError) -> Int64? {
    let statement = try Statement(self, sql)
    defer { statement.reset() }
    return try statement.step() ? statement.integer(0) : nil
  }

  func text(_ sql: String) throws(StoreError) -> String? {
    let statement = try Statement(self, sql)
    defer { statement.reset() }
    return try statement.step() ? statement.text(0) : nil
  }

  /// Ends a read transaction, which cannot fail in a way that matters.
  func end() {
    unsafe sqlite3_exec(handle, "COMMIT", nil, nil, nil)
  }

  /// A store that is refused is left as it is, so its log is not copied into it when the connection is closed.
  func leaveAsItIs() {
    var persists: Int32 = 1
    // Both take effect for this connection alone, whose handle is open.
    _ = unsafe sqlite3_file_control(handle, "main", SQLITE_FCNTL_PERSIST_WAL, &persists)
    _ = unsafe csqlite_copy_no_log_on_close(handle, 1)
  }

  /// It is ours: closing it may tidy up.
  func treatAsOurs() {
    var persists: Int32 = 0
    _ = unsafe sqlite3_file_control(handle, "main", SQLITE_FCNTL_PERSIST_WAL, &persists)
    _ = unsafe csqlite_copy_no_log_on_close(handle, 0)
  }

  var isInTransaction: Bool { unsafe sqlite3_get_autocommit(handle) == 0 }

  /// What went wrong, in the terms of a store.
  func error(_ doing: String, code: Int32) -> StoreError {
    // The message is the connection's own until its next call; copied here at once.
    let message = unsafe String(cString: sqlite3_errmsg(handle))
    let kind: StoreError.Kind =
      switch code & 0xFF {
      case SQLITE_FULL, SQLITE_NOMEM, SQLITE_TOOBIG: .full
      case SQLITE_CORRUPT, SQLITE_NOTADB, SQLITE_FORMAT, SQLITE_MISMATCH: .unusable
      default: .unavailable
      }
    if kind == .unusable {
      return StoreError(kind, "\(path) is not a gKick store, or it is damaged: \(message) (SQLite \(code))")
    }
    return StoreError(kind, "the embedded store \(path): \(message) (SQLite \(code)) in: \(doing.prefix(80))")
  }
}
