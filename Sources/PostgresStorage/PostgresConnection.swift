import CPostgres
import Glibc
import Jobs

/// What is asked of PostgreSQL: one statement and its parameters. Prepared at its first use on a connection.
struct PostgresCall {
  var statement: PostgresStatement
  var values: [PostgresValue] = []

  init(_ statement: PostgresStatement, _ values: [PostgresValue] = []) {
    self.statement = statement
    self.values = values
  }
}

struct PostgresStatement: Sendable {
  let name: String
  let text: String
}

/// One connection, used by one thread at a time. Owns the PGconn.
///
/// What is asked in one `run` goes out together and is one transaction: PostgreSQL commits at the end of what was sent in a pipeline, or
/// undoes all of it at the first error.
@safe final class PostgresConnection {
  private let connection: OpaquePointer
  private var prepared: Set<String> = []
  private let timeout: Duration
  private(set) var isBroken = false

  /// - Parameter keywords: as libpq knows them.
  init(_ keywords: [(String, String)], replyTimeout: Duration) throws(PostgresFailure) {
    timeout = replyTimeout
    guard let made = unsafe Self.connect(keywords) else { throw .connection("no memory for a connection") }
    unsafe connection = made
    guard unsafe PQstatus(made) == CONNECTION_OK, unsafe PQsetnonblocking(made, 1) == 0 else {
      throw .connection(lastMessage)
    }
  }

  deinit { unsafe PQfinish(connection) }

  /// Tries one host after the other; no more than the time-out that stands among the keywords for each. libpq measures it by the clock that people
  /// may set: an attempt that failed while it was set is made once more.
  private static func connect(_ keywords: [(String, String)]) -> OpaquePointer? {
    let before = clocksDiffer()
    let made = unsafe lend(keywords) { names, values in unsafe PQconnectdbParams(names, values, 0) }
    guard unsafe made != nil, unsafe PQstatus(made) != CONNECTION_OK, abs(clocksDiffer() - before) > 0.5 else {
      return unsafe made
    }
    unsafe PQfinish(made)
    return unsafe lend(keywords) { names, values in unsafe PQconnectdbParams(names, values, 0) }
  }

