import CMariaDB
import Glibc
import Jobs

/// Rows that came back, as texts. Owns the MYSQL_RES.
@safe final class MySQLResult {
  private let result: UnsafeMutablePointer<MYSQL_RES>
  private var row: MYSQL_ROW?
  private var lengths: UnsafeMutablePointer<UInt>?

  init(_ result: UnsafeMutablePointer<MYSQL_RES>) { unsafe self.result = result }

  deinit { unsafe mysql_free_result(result) }

  var count: Int { unsafe Int(mysql_num_rows(result)) }

  /// Goes to the next row; false: there is none.
  func next() -> Bool {
    unsafe row = mysql_fetch_row(result)
    unsafe lengths = mysql_fetch_lengths(result)
    return unsafe row != nil
  }

  /// The last row's number in that column; the next row is the first again.
  func last(_ column: Int) -> Int64 {
    unsafe mysql_data_seek(result, UInt64(max(count, 1) - 1))
    defer { unsafe mysql_data_seek(result, 0) }
    return next() ? int(column) : 0
  }

  private func field(_ column: Int) -> UnsafeRawBufferPointer? {
    // Of the row that `next` went to: it stays until the next one.
    guard let row = unsafe row, let lengths = unsafe lengths, let start = unsafe row[column] else { return nil }
    return unsafe UnsafeRawBufferPointer(start: start, count: Int(lengths[column]))
  }

  func isNull(_ column: Int) -> Bool { unsafe field(column) == nil }

  func int(_ column: Int) -> Int64 {
    guard let field = unsafe field(column) else { return 0 }
    var value: UInt64 = 0
    var isNegative = false
    for index in field.indices {
      let byte = unsafe field[index]
      if byte == UInt8(ascii: "-") { isNegative = true } else { value = value &* 10 &+ UInt64(byte &- 48) }
    }
    return Int64(bitPattern: isNegative ? 0 &- value : value)
  }

  func string(_ column: Int) -> String {
    guard let field = unsafe field(column) else { return "" }
    return unsafe String(decoding: field, as: UTF8.self)
  }

  func string(_ column: Int, like other: String) -> String {
    guard let field = unsafe field(column) else { return "" }
    if unsafe other.utf8.count == field.count && other.utf8.elementsEqual(field) { return other }
    return unsafe String(decoding: field, as: UTF8.self)
  }

  func bytes(_ column: Int) -> [UInt8] {
    guard let field = unsafe field(column) else { return [] }
    return unsafe [UInt8](field)
  }

  func optionalBytes(_ column: Int) -> [UInt8]? { isNull(column) ? nil : bytes(column) }
  func time(_ column: Int) -> Timestamp { Timestamp(microseconds: int(column)) }
  func optionalTime(_ column: Int) -> Timestamp? { isNull(column) ? nil : time(column) }
}

/// One connection, used by one thread at a time. Owns the MYSQL.
@safe final class MySQLConnection {
  private let mysql: UnsafeMutablePointer<MYSQL>
  private(set) var isBroken = false

  /// Where the library's ways to sign in are (caching_sha2_password of MySQL 8 is one), if they came along with the executable, as in the Python
  /// wheel; nil: where the library itself looks for them.
  private static let plugins: String? = {
    var path = [UInt8](repeating: 0, count: 4096)
    let count = unsafe path.withUnsafeMutableBytes { bytes in
      guard let start = bytes.baseAddress else { return 0 }
      return unsafe readlink("/proc/self/exe", start, bytes.count)
    }
    guard count > 0, let slash = path[..<count].lastIndex(of: UInt8(ascii: "/")) else { return nil }
    let folder = String(decoding: path[..<slash], as: UTF8.self) + "/../lib/gkick/plugin"
    return unsafe access(folder, R_OK) == 0 ? folder : nil
  }()

  init(_ location: MySQLLocation, replyTimeout: Duration) throws(MySQLFailure) {
    guard let made = unsafe mysql_init(nil) else {
      throw MySQLFailure(number: MySQLFailure.connection, message: "no memory for a connection")
    }
    unsafe mysql = made
    var connectTimeout: UInt32 = 2
    var timeout = UInt32(clamping: replyTimeout.components.seconds)
    var verify: my_bool = location.verifiesServer ? 1 : 0
    var enforce: my_bool = 1
    // The library copies what it is given.
    _ = unsafe mysql_options(mysql, MYSQL_OPT_CONNECT_TIMEOUT, &connectTimeout)
    _ = unsafe mysql_options(mysql, MYSQL_OPT_READ_TIMEOUT, &timeout)
    _ = unsafe mysql_options(mysql, MYSQL_OPT_WRITE_TIMEOUT, &timeout)
    _ = unsafe mysql_options(mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4")
    if location.namesPort, location.socket == nil {
      var kind = MYSQL_PROTOCOL_TCP.rawValue
      _ = unsafe mysql_options(mysql, MYSQL_OPT_PROTOCOL, &kind)
    }
    if let plugins = Self.plugins { _ = unsafe mysql_options(mysql, MYSQL_PLUGIN_DIR, plugins) }
    if location.usesTLS {
      _ = unsafe mysql_options(mysql, MYSQL_OPT_SSL_ENFORCE, &enforce)
      _ = unsafe mysql_options(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify)
      if let file = location.certificates { _ = unsafe mysql_options(mysql, MYSQL_OPT_SSL_CA, file) }
    }
    let connected = unsafe mysql_real_connect(
      mysql, location.host, location.user, location.password, location.database, UInt32(location.port), location.socket,
      UInt(CLIENT_MULTI_STATEMENTS))
    guard unsafe connected != nil else { throw failure() }
  }

  deinit { unsafe mysql_close(mysql) }

  private func failure() -> MySQLFailure {
    let number = unsafe mysql_errno(mysql)
    let failure = unsafe MySQLFailure(
      number: number == 0 ? MySQLFailure.connection : number, message: String(cString: mysql_error(mysql)))
    if failure.endsConnection { isBroken = true }
    return failure
  }

  var id: Int64 { unsafe Int64(mysql_thread_id(mysql)) }

  /// Runs statements that are parted by semicolons, in one round trip; the rows of those that give rows. At the first error the rest is not
  /// run; what was begun stays begun.
  func run(_ text: [UInt8]) throws(MySQLFailure) -> [MySQLResult] {
    try send(text)
    return try answer()
  }

  /// The first half of `run`: the server works while this program does something else. Nothing else may be asked before `answer`.
  func send(_ text: [UInt8]) throws(MySQLFailure) {
    if isBroken { throw MySQLFailure(number: MySQLFailure.connection, message: "the connection is broken") }
    let code = unsafe text.withUnsafeBufferPointer { buffer in
      // The library reads `count` bytes.
      unsafe buffer.withMemoryRebound(to: CChar.self) { bytes in
        unsafe mysql_send_query(mysql, bytes.baseAddress, UInt(bytes.count))
      }
    }
    if code != 0 { throw failure() }
  }

  /// The second half.
  func answer() throws(MySQLFailure) -> [MySQLResult] {
    if unsafe mysql_read_query_result(mysql) != 0 { throw failure() }
    var results: [MySQLResult] = []
    while true {
      if let result = unsafe mysql_store_result(mysql) {
        unsafe results.append(MySQLResult(result))
      } else if unsafe mysql_field_count(mysql) != 0 {
        throw failure()
      }
      let more = unsafe mysql_next_result(mysql)
      if more < 0 { return results }
      if more > 0 { throw failure() }
    }
  }

  func run(_ text: String) throws(MySQLFailure) -> [MySQLResult] { try run(Array(text.utf8)) }
}
