/// Every statement that is prepared, with the schema's name in it. Parameters and results are binary, so each says its types.
struct Statements: Sendable {
  let beginTick: PostgresStatement
  let forget: PostgresStatement
  let stop: PostgresStatement
  let insert: PostgresStatement
  let insertWhole: PostgresStatement
  let replace: PostgresStatement
  let update: PostgresStatement
  let updateCarried: PostgresStatement
  let carry: PostgresStatement
  let run: PostgresStatement
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
    coalesce(r.worker_id, j.worker_id), r.token, r.deadline, r.resume_window, j.finished_at, j.expires_at
    """
  static let carried = "j.result, j.carried"
  static let body = "j.body, j.body_sum"
  static let source = "FROM gkick.job j LEFT JOIN gkick.running r ON r.seq = j.seq"

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
    // Most jobs are of this kind: nothing asked for beyond the defaults.
    insert = made(
      "insert",
      """
      INSERT INTO gkick.job (seq, flags, id, queue, name, priority, created_at, run_at, payload_size, state, body, body_sum)
      SELECT * FROM unnest($1::bigint[], $2::smallint[], $3::text[], $4::text[], $5::text[], $6::smallint[], \
      $7::timestamptz[], $8::timestamptz[], $9::bigint[], $10::smallint[], $11::bytea[], $12::int[])
      """)
    let every = """
      seq, flags, id, queue, name, priority, created_at, run_at, payload_size, state, body, body_sum, first_run_at, attempt, \
      lost, started_at, finished_at, expires_at, worker_id, options, batch_id, concurrency_key, fairness_key, recurring_id, \
      hold_until, result, carried
      """
    let everyArray = """
      unnest($1::bigint[], $2::smallint[], $3::text[], $4::text[], $5::text[], $6::smallint[], $7::timestamptz[], \
      $8::timestamptz[], $9::bigint[], $10::smallint[], $11::bytea[], $12::int[], $13::timestamptz[], $14::bigint[], \
      $15::bigint[], $16::timestamptz[], $17::timestamptz[], $18::timestamptz[], $19::text[], $20::bytea[], $21::text[], \
      $22::text[], $23::text[], $24::text[], $25::timestamptz[], $26::bytea[], $27::bytea[])
      """
    insertWhole = made("insert_whole", "INSERT INTO gkick.job (\(every)) SELECT * FROM \(everyArray)")
    // What the producer asked for and where it stands; what is carried stays.
    replace = made(
      "replace",
      """
      UPDATE gkick.job j SET (flags, id, queue, name, priority, created_at, run_at, payload_size, state, body, body_sum, \
      first_run_at, attempt, lost, started_at, finished_at, expires_at, worker_id, options, batch_id, concurrency_key, \
      fairness_key, recurring_id, hold_until) = (u.flags, u.id, u.queue, u.name, u.priority, u.created_at, \
      u.run_at, u.payload_size, u.state, u.body, u.body_sum, u.first_run_at, u.attempt, u.lost, u.started_at, u.finished_at, \
      u.expires_at, u.worker_id, u.options, u.batch_id, u.concurrency_key, u.fairness_key, u.recurring_id, u.hold_until) FROM \(everyArray) u (\(every)) WHERE j.seq = u.seq
      """)
    let standing = """
      unnest($1::bigint[], $2::smallint[], $3::smallint[], $4::bigint[], $5::bigint[], $6::timestamptz[], $7::timestamptz[], \
      $8::timestamptz[], $9::timestamptz[], $10::timestamptz[], $11::text[]
      """
    let standingNames =
      "seq, state, flags, attempt, lost, run_at, first_run_at, started_at, finished_at, expires_at, worker_id"
    let setStanding = """
      UPDATE gkick.job j SET state = u.state, flags = u.flags, attempt = u.attempt, lost = u.lost, run_at = u.run_at, \
      first_run_at = u.first_run_at, started_at = u.started_at, finished_at = u.finished_at, expires_at = u.expires_at, \
      worker_id = u.worker_id
      """
    update = made("update", "\(setStanding) FROM \(standing)) u (\(standingNames)) WHERE j.seq = u.seq")
    updateCarried = made(
      "update_carried",
      """
      \(setStanding), result = u.result, carried = u.carried FROM \(standing), $12::bytea[], $13::bytea[]) \
      u (\(standingNames), result, carried) WHERE j.seq = u.seq
      """)
    carry = made(
      "carry",
      """
      UPDATE gkick.job j SET result = u.result, carried = u.carried \
      FROM unnest($1::bigint[], $2::bytea[], $3::bytea[]) u (seq, result, carried) WHERE j.seq = u.seq
      """)
    run = made(
      "run",
      """
      INSERT INTO gkick.running (seq, token, run_at, started_at, deadline, resume_window, attempt, lost, flags, worker_id)
      SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[], $6::bigint[], \
      $7::bigint[], $8::bigint[], $9::smallint[], $10::text[])
      ON CONFLICT (seq) DO UPDATE SET (token, run_at, started_at, deadline, resume_window, attempt, lost, flags, worker_id) = \
      (excluded.token, excluded.run_at, excluded.started_at, excluded.deadline, excluded.resume_window, excluded.attempt, \
      excluded.lost, excluded.flags, excluded.worker_id)
      """)
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
