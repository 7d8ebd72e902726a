import Jobs

/// Who leads, by a row with an epoch; times are the database's, and only spans between them count.
///
/// @unchecked Sendable: one thread calls it.
final class MySQLLeadership: Leadership, @unchecked Sendable {
  private let link: MySQLLink
  /// The newest epoch that this server has had.
  private var known: Int64 = 0
  /// The number of the storage's own connection: as long as it is there, so is this server.
  private let id: @Sendable () -> Int64
  private static let now = "CAST(UNIX_TIMESTAMP(SYSDATE(6)) * 1000000 AS SIGNED)"

  init(_ link: MySQLLink, id: @escaping @Sendable () -> Int64) {
    self.link = link
    self.id = id
  }

  func close() { link.close() }

  func secret() throws(StoreError) -> [UInt8] {
    let row = try link.read("SELECT secret FROM gkick_about")[0]
    guard row.next() else { throw StoreError(.unusable, "the table gkick_about has no row") }
    return row.bytes(0)
  }

  func announce(_ server: ServerRecord) throws(StoreError) {
    var text = link.text
    text.add("REPLACE INTO gkick_server (id, address, version, started_at, workers, last_seen_at) VALUES (")
    for value in [server.id, server.address, server.version] {
      text.add(quoted: value)
      text.add(",")
    }
    text.add("\(server.startedAt.microseconds),\(server.workers),\(Self.now))")
    _ = try link.read(text)
  }

  func leave(_ serverID: String) throws(StoreError) {
    var text = link.text
    text.add("DELETE FROM gkick_server WHERE id = ")
    text.add(quoted: serverID)
    _ = try link.read(text)
  }

  func servers() throws(StoreError) -> [ServerRecord] {
    let row = try link.read(
      """
      SELECT s.id, s.address, s.version, s.started_at, s.last_seen_at, s.workers, s.id = l.server_id \
      FROM gkick_server s JOIN gkick_leader l WHERE s.last_seen_at > \(Self.now) - 10000000 ORDER BY s.id
      """)[0]
    var servers: [ServerRecord] = []
    while row.next() {
      servers.append(
        ServerRecord(
          id: row.string(0), address: row.string(1), version: row.string(2), startedAt: row.time(3),
          lastSeenAt: row.time(4), workers: UInt32(clamping: row.int(5)), leads: row.int(6) == 1))
    }
    return servers
  }

  func seek(_ serverID: String, term: Interval) throws(StoreError) -> Leading {
    let held = try link.read(
      """
      SELECT l.epoch, l.server_id, ABS(\(Self.now) - r.at), \
      l.connection IS NULL OR EXISTS (SELECT 1 FROM information_schema.PROCESSLIST p WHERE p.ID = l.connection), \
      (SELECT s.address FROM gkick_server s WHERE s.id = l.server_id) FROM gkick_leader l JOIN gkick_renewal r
      """)[0]
    guard held.next() else { throw StoreError(.unusable, "the table gkick_leader has no row") }
    let (epoch, leader, silent) = (held.int(0), held.string(1), held.int(2))
    let isThere = silent < 500_000 || held.int(3) == 1
    let elsewhere = Leading.elsewhere(serverID: leader, address: held.string(4))
    // A clock that was set back must not lengthen a term: spans count both ways.
    if !leader.isEmpty, leader != serverID, silent < term.microseconds, isThere { return elsewhere }
    var text = link.text
    // Of several that come at once one gets it: the others find that the epoch is another.
    // An epoch that a database has forgotten which failed over to a replica that lagged is below the seconds since 2023, or known here: none is
    // ever given twice.
    text.add(
      "SET @epoch = GREATEST(\(epoch), \(known), FLOOR(UNIX_TIMESTAMP(SYSDATE())) - 1700000000) + 1; ")
    text.add("UPDATE gkick_leader SET epoch = @epoch, connection = NULLIF(\(id()), 0), server_id = ")
    text.add(quoted: serverID)
    text.add(
      """
       WHERE one = 1 AND epoch = \(epoch); SELECT ROW_COUNT(), @epoch; \
      UPDATE gkick_renewal SET at = \(Self.now), epoch = (SELECT epoch FROM gkick_leader) WHERE one = 1
      """)
    let bytes = text.bytes
    let done = try link.with { (connection) throws(MySQLFailure) in try connection.run(bytes) }[0]
    guard done.next(), done.int(0) == 1 else { return elsewhere }
    known = done.int(1)
    return .here(Epoch(UInt32(truncatingIfNeeded: known)))
  }

  func renew(_ serverID: String, epoch: Epoch) throws(StoreError) {
    var text = link.text
    text.add("UPDATE gkick_renewal SET at = \(Self.now) WHERE one = 1 AND epoch = \(epoch.number); ")
    text.add("SELECT server_id, epoch, COALESCE(connection, 0) FROM gkick_leader")
    let row = try link.read(text)[0]
    guard row.next(), row.string(0) == serverID, row.int(1) == Int64(epoch.number) else {
      throw StoreError(.deposed, "another server leads")
    }
    if row.int(2) != id() {
      _ = try link.read(
        "UPDATE gkick_leader SET connection = NULLIF(\(id()), 0) WHERE one = 1 AND epoch = \(epoch.number)")
    }
  }

  func resign(_ serverID: String, epoch: Epoch) throws(StoreError) {
    var text = link.text
    text.add("UPDATE gkick_leader SET server_id = '', connection = NULL WHERE epoch = \(epoch.number) AND server_id = ")
    text.add(quoted: serverID)
    _ = try link.read(text)
  }
}
