import Jobs

/// A connection that is made when it is needed and made anew after it broke. Used by one thread at a time.
///
/// After an attempt that failed the next ones are refused at once for a while, so that callers hear soon that the database is away.
final class PostgresLink {
  let location: PostgresLocation
  let options: PostgresOptions
  private var connection: PostgresConnection?
  private var delay: Duration = .zero
  private var refusedUntil: ContinuousClock.Instant?
  private var refusal = PostgresFailure.connection("not connected")
  /// Called with each new connection before its first use.
  private let prepare: (PostgresConnection) throws(PostgresFailure) -> Void
  /// Rises with every connection made.
  private(set) var generation = 0

  init(
    _ location: PostgresLocation, _ options: PostgresOptions,
    prepare: @escaping (PostgresConnection) throws(PostgresFailure) -> Void = { _ in }
  ) {
    self.location = location
    self.options = options
    self.prepare = prepare
  }

  func close() { connection = nil }

  func connected() throws(PostgresFailure) -> PostgresConnection {
    if let connection, !connection.isBroken { return connection }
    connection = nil
    if let refusedUntil, ContinuousClock.now < refusedUntil { throw refusal }
    do throws(PostgresFailure) {
      let fresh = try PostgresConnection(location.keywords, replyTimeout: options.replyTimeout)
      try fresh.script(Self.greeting)
      try prepare(fresh)
      connection = fresh
      delay = .zero
      refusedUntil = nil
      generation += 1
      return fresh
    } catch {
      delay = min(max(delay * 2, options.reconnectDelay.lowerBound), options.reconnectDelay.upperBound)
      refusedUntil = .now + delay
      refusal = error
      throw error
    }
  }

  /// The server's, the database's or the role's own settings may be anything: what gKick's statements rely on is said here.
  /// Every statement is planned once, perhaps while its table is empty: each is meant to go through an index, row by row.
  /// From version 14 on a statement ends when its connection was given up; before, it runs to its end for nobody.
  private static let greeting = """
    SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED READ WRITE;
    SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0;
    SET client_min_messages = warning; SET search_path = pg_catalog; SET standard_conforming_strings = on;
    SET plan_cache_mode = force_generic_plan; SET jit = off;
    SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') IN ('off', 'local');
    SELECT set_config(name, '1s', false) FROM pg_settings WHERE name = 'client_connection_check_interval';
    """

  /// One round trip, one transaction. Tried again when it lost against another transaction and so wrote nothing.
  func run(_ calls: [PostgresCall]) throws(StoreError) -> [PostgresResult] {
    var tries = 0
    while true {
      do throws(PostgresFailure) {
        return try connected().run(calls)
      } catch {
        if error.endsConnection { connection = nil }
        tries += 1
        guard error.isPassing, tries < 5 else { throw error.storeError }
      }
    }
  }

  /// One call that cannot do harm when it is done twice: tried again once on a new connection, if the old one turned out to be broken. Not
  /// after a silence: the next one would be no shorter.
  func read(_ calls: [PostgresCall]) throws(StoreError) -> [PostgresResult] {
    let had = connection != nil
    let silence = ContinuousClock.now + options.replyTimeout / 2
    do throws(StoreError) {
      return try run(calls)
    } catch {
      guard had, connection == nil, error.kind == .unavailable, ContinuousClock.now < silence else { throw error }
      return try run(calls)
    }
  }

  func with<T>(_ body: (PostgresConnection) throws(PostgresFailure) -> T) throws(StoreError) -> T {
    do throws(PostgresFailure) {
      let connection = try connected()
      return try body(connection)
    } catch {
      if error.endsConnection { connection = nil }
      throw error.storeError
    }
  }
}
