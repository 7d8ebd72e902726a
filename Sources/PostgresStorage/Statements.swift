/// Every statement that is prepared, with the schema's name in it. Parameters and results are binary, so each says its types.
struct Statements: Sendable {
  let beginTick: PostgresStatement
  let forget: PostgresStatement
  let stop: PostgresStatement
  let insert: PostgresStatement
  let insertStarted: PostgresStatement
  let insertWhole: PostgresStatement
  let replace: PostgresStatement
  let update: PostgresStatement
  let updateCarried: PostgresStatement
  let carry: PostgresStatement
  let run: PostgresStatement
  let runOn: PostgresStatement
  let putQueues: PostgresStatement
  let deleteQueues: PostgresStatement
  let putDocuments: PostgresStatement
  let deleteDocuments: PostgresStatement
  let take: PostgresStatement
  let refuse: PostgresStatement
  let trimRefused: PostgresStatement
  let sync: PostgresStatement
  let rows: PostgresStatement
  let rowsWithBodies: PostgresStatement
  let rowsByID: PostgresStatement
  let rowsByChosenID: PostgresStatement
  let leader: PostgresStatement
  let expired: PostgresStatement
  let nextExpiry: PostgresStatement
  let events: PostgresStatement
  let lastCursor: PostgresStatement
  let oldTicks: PostgresStatement
  let trim: PostgresStatement
  let trimNewest: PostgresStatement

  /// Of a job and where it stands, without what is only carried. `Columns` has their order.
  static let columns = """
    j.seq, j.flags, j.id, j.queue, j.name, j.priority, j.created_at, coalesce(j.first_run_at, j.run_at), j.payload_size, \
    j.options, CASE WHEN r.seq IS NULL THEN j.state ELSE 3::smallint END, coalesce(r.run_at, j.run_at), \
    coalesce(r.attempt, j.attempt), coalesce(r.lost, j.lost), r.flags, coalesce(r.started_at, j.started_at), \
    coalesce(r.worker_id, j.worker_id), CASE WHEN r.seq IS NULL THEN j.token ELSE r.token END, \
    CASE WHEN r.seq IS NULL THEN j.deadline ELSE r.deadline END, \
    CASE WHEN r.seq IS NULL THEN j.resume_window ELSE r.resume_window END, j.finished_at, j.expires_at
    """
  static let carried = "j.result, j.carried"
  static let body = "j.body, j.body_sum"
  static let source = "FROM gkick.job j LEFT JOIN gkick.running r ON r.seq = j.seq"

  private typealias Column = (name: String, type: String)

  /// One array per column. As a list of the SELECT they are taken apart row by row; as a table in FROM they would be copied first.
  private static func arrays(_ columns: [Column]) -> String {
    columns.enumerated().map { "unnest($\($0 + 1)::\($1.type)[]) AS \($1.name)" }.joined(separator: ", ")
  }

  private static func insertion(_ table: String, _ columns: [Column]) -> String {
    "INSERT INTO gkick.\(table) (\(columns.map(\.name).joined(separator: ", "))) SELECT \(arrays(columns))"
  }

  /// Of the rows with these `seq`, the first column.
  private static func update(
    _ table: String, _ columns: [Column], leaving left: Set<String> = [], also: String = ""
  ) -> String {
    let set = columns.dropFirst().map(\.name).filter { !left.contains($0) }.map { "\($0) = u.\($0)" }
    return """
      UPDATE gkick.\(table) t SET \(set.joined(separator: ", "))\(also) FROM (SELECT \(arrays(columns))) u WHERE t.seq = u.seq
      """
  }