  /// By how many seconds the clock that people may set is ahead of the one that only runs.
  private static func clocksDiffer() -> Double {
    func seconds(_ clock: clockid_t) -> Double {
      var time = timespec()
      unsafe clock_gettime(clock, &time)
      return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
    return seconds(CLOCK_REALTIME) - seconds(CLOCK_MONOTONIC)
  }

  /// The keywords as libpq takes them: both lists end with nil, and it copies what it needs.
  private static func lend(
    _ keywords: [(String, String)],
    _ body: (UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<UnsafePointer<CChar>?>?) -> OpaquePointer?
  ) -> OpaquePointer? {
    var names: [UnsafeMutablePointer<CChar>?] = unsafe keywords.map { unsafe strdup($0.0) }
    var values: [UnsafeMutablePointer<CChar>?] = unsafe keywords.map { unsafe strdup($0.1) }
    unsafe names.append(nil)
    unsafe values.append(nil)
    defer {
      for index in unsafe names.indices { unsafe free(names[index]) }
      for index in unsafe values.indices { unsafe free(values[index]) }
    }
    return unsafe names.withUnsafeBufferPointer { names in
      unsafe values.withUnsafeBufferPointer { values in
        unsafe names.withMemoryRebound(to: UnsafePointer<CChar>?.self) { names in
          unsafe values.withMemoryRebound(to: UnsafePointer<CChar>?.self) { values in
            unsafe body(names.baseAddress, values.baseAddress)
          }
        }
      }
    }
  }

  /// Why a server refuses connections, with its code, by one more attempt that is given a second. libpq tells the code of a refused connection
  /// in the text alone, and only when it was told to say much before it connects.
  /// - Returns: nil: it does not say, or does not refuse now.
  static func refusal(_ keywords: [(String, String)]) -> PostgresFailure? {
    let made = unsafe Self.lend(keywords) { names, values in unsafe PQconnectStartParams(names, values, 0) }
    guard let made = unsafe made else { return nil }
    defer { unsafe PQfinish(made) }
    unsafe PQsetErrorVerbosity(made, PQERRORS_VERBOSE)
    let deadline = ContinuousClock.now + .seconds(1)
    // As libpq's documents say: wait for writing first, then for what it asks for.
    var events = Int16(POLLOUT)
    while ContinuousClock.now < deadline {
      var descriptor = unsafe pollfd(fd: PQsocket(made), events: events, revents: 0)
      if unsafe poll(&descriptor, 1, 50) == 0 { continue }
      switch unsafe PQconnectPoll(made) {
      case PGRES_POLLING_READING: events = Int16(POLLIN)
      case PGRES_POLLING_WRITING: events = Int16(POLLOUT)
      case PGRES_POLLING_FAILED: return PostgresFailure(refusal: unsafe String(cString: PQerrorMessage(made)))
      default: return nil
      }
    }
    return nil
  }

  private var lastMessage: String {
    let text = unsafe String(cString: PQerrorMessage(connection))
    return text.split(whereSeparator: \.isNewline).joined(separator: "; ")
  }

  /// A setting that the server told by itself, e.g. "server_encoding".
  func parameter(_ name: String) -> String {
    guard let text = unsafe PQparameterStatus(connection, name) else { return "" }
    return unsafe String(cString: text)
  }

  var serverVersion: Int { unsafe Int(PQserverVersion(connection)) }
  var backendPID: Int32 { unsafe PQbackendPID(connection) }

  private func wait(_ events: Int16, until deadline: ContinuousClock.Instant, _ text: String) throws(PostgresFailure) {
    while true {
      var descriptor = unsafe pollfd(fd: PQsocket(connection), events: events, revents: 0)
      let left = ContinuousClock.now.duration(to: deadline)
      if left <= .zero { throw broken(text) }
      let (seconds, fraction) = left.components
      let milliseconds = min(seconds, 3_600) * 1_000 + fraction / 1_000_000_000_000_000 + 1
      let count = unsafe poll(&descriptor, 1, Int32(milliseconds))
      if count > 0 { return }
      if count < 0, errno != EINTR { throw broken("poll: \(errno)") }
    }
  }

  private func broken(_ message: String) -> PostgresFailure {
    isBroken = true
    return .connection(message)
  }

  // MARK: Asking

  /// Runs the calls in one round trip and one transaction.
  func run(_ calls: [PostgresCall]) throws(PostgresFailure) -> [PostgresResult] {
    if isBroken { throw .connection("the connection is broken") }
    let deadline = ContinuousClock.now + timeout
    guard unsafe PQenterPipelineMode(connection) == 1 else { throw broken(lastMessage) }
    // For each answer that comes: the name of the statement that it says is prepared; nil: it is that of a call.
    var expected: [String?] = []
    var fresh: Set<String> = []
    for call in calls {
      if !prepared.contains(call.statement.name), !fresh.contains(call.statement.name) {
        guard unsafe PQsendPrepare(connection, call.statement.name, call.statement.text, 0, nil) == 1 else {
          throw broken(lastMessage)
        }
        fresh.insert(call.statement.name)
        expected.append(call.statement.name)
      }
      guard send(call) else { throw broken(lastMessage) }
      expected.append(nil)
    }
    guard unsafe PQpipelineSync(connection) == 1 else { throw broken(lastMessage) }

    var results: [PostgresResult] = []
    var failure: PostgresFailure?
    for name in expected {
      guard let result = try next(deadline) else { throw broken("an answer is missing") }
      switch result.status {
      case .rows:
        // Stays prepared, also when what follows fails and is undone.
        if let name { prepared.insert(name) } else { results.append(result) }
      case .aborted: break
      case .failed, .sync: failure = failure ?? result.failure(lastMessage)
      }
      // Each answer ends with none.
      if try next(deadline) != nil { throw broken("one answer too many") }
    }
    guard let sync = try next(deadline) else { throw broken(lastMessage) }
    if sync.status != .sync { failure = failure ?? sync.failure(lastMessage) }
    if let failure {
      if failure.endsConnection {
        isBroken = true
      } else if unsafe PQexitPipelineMode(connection) != 1 {
        isBroken = true
      }
      throw failure
    }
    guard unsafe PQexitPipelineMode(connection) == 1 else { throw broken(lastMessage) }
    return results
  }

  private func send(_ call: PostgresCall) -> Bool {
    let count = call.values.count
    let bytes = call.values.map { $0.bytes ?? [] }
    return withExtendedLifetime(bytes) {
      unsafe withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: max(1, count)) { pointers in
        unsafe withUnsafeTemporaryAllocation(of: CInt.self, capacity: max(1, count)) { lengths in
          unsafe withUnsafeTemporaryAllocation(of: CInt.self, capacity: max(1, count)) { formats in
            unsafe Self.fill(call.values, bytes, 0, pointers, lengths, formats) {
              // libpq copies the parameters before it returns.
              unsafe PQsendQueryPrepared(
                connection, call.statement.name, CInt(count), pointers.baseAddress, lengths.baseAddress,
                formats.baseAddress, 1) == 1
            }
          }
        }
      }
    }
  }

