import Jobs

/// Who leads, by a row with an epoch; times are the database's, and only spans between them count.
///
/// @unchecked Sendable: one thread calls it.
final class PostgresLeadership: Leadership, @unchecked Sendable {
  private let link: PostgresLink
  /// The newest epoch that this server has had.
  private var known: Int64 = 0
  /// Of the storage's own connection: as long as it is there, so is this server.
  private let pid: @Sendable () -> Int32
  private let secretText: PostgresStatement
  private let announcement: PostgresStatement
  private let leaving: PostgresStatement
  private let everyone: PostgresStatement
  private let seeking: PostgresStatement
  private let renewal: PostgresStatement
  private let resignation: PostgresStatement

  init(_ link: PostgresLink, _ schema: Schema, pid: @escaping @Sendable () -> Int32) {
    self.link = link
    self.pid = pid
    let made = schema.statement
    secretText = made("secret", "SELECT secret FROM gkick.about")
    announcement = made(
      "announce",
      """
      INSERT INTO gkick.server (id, address, version, started_at, last_seen_at, workers)
      VALUES ($1::text, $2::text, $3::text, $4::timestamptz, clock_timestamp(), $5::bigint)
      ON CONFLICT (id) DO UPDATE SET address = excluded.address, version = excluded.version, \
      started_at = excluded.started_at, last_seen_at = excluded.last_seen_at, workers = excluded.workers
      """)
    leaving = made("leave", "DELETE FROM gkick.server WHERE id = $1::text")
    everyone = made(
      "servers",
      """
      SELECT s.id, s.address, s.version, s.started_at, s.last_seen_at, s.workers, s.id = l.server_id \
      FROM gkick.server s, gkick.leader l WHERE s.last_seen_at > clock_timestamp() - interval '10 seconds' ORDER BY s.id
      """)
    seeking = made(
      "seek", "SELECT epoch, server_id, address FROM gkick.seek($1::text, $2::bigint, $3::int, $4::bigint)")
    renewal = made("renew", "SELECT gkick.renew($1::text, $2::bigint, $3::int)")
    resignation = made("resign", "SELECT gkick.resign($1::text, $2::bigint)")
  }

  func close() { link.close() }

  func secret() throws(StoreError) -> [UInt8] {
    let rows = try link.read([PostgresCall(secretText)])[0]
    guard rows.rows == 1 else { throw StoreError(.unusable, "the table about in PostgreSQL has no row") }
    return rows.bytes(0, 0)
  }

  func announce(_ server: ServerRecord) throws(StoreError) {
    _ = try link.read([
      PostgresCall(
        announcement,
        [
          .text(server.id), .text(server.address), .text(server.version), .time(server.startedAt),
          .int8(Int64(server.workers)),
        ])
    ])
  }

  func leave(_ serverID: String) throws(StoreError) {
    _ = try link.read([PostgresCall(leaving, [.text(serverID)])])
  }

  func servers() throws(StoreError) -> [ServerRecord] {
    let rows = try link.read([PostgresCall(everyone)])[0]
    return (0..<rows.rows).map { row in
      ServerRecord(
        id: rows.string(row, 0), address: rows.string(row, 1), version: rows.string(row, 2),
        startedAt: rows.time(row, 3),
        lastSeenAt: rows.time(row, 4), workers: UInt32(clamping: rows.int64(row, 5)), leads: rows.bool(row, 6))
    }
  }

  func seek(_ serverID: String, term: Interval) throws(StoreError) -> Leading {
    let rows = try link.run([
      PostgresCall(seeking, [.text(serverID), .int8(term.microseconds), .int4(pid()), .int8(known)])
    ])[0]
    if rows.isNull(0, 0) { return .elsewhere(serverID: rows.string(0, 1), address: rows.optionalString(0, 2) ?? "") }
    known = rows.int64(0, 0)
    return .here(Epoch(UInt32(truncatingIfNeeded: known)))
  }

  func renew(_ serverID: String, epoch: Epoch) throws(StoreError) {
    _ = try link.read([PostgresCall(renewal, [.text(serverID), .int8(Int64(epoch.number)), .int4(pid())])])
  }

  func resign(_ serverID: String, epoch: Epoch) throws(StoreError) {
    _ = try link.read([PostgresCall(resignation, [.text(serverID), .int8(Int64(epoch.number))])])
  }
}
