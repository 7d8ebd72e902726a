import CPostgres
import Jobs

/// Rows that came back, in PostgreSQL's binary form. Owns the PGresult.
@safe final class PostgresResult {
  private let result: OpaquePointer
  let rows: Int

  /// - Parameter result: becomes ours.
  init(_ result: OpaquePointer) {
    unsafe self.result = result
    rows = unsafe Int(PQntuples(result))
  }

  deinit { unsafe PQclear(result) }

  /// What it says beside its rows.
  enum Status { case rows, aborted, sync, failed }

  var status: Status {
    switch unsafe PQresultStatus(result) {
    case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY: .rows
    case PGRES_PIPELINE_ABORTED: .aborted
    case PGRES_PIPELINE_SYNC: .sync
    default: .failed
    }
  }

  /// Of a failed one. - Parameter otherwise: what the connection says, when the server did not get to say anything.
  func failure(_ otherwise: String) -> PostgresFailure {
    guard let state = unsafe PQresultErrorField(result, Int32(UInt8(ascii: "C"))) else {
      return .connection(otherwise.isEmpty ? "the connection ended" : otherwise)
    }
    let message = unsafe PQresultErrorField(result, Int32(UInt8(ascii: "M")))
    return unsafe PostgresFailure(
      state: String(cString: state), message: message.map { unsafe String(cString: $0) } ?? otherwise)
  }

  func isNull(_ row: Int, _ column: Int) -> Bool { unsafe PQgetisnull(result, Int32(row), Int32(column)) != 0 }

  private func field(_ row: Int, _ column: Int) -> UnsafeRawBufferPointer {
    // The result lives as long as this object; no field of it outlives a call here.
    unsafe UnsafeRawBufferPointer(
      start: PQgetvalue(result, Int32(row), Int32(column)), count: Int(PQgetlength(result, Int32(row), Int32(column))))
  }

  private func integer<T: FixedWidthInteger & BitwiseCopyable>(_ row: Int, _ column: Int, _: T.Type) -> T {
    let field = unsafe field(row, column)
    // A value of another width means another statement than the one that was written for it.
    precondition(field.count == MemoryLayout<T>.size, "a column of another type")
    return unsafe T(bigEndian: field.loadUnaligned(as: T.self))
  }

  func int64(_ row: Int, _ column: Int) -> Int64 { integer(row, column, Int64.self) }
  func int32(_ row: Int, _ column: Int) -> Int32 { integer(row, column, Int32.self) }
  func int16(_ row: Int, _ column: Int) -> Int16 { integer(row, column, Int16.self) }
  func bool(_ row: Int, _ column: Int) -> Bool { integer(row, column, UInt8.self) != 0 }

  func string(_ row: Int, _ column: Int) -> String { unsafe String(decoding: field(row, column), as: UTF8.self) }
  func bytes(_ row: Int, _ column: Int) -> [UInt8] { unsafe [UInt8](field(row, column)) }

  /// The first column of every row.
  var strings: [String] { (0..<rows).map { string($0, 0) } }

  func optionalString(_ row: Int, _ column: Int) -> String? { isNull(row, column) ? nil : string(row, column) }
  func optionalBytes(_ row: Int, _ column: Int) -> [UInt8]? { isNull(row, column) ? nil : bytes(row, column) }

  func time(_ row: Int, _ column: Int) -> Timestamp { Timestamp(postgres: int64(row, column)) }
  func optionalTime(_ row: Int, _ column: Int) -> Timestamp? { isNull(row, column) ? nil : time(row, column) }

  /// Whether the text is `other`: costs no new string.
  func string(_ row: Int, _ column: Int, like other: String) -> String {
    let field = unsafe field(row, column)
    if unsafe other.utf8.count == field.count && other.utf8.elementsEqual(field) { return other }
    return unsafe String(decoding: field, as: UTF8.self)
  }
}

extension Timestamp {
  /// PostgreSQL counts microseconds from the year 2000.
  private static let epoch: Int64 = 946_684_800_000_000

  init(postgres: Int64) { self.init(microseconds: postgres &+ Self.epoch) }
  var postgres: Int64 { microseconds &- Self.epoch }
}
