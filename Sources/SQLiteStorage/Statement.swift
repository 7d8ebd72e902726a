import CSQLite
import Jobs

/// A prepared statement, reused for the life of its connection. Parameters count from 1, columns from 0, as in SQLite.
@safe final class Statement {
  private let connection: Connection
  private let handle: OpaquePointer
  private let sql: String

  init(_ connection: Connection, _ sql: String) throws(StoreError) {
    var handle: OpaquePointer?
    // The SQL is copied by SQLite; PERSISTENT keeps it out of the small-object cache.
    let code = unsafe sqlite3_prepare_v3(
      connection.handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &handle, nil)
    guard code == SQLITE_OK, let handle = unsafe handle else { throw connection.error(sql, code: code) }
    self.connection = connection
    unsafe self.handle = unsafe handle
    self.sql = sql
  }

  deinit {
    unsafe sqlite3_finalize(handle)
  }

  func bind(_ index: Int32, _ value: Int64) {
    // Cannot fail on a statement that is reset, with an index of its own SQL; the same below.
    unsafe sqlite3_bind_int64(handle, index, value)
  }

  func bindNull(_ index: Int32) {
    unsafe sqlite3_bind_null(handle, index)
  }

  func bind(_ index: Int32, _ text: String) {
    var text = text
    text.withUTF8 { bytes in
      // -1 (SQLITE_TRANSIENT): SQLite copies.
      let transient = unsafe unsafeBitCast(-1, to: sqlite3_destructor_type.self)
      unsafe bytes.withMemoryRebound(to: CChar.self) { chars in
        _ = unsafe sqlite3_bind_text(handle, index, chars.baseAddress, Int32(chars.count), transient)
      }
    }
  }

  /// The bytes must stay as they are until the statement is reset.
  func bind(_ index: Int32, _ bytes: borrowing ByteWriter) {
    unsafe sqlite3_bind_blob(handle, index, bytes.base, Int32(bytes.count), nil)
  }

  /// A part of them, which must stay as they are until the statement is reset; NULL if it is empty.
  func bind(_ index: Int32, _ bytes: borrowing ByteWriter, _ range: Range<Int>) {
    if range.isEmpty { return bindNull(index) }
    unsafe sqlite3_bind_blob(handle, index, bytes.base + range.lowerBound, Int32(range.count), nil)
  }

  /// Runs a statement that gives no rows, with `bytes` as one more parameter, and resets it.
  func run(_ index: Int32, _ bytes: [UInt8]) throws(StoreError) {
    let code = unsafe bytes.withUnsafeBytes { bytes -> Int32 in
      if unsafe bytes.isEmpty {
        unsafe sqlite3_bind_null(handle, index)
      } else {
        // Not copied: the array outlives the step.
        unsafe sqlite3_bind_blob(handle, index, bytes.baseAddress, Int32(bytes.count), nil)
      }
      return stepAndReset()
    }
    if code != SQLITE_DONE { throw connection.error(sql, code: code) }
  }

  /// Runs a statement that gives no rows and resets it.
  func run() throws(StoreError) {
    let code = stepAndReset()
    if code != SQLITE_DONE { throw connection.error(sql, code: code) }
  }

  private func stepAndReset() -> Int32 {
    let code = unsafe sqlite3_step(handle)
    unsafe sqlite3_reset(handle)
    return code
  }

  /// Whether there is a row. Reset after use.
  func step() throws(StoreError) -> Bool {
    let code = unsafe sqlite3_step(handle)
    switch code {
    case SQLITE_ROW: return true
    case SQLITE_DONE: return false
    default:
      let error = connection.error(sql, code: code)
      reset()
      throw error
    }
  }

  func reset() {
    unsafe sqlite3_reset(handle)
  }

  func integer(_ column: Int32) -> Int64 { unsafe sqlite3_column_int64(handle, column) }

  func isNull(_ column: Int32) -> Bool { unsafe sqlite3_column_type(handle, column) == SQLITE_NULL }

  func text(_ column: Int32) -> String {
    guard let bytes = unsafe sqlite3_column_blob(handle, column) else { return "" }
    let count = Int(unsafe sqlite3_column_bytes(handle, column))
    return unsafe String(decoding: UnsafeRawBufferPointer(start: bytes, count: count), as: UTF8.self)
  }

  func bytes(_ column: Int32) -> [UInt8] {
    guard let bytes = unsafe sqlite3_column_blob(handle, column) else { return [] }
    return unsafe [UInt8](UnsafeRawBufferPointer(start: bytes, count: Int(sqlite3_column_bytes(handle, column))))
  }

  /// Reads a column in place.
  func read<T>(_ column: Int32, _ body: (inout ByteReader) -> T) -> T {
    let base = unsafe sqlite3_column_blob(handle, column)
    let count = Int(unsafe sqlite3_column_bytes(handle, column))
    // Valid until the next step or reset, neither of which `body` can reach.
    var reader = unsafe ByteReader(UnsafeRawBufferPointer(start: base, count: base == nil ? 0 : count))
    return body(&reader)
  }
}