  init(_ schema: Schema) {
    let made = schema.statement
    beginTick = made(
      "begin_tick",
      """
      SELECT gkick.begin_tick($1::bigint, $2::bigint, $3::timestamptz, $4::bigint, $5::bigint, $6::bigint, $7::bigint, \
      $8::bigint, $9::bigint, $10::bytea, $11::bytea, $12::boolean)
      """)
    forget = made("forget", "DELETE FROM gkick.job WHERE seq = ANY($1::bigint[])")
    stop = made("stop", "DELETE FROM gkick.running WHERE seq = ANY($1::bigint[])")
    // Most jobs are of these two kinds: nothing asked for beyond the defaults.
    let plain: [Column] = [
      ("seq", "bigint"), ("flags", "smallint"), ("id", "text"), ("queue", "text"), ("name", "text"),
      ("priority", "smallint"), ("created_at", "timestamptz"), ("run_at", "timestamptz"), ("payload_size", "bigint"),
      ("state", "smallint"), ("body", "bytea"), ("body_sum", "int"),
    ]
    let lease: [Column] = [("token", "bigint"), ("deadline", "timestamptz"), ("resume_window", "bigint")]
    insert = made("insert", Self.insertion("job", plain))
    insertStarted = made(
      "insert_started",
      Self.insertion(
        "job",
        plain + [("attempt", "bigint"), ("lost", "bigint"), ("started_at", "timestamptz"), ("worker_id", "text")]
          + lease))
    let every: [Column] =
      plain + [
        ("first_run_at", "timestamptz"), ("attempt", "bigint"), ("lost", "bigint"), ("started_at", "timestamptz"),
        ("finished_at", "timestamptz"), ("expires_at", "timestamptz"), ("worker_id", "text"), ("options", "bytea"),
        ("batch_id", "text"), ("concurrency_key", "text"), ("fairness_key", "text"), ("recurring_id", "text"),
        ("hold_until", "timestamptz"), ("result", "bytea"), ("carried", "bytea"),
      ] + lease
    insertWhole = made("insert_whole", Self.insertion("job", every))
    // What the producer asked for and where it stands; what is carried stays.
    replace = made("replace", Self.update("job", every, leaving: ["result", "carried"]))
    let standing: [Column] = [
      ("seq", "bigint"), ("state", "smallint"), ("flags", "smallint"), ("attempt", "bigint"), ("lost", "bigint"),
      ("run_at", "timestamptz"), ("first_run_at", "timestamptz"), ("started_at", "timestamptz"),
      ("finished_at", "timestamptz"), ("expires_at", "timestamptz"), ("worker_id", "text"),
    ]
    let more: [Column] = [("result", "bytea"), ("carried", "bytea")]
    let ended = ", token = NULL, deadline = NULL, resume_window = NULL"
    update = made("update", Self.update("job", standing, also: ended))
    updateCarried = made("update_carried", Self.update("job", standing + more, also: ended))
    carry = made("carry", Self.update("job", [("seq", "bigint")] + more))
    let running: [Column] = [
      ("seq", "bigint"), ("token", "bigint"), ("run_at", "timestamptz"), ("started_at", "timestamptz"),
      ("deadline", "timestamptz"), ("resume_window", "bigint"), ("attempt", "bigint"), ("lost", "bigint"),
      ("flags", "smallint"), ("worker_id", "text"),
    ]
    run = made("run", Self.insertion("running", running))
    runOn = made("run_on", Self.update("running", running))
    putQueues = made(
      "put_queues",
      """
      INSERT INTO gkick.queue SELECT * FROM unnest($1::text[], $2::boolean[], $3::bigint[], $4::bigint[], $5::bigint[], \
      $6::bigint[], $7::timestamptz[])
      ON CONFLICT (name) DO UPDATE SET (paused, succeeded, failed, ended, dead, last_used_at) = \
      (excluded.paused, excluded.succeeded, excluded.failed, excluded.ended, excluded.dead, excluded.last_used_at)
      """)
    deleteQueues = made("delete_queues", "DELETE FROM gkick.queue WHERE name = ANY($1::text[])")
    putDocuments = made(
      "put_documents",
      """
      INSERT INTO gkick.document SELECT * FROM unnest($1::smallint[], $2::text[], $3::bytea[])
      ON CONFLICT (kind, key) DO UPDATE SET bytes = excluded.bytes
      """)
    deleteDocuments = made(
      "delete_documents",
      """
      DELETE FROM gkick.document d USING unnest($1::smallint[], $2::text[]) u (kind, key) \
      WHERE d.kind = u.kind AND d.key = u.key
      """)
    take = made("take", "DELETE FROM gkick.inbox WHERE number = ANY($1::bigint[])")
    refuse = made(
      "refuse",
      """
      INSERT INTO gkick.refused SELECT id, queue, name, reason, existing, $6::timestamptz \
      FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) u (id, queue, name, reason, existing)
      """)
    trimRefused = made(
      "trim_refused",
      """
      DELETE FROM gkick.refused WHERE ctid = ANY(ARRAY(\
      SELECT ctid FROM gkick.refused WHERE at < $1::timestamptz ORDER BY at LIMIT 1000))
      """)
    // Whatever was committed before is synced with it.
    sync = made("sync", "SELECT pg_logical_emit_message(true, 'gkick', '')")
    rows = made("rows", "SELECT \(Self.columns), \(Self.carried) \(Self.source) WHERE j.seq = ANY($1::bigint[])")
    rowsWithBodies = made(
      "rows_bodies",
      "SELECT \(Self.columns), \(Self.carried), \(Self.body) \(Self.source) WHERE j.seq = ANY($1::bigint[])")
    rowsByID = made(
      "rows_id", "SELECT \(Self.columns), \(Self.carried), \(Self.body) \(Self.source) WHERE j.id = ANY($1::text[])")
    leader = made("leader", "SELECT epoch FROM gkick.leader")
    rowsByChosenID = made(
      "rows_chosen",
      """
      SELECT \(Self.columns), \(Self.carried), \(Self.body) \(Self.source) \
      WHERE j.id = ANY($1::text[]) AND j.flags & 1 = 1
      """)
    // From the time of the earliest that was there last: what was deleted since lies before it, and need not be passed again.
    expired = made(
      "expired",
      """
      SELECT \(Self.columns) \(Self.source) \
      WHERE j.expires_at >= $1::timestamptz AND j.expires_at <= $2::timestamptz AND r.seq IS NULL ORDER BY j.expires_at LIMIT $3::int
      """)
    nextExpiry = made(
      "next_expiry",
      """
      SELECT j.expires_at \(Self.source) WHERE j.expires_at > $1::timestamptz AND r.seq IS NULL \
      ORDER BY j.expires_at LIMIT 1
      """)
    events = made(
      "events",
      """
      SELECT before_cursor, last_cursor, events FROM gkick.tick WHERE last_cursor > $1::bigint AND events IS NOT NULL \
      ORDER BY last_cursor LIMIT $2::int
      """)
    lastCursor = made("last_cursor", "SELECT last_cursor FROM gkick.tick ORDER BY epoch DESC, number DESC LIMIT 1")
    oldTicks = made(
      "old_ticks",
      """
      SELECT epoch, number, at, total_bytes FROM gkick.tick WHERE (epoch, number) >= ($1::bigint, $2::bigint) \
      ORDER BY epoch, number LIMIT $3::int
      """)
    trim = made(
      "trim",
      """
      DELETE FROM gkick.tick WHERE (epoch, number) >= ($1::bigint, $2::bigint) AND (epoch, number) <= ($3::bigint, $4::bigint)
      """)
    trimNewest = made(
      "trim_newest",
      "UPDATE gkick.tick SET events = NULL WHERE epoch = $1::bigint AND number = $2::bigint AND events IS NOT NULL")
  }
}
