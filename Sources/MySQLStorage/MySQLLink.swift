import Jobs

public struct MySQLOptions: Sendable {
  /// Begins the names of all tables and procedures, with an underscore behind it.
  public var schema = "gkick"
  /// How long to wait for an answer. Then the connection is given up: what was asked may or may not have been done.
  public var replyTimeout: Duration = .seconds(5)
  /// The same for asking who leads: an answer that comes later than a lead lasts is of no use.
  public var leadTimeout: Duration = .seconds(2)
  /// How long to wait between attempts to connect: doubled from the first to the second.
  public var reconnectDelay: ClosedRange<Duration> = .milliseconds(50)...(.seconds(1))
  /// How often the tables of queues and documents are brought up to date, see `KeptRows`.
  public var keptDelay: Interval = .seconds(5)
  /// How often to look for what was put in by SQL.
  public var inboxPoll: Duration = .milliseconds(50)
  /// Of one payload that is put in by SQL.
  public var payloadLimit = 1 << 20
  /// Is told, once, what keeps an acknowledgement from being worth what it says; again when that has changed after connecting anew.
  public var warn: @Sendable (String) -> Void = { _ in }
  /// The salt of a new storage's ids; nil: random. See `JobID`.
  var salt: UInt32?

  public init() {}
}

/// A connection that is made when it is needed and made anew after it broke. Used by one thread at a time.
///
/// After an attempt that failed the next ones are refused at once for a while, so that callers hear soon that the database is away.
final class MySQLLink {
  let location: MySQLLocation
  let options: MySQLOptions
  private var connection: MySQLConnection?
  private var delay: Duration = .zero
  private var refusedUntil: ContinuousClock.Instant?
  private var refusal = MySQLFailure(number: MySQLFailure.connection, message: "not connected")
  private let prepare: (MySQLConnection) throws(MySQLFailure) -> Void
  /// Given up while it had not answered: what it was asked may run on in the database.
  private var givenUp: Int64?

  init(
    _ location: MySQLLocation, _ options: MySQLOptions,
    prepare: @escaping (MySQLConnection) throws(MySQLFailure) -> Void = { _ in }
  ) {
    self.location = location
    self.options = options
    self.prepare = prepare
  }

  func close() { connection = nil }

  /// After a failure.
  private func giveUp() {
    givenUp = connection?.id ?? givenUp
    connection = nil
  }

  var text: SQLText { SQLText(prefix: options.schema + "_") }

  /// While the storage is being opened a refusal (no such database, user or right, a wrong password) is said as what waiting cannot mend. Later
  /// it is: somebody changes a password and the server's with it, or mends what he broke.
  var isOpening = false

  func connected() throws(MySQLFailure) -> MySQLConnection {
    if let connection, !connection.isBroken { return connection }
    connection = nil
    if let refusedUntil, ContinuousClock.now < refusedUntil { throw refusal }
    do throws(MySQLFailure) {
      let fresh = try MySQLConnection(location, replyTimeout: options.replyTimeout)
      // The server's own settings may be anything: what gKick's statements rely on is said here.
      _ = try fresh.run(
        """
        SET SESSION sql_mode = 'STRICT_ALL_TABLES', time_zone = '+00:00', autocommit = 1, innodb_lock_wait_timeout = 5; \
        SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED; \(limited)
        """)
      // A server that takes no writes, a replica, is not the one that is wanted.
      let isReadOnly = try fresh.run("SELECT @@global.read_only")
      if isReadOnly[0].next(), isReadOnly[0].int(0) != 0 {
        throw MySQLFailure(number: 1_290, message: "the server at \(location.text) is read-only")
      }
      if let givenUp { end(givenUp, fresh) }
      givenUp = nil
      try prepare(fresh)
      connection = fresh
      delay = .zero
      refusedUntil = nil
      return fresh
    } catch {
      var error = error
      if !isOpening, error.isRefusal { error.number = MySQLFailure.connection }
      delay = min(max(delay * 2, options.reconnectDelay.lowerBound), options.reconnectDelay.upperBound)
      refusedUntil = .now + delay
      refusal = error
      throw error
    }
  }

  /// Said to the database: it stops a statement that takes longer by itself, since whoever asked has given up by then. A half each for MariaDB and
  /// MySQL, which stops only what reads.
  var limited: String { Self.limit(options.replyTimeout) }

  /// The opposite, for this connection: all that is stored may be much to read, as long as rows come.
  static let unlimited = limit(.zero)

  private static func limit(_ time: Duration) -> String {
    let (seconds, fraction) = time.components
    let milliseconds = seconds * 1_000 + fraction / 1_000_000_000_000_000
    return """
      SET SESSION autocommit = 1 /*M!100100 , max_statement_time = \(Double(milliseconds) / 1_000) */ \
      /*!50708 , max_execution_time = \(milliseconds) */
      """
  }

  /// Ends what another connection runs, if that is still there: this user's, and at it for long. A database that was started anew gives the same
  /// numbers again.
  func end(_ id: Int64, _ connection: MySQLConnection) {
    guard id < connection.id else { return }
    let found = try? connection.run(
      """
      SELECT id FROM information_schema.PROCESSLIST WHERE id = \(id) AND user = SUBSTRING_INDEX(CURRENT_USER(), '@', 1) \
      AND command = 'Query' AND time >= \(options.replyTimeout.components.seconds - 1)
      """)
    // By the time that this is said it may have ended by itself.
    if found?[0].next() == true { _ = try? connection.run("KILL \(id)") }
  }

  /// Runs statements that read, or one that writes. Tried again once on a new connection, if the old one turned out to be broken. Not
  /// after a silence: the next one would be no shorter.
  func read(_ text: SQLText) throws(StoreError) -> [MySQLResult] {
    let silence = ContinuousClock.now + options.replyTimeout / 2
    var isSecond = connection == nil
    while true {
      do throws(MySQLFailure) {
        return try connected().run(text.bytes)
      } catch {
        if error.endsConnection { giveUp() }
        guard !isSecond, error.endsConnection || error.isPassing, ContinuousClock.now < silence else {
          throw error.storeError
        }
        isSecond = true
      }
    }
  }

  func read(_ text: String) throws(StoreError) -> [MySQLResult] {
    var statement = self.text
    statement.add(text)
    return try read(statement)
  }

  /// Runs statements as one transaction, in one round trip. Tried again when it lost against another and so wrote nothing.
  func write(_ text: SQLText) throws(StoreError) {
    var tries = 0
    while true {
      do throws(MySQLFailure) {
        let connection = try connected()
        do throws(MySQLFailure) {
          _ = try connection.run(Array("BEGIN;".utf8) + text.bytes + Array(";COMMIT".utf8))
        } catch {
          if !connection.isBroken { _ = try connection.run("ROLLBACK") }
          throw error
        }
        return
      } catch {
        if error.endsConnection { giveUp() }
        tries += 1
        guard error.isPassing, tries < 5 else { throw error.storeError }
      }
    }
  }

  func with<T>(_ body: (MySQLConnection) throws(MySQLFailure) -> T) throws(StoreError) -> T {
    do throws(MySQLFailure) {
      let connection = try connected()
      return try body(connection)
    } catch {
      if error.endsConnection { giveUp() }
      throw error.storeError
    }
  }
}