  /// Sets the addresses of all parameters while their arrays cannot move, then calls `body`.
  private static func fill(
    _ values: [PostgresValue], _ bytes: [[UInt8]], _ index: Int,
    _ pointers: UnsafeMutableBufferPointer<UnsafePointer<CChar>?>, _ lengths: UnsafeMutableBufferPointer<CInt>,
    _ formats: UnsafeMutableBufferPointer<CInt>, _ body: () -> Bool
  ) -> Bool {
    if index == values.count { return body() }
    return unsafe bytes[index].withUnsafeBufferPointer { buffer in
      // An empty one has an address all the same: without one it would be NULL.
      let address = if let start = buffer.baseAddress { unsafe UnsafeRawPointer(start) } else { unsafe Self.nothing }
      unsafe pointers[index] = values[index].bytes == nil ? nil : address.assumingMemoryBound(to: CChar.self)
      unsafe lengths[index] = CInt(buffer.count)
      unsafe formats[index] = 1
      return unsafe Self.fill(values, bytes, index + 1, pointers, lengths, formats, body)
    }
  }

  // One byte that is never read.
  private nonisolated(unsafe) static let nothing = UnsafeRawPointer(
    UnsafeMutableRawPointer.allocate(byteCount: 1, alignment: 1))

  /// The next result; nil: the end of an answer.
  private func next(_ deadline: ContinuousClock.Instant) throws(PostgresFailure) -> PostgresResult? {
    while true {
      let unsent = unsafe PQflush(connection)
      if unsent < 0 { throw broken(lastMessage) }
      if unsafe PQisBusy(connection) == 0 {
        guard let result = unsafe PQgetResult(connection) else { return nil }
        return unsafe PostgresResult(result)
      }
      try wait(
        unsent == 1 ? Int16(POLLIN | POLLOUT) : Int16(POLLIN), until: deadline, "no answer within \(timeout)")
      guard unsafe PQconsumeInput(connection) == 1 else { throw broken(lastMessage) }
    }
  }

  /// Runs a script of any number of statements without parameters, one transaction unless it says otherwise; rows of the last one.
  @discardableResult
  func script(_ text: String) throws(PostgresFailure) -> PostgresResult? {
    if isBroken { throw .connection("the connection is broken") }
    let deadline = ContinuousClock.now + timeout
    guard unsafe PQsendQuery(connection, text) == 1 else { throw broken(lastMessage) }
    var last: PostgresResult?
    var failure: PostgresFailure?
    while let result = try next(deadline) {
      if result.status == .rows { last = result } else { failure = failure ?? result.failure(lastMessage) }
    }
    if let failure {
      if failure.endsConnection { isBroken = true }
      throw failure
    }
    return last
  }

  /// One value of a script's row, in text form.
  func value(_ text: String) throws(PostgresFailure) -> String? {
    guard let result = try script(text), result.rows > 0 else { return nil }
    return result.optionalString(0, 0)
  }

  /// Waits for a notification, at most until `deadline` or until `other` can be read. - Returns: whether there was one.
  func notified(by deadline: ContinuousClock.Instant, orReadable other: Int32) throws(PostgresFailure) -> Bool {
    while true {
      guard unsafe PQconsumeInput(connection) == 1 else { throw broken(lastMessage) }
      var found = false
      while let notification = unsafe PQnotifies(connection) {
        unsafe PQfreemem(notification)
        found = true
      }
      if found { return true }
      let left = ContinuousClock.now.duration(to: deadline)
      if left <= .zero { return false }
      let (seconds, fraction) = left.components
      let milliseconds = Int32(min(seconds, 3_600) * 1_000 + fraction / 1_000_000_000_000_000 + 1)
      var descriptors = unsafe [
        pollfd(fd: PQsocket(connection), events: Int16(POLLIN), revents: 0),
        pollfd(fd: other, events: Int16(POLLIN), revents: 0),
      ]
      _ = unsafe poll(&descriptors, 2, milliseconds)
      if descriptors[1].revents != 0 { return false }
    }
  }
}
