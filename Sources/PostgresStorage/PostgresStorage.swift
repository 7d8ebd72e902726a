import Jobs
import SQLRecords

/// Jobs in PostgreSQL, in tables that people may query. See Docs/sql.md.
///
/// @unchecked Sendable: `link` and what changes with it are used by the storage's thread alone; the parts that other threads use see to
/// themselves.
public final class PostgresStorage: Storage, @unchecked Sendable {
  public let kind = "postgresql"
  public var leadership: (any Leadership)? { leading }
  public var rows: any RowSource { engineRows }
  public let reader: any JobReader
  public var inbox: (any Inbox)? { programs }

  let link: PostgresLink
  let statements: Statements
  let schema: Schema
  let retention: EventRetention
  let options: PostgresOptions
  private let leading: PostgresLeadership
  let engineRows: PostgresRows
  private let peopleReader: PostgresReader
  let programs: PostgresInbox
  private let facts: ConnectionFacts

  // As of the last write that succeeded.
  var ticks = StoredTicks()
  /// The jobs that have a row in `running`.
  var asideSeqs: Set<Int64> = []
  /// The oldest tick that may still be stored: those before it were deleted and need not be passed again.
  var oldestTick = KeptRows.Tick(epoch: 0, number: 0)

  /// Connects, makes or migrates the tables.
  /// - Parameter url: as libpq takes it: `postgresql://user:password@host:port/db?...`.
  public init(
    url: String, retention: EventRetention = EventRetention(), options: PostgresOptions = PostgresOptions()
  ) throws(StoreError) {
    let location = try PostgresLocation(url)
    let schema = try Schema(options.schema)
    let facts = ConnectionFacts()
    let statements = Statements(schema)
    link = PostgresLink(location, options) { (connection) throws(PostgresFailure) in
      facts.set(
        id: Int64(connection.backendPID), weaknesses: try Weaknesses.read(connection), warn: options.warn)
    }
    do throws(StoreError) {
      try schema.prepare(link, salt: options.salt)
    } catch {
      // A database or a role that does not exist is no matter of waiting.
      guard error.kind == .unavailable, let refusal = PostgresConnection.refusal(location.keywords) else { throw error }
      throw refusal.storeError
    }
    self.schema = schema
    self.facts = facts
    self.statements = statements
    self.retention = retention
    self.options = options
    var quick = options
    quick.replyTimeout = options.leadTimeout
    leading = PostgresLeadership(PostgresLink(location, quick), schema, pid: { Int32(truncatingIfNeeded: facts.id) })
    engineRows = PostgresRows(PostgresLink(location, options), statements, schema)
    peopleReader = PostgresReader(location, options, statements, schema)
    reader = peopleReader
    programs = PostgresInbox(
      PostgresLink(location, options) { (connection) throws(PostgresFailure) in
        _ = try connection.script("LISTEN gkick_inbox")
      }, schema, options)
    let limit = schema.statement(
      "payload_limit", "UPDATE gkick.about SET payload_limit = $1::bigint WHERE payload_limit <> $1::bigint")
    _ = try link.run([PostgresCall(limit, [.int8(options.payloadLimit)])])
  }

  /// For tests: what was warned of at the last connection.
  var weaknesses: [String] { facts.weaknesses }

  public func beginEpoch() throws(StoreError) -> Epoch {
    let rows = try link.run([
      PostgresCall(
        schema.statement(
          "begin_epoch",
          "UPDATE gkick.leader SET epoch = epoch + 1, server_id = '', pid = NULL, since = now() RETURNING epoch"))
    ])[0]
    return Epoch(UInt32(truncatingIfNeeded: rows.int64(0, 0)))
  }

  public func sync() throws(StoreError) { _ = try link.run([PostgresCall(statements.sync)]) }

  public func close() throws(StoreError) {
    try? sync()
    link.close()
    leading.close()
    engineRows.close()
    peopleReader.close()
    programs.close()
  }

  // MARK: Housekeeping

  /// Rows of `tick` that one call deletes at most.
  private static let slice = 500

  public func tidy(now: Timestamp) throws(StoreError) -> Timestamp {
    _ = try link.run([PostgresCall(statements.trimRefused, [.time(now - retention.age)])])
    let rows = try link.run([
      PostgresCall(
        statements.oldTicks, [.int8(oldestTick.epoch), .int8(oldestTick.number), .int4(Int32(Self.slice))])
    ])[0]
    // The newest row stays: it has the counters. So do those whose queues and documents are not in their tables yet.
    var last: KeptRows.Tick?
    for row in 0..<rows.rows {
      let tick = KeptRows.Tick(epoch: rows.int64(row, 0), number: rows.int64(row, 1))
      let isOld =
        rows.time(row, 2) < now - retention.age
        || ticks.totalBytes - rows.int64(row, 3) > retention.bytes
      if isOld, tick == ticks.newest {
        _ = try link.run([PostgresCall(statements.trimNewest, [.int8(tick.epoch), .int8(tick.number)])])
      }
      guard isOld, tick < ticks.newest, tick < ticks.kept.oldest ?? ticks.newest else { break }
      last = tick
    }
    guard let last else { return now + .seconds(10) }
    _ = try link.run([
      PostgresCall(
        statements.trim, [.int8(oldestTick.epoch), .int8(oldestTick.number), .int8(last.epoch), .int8(last.number)])
    ])
    oldestTick = last
    return rows.rows == Self.slice ? now : now + .seconds(10)
  }
}
