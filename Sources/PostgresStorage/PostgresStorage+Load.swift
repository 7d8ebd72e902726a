import Jobs
import SQLRecords

extension PostgresStorage {
  /// Rows of a cursor that are read at once.
  private static let fetched = 20_000

  public func load(_ epoch: Epoch, into loader: any StateLoader) throws(StoreError) {
    engineRows.reset()
    asideSeqs = []
    oldestTick = KeptRows.Tick(epoch: 0, number: 0)
    do throws(StoreError) {
      try link.with { (connection) throws(PostgresFailure) in
        // All that is read is of one moment.
        _ = try connection.script(
          """
          BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on; \
          SET LOCAL cursor_tuple_fraction = 1
          """)
      }
      try read(epoch, into: loader)
      try link.with { (connection) throws(PostgresFailure) in _ = try connection.script("COMMIT") }
      programs.lead(epoch)
    } catch {
      // A connection in the middle of a transaction is of no use.
      link.close()
      throw error
    }
  }

  private func ask(_ name: String, _ text: String, _ values: [PostgresValue] = []) throws(StoreError) -> PostgresResult
  {
    try link.run([PostgresCall(schema.statement("load_" + name, text), values)])[0]
  }

  private func read(_ epoch: Epoch, into loader: any StateLoader) throws(StoreError) {
    // Not read anew on another connection: it is the transaction's first look.
    try link.run([PostgresCall(statements.leader)])[0].checkLeader(epoch)
    let about = try ask("about", "SELECT salt, version FROM gkick.about")
    guard about.rows == 1 else { throw StoreError(.unusable, "the table about in PostgreSQL has no row") }
    // A newer server may have migrated them since this one connected.
    guard about.int32(0, 1) == Int32(Schema.version) else {
      throw StoreError(
        .unusable, "the tables became those of version \(about.int32(0, 1)), this gKick knows \(Schema.version)")
    }
    let salt = UInt32(bitPattern: about.int32(0, 0))

    let newest = try ask(
      "newest",
      """
      SELECT epoch, number, next_seq, last_cursor, total_bytes, kept_epoch, kept_number FROM gkick.tick \
      ORDER BY epoch DESC, number DESC LIMIT 1
      """)
    var nextSeq: Int64 = 1
    var lastNumber: Int64 = 0
    let before = ticks.newest
    ticks = StoredTicks()
    if newest.rows == 1 {
      ticks.newest = KeptRows.Tick(epoch: newest.int64(0, 0), number: newest.int64(0, 1))
      if ticks.newest.epoch == Int64(epoch.number) { lastNumber = ticks.newest.number }
      nextSeq = newest.int64(0, 2)
      ticks.lastCursor = newest.int64(0, 3)
      ticks.totalBytes = newest.int64(0, 4)
      try readKept(from: KeptRows.Tick(epoch: newest.int64(0, 5), number: newest.int64(0, 6)))
    }
    if ticks.newest < before {
      options.warn(
        "PostgreSQL has lost change sets that it had acknowledged (a fail-over to a replica that lagged, or a restored backup): jobs are as they were "
          + "before, what came after is gone")
    }
    loader.begin(
      salt: salt, nextSeq: nextSeq, lastCursor: ticks.lastCursor, lastNumber: UInt64(lastNumber))
    try loadTables(into: loader)
    try loadJobs(into: loader)
  }

  /// What the tables of queues and documents do not have yet.
  private func readKept(from first: KeptRows.Tick) throws(StoreError) {
    let rows = try ask(
      "kept",
      """
      SELECT epoch, number, kept FROM gkick.tick WHERE (epoch, number) >= ($1::bigint, $2::bigint) AND kept IS NOT NULL \
      ORDER BY epoch, number
      """, [.int8(first.epoch), .int8(first.number)])
    for row in 0..<rows.rows {
      let tick = KeptRows.Tick(epoch: rows.int64(row, 0), number: rows.int64(row, 1))
      guard ticks.kept.replay(rows.bytes(row, 2), tick) else {
        throw StoreError(.unusable, "the row \(tick.number) of tick in PostgreSQL is damaged")
      }
    }
  }

  private func loadTables(into loader: any StateLoader) throws(StoreError) {
    let queues = try ask("queues", "SELECT name, paused, succeeded, failed, ended, dead, last_used_at FROM gkick.queue")
    for row in 0..<queues.rows {
      var queue = StoredQueue(name: queues.string(row, 0))
      if ticks.kept[.queue(queue.name)] != nil { continue }
      queue.isPaused = queues.bool(row, 1)
      queue.succeeded = UInt64(bitPattern: queues.int64(row, 2))
      queue.failed = UInt64(bitPattern: queues.int64(row, 3))
      queue.ended = UInt64(bitPattern: queues.int64(row, 4))
      queue.dead = UInt64(bitPattern: queues.int64(row, 5))
      queue.lastUsedAt = queues.time(row, 6)
      loader.add(queue)
    }
    let documents = try ask("documents", "SELECT kind, key, bytes FROM gkick.document")
    for row in 0..<documents.rows {
      guard let kind = Document.Kind(rawValue: UInt8(truncatingIfNeeded: documents.int16(row, 0))) else {
        throw StoreError(.unusable, "a document in PostgreSQL is of an unknown kind")
      }
      let key = documents.string(row, 1)
      if ticks.kept[.document(kind, key)] != nil { continue }
      loader.add(Document(kind: kind, key: key, bytes: documents.bytes(row, 2)))
    }
    ticks.kept.load(into: loader)
  }

  private func loadJobs(into loader: any StateLoader) throws(StoreError) {
    var columns = Columns()
    // The index by state gives each in order of seq: they are merged, nothing is sorted, final jobs are not passed.
    let open = [JobState.scheduled, .ready, .running, .retrying, .blocked]
    var parts = open.map { state in
      "(SELECT \(Statements.columns) \(Statements.source) WHERE j.state = \(state.rawValue) AND r.seq IS NULL ORDER BY j.seq)"
    }
    parts.append("(SELECT \(Statements.columns) FROM gkick.running r JOIN gkick.job j ON j.seq = r.seq ORDER BY j.seq)")
    try scroll("jobs", "SELECT * FROM (\(parts.joined(separator: " UNION ALL "))) x ORDER BY seq") {
      (rows) throws(StoreError) in
      for row in 0..<rows.rows {
        let job = try columns.loaded(rows, row)
        if Columns.isAside(rows, row) { asideSeqs.insert(job.seq) }
        loader.add(job)
      }
    }
    try scroll("chosen", "SELECT id, seq FROM gkick.job WHERE flags & 1 = 1") { (rows) throws(StoreError) in
      for row in 0..<rows.rows { loader.addChosen(id: rows.string(row, 0), seq: rows.int64(row, 1)) }
    }
    try scroll(
      "holds",
      """
      SELECT j.queue, j.options, j.seq, j.hold_until \(Statements.source) \
      WHERE j.hold_until IS NOT NULL AND j.finished_at IS NOT NULL AND r.seq IS NULL
      """
    ) { (rows) throws(StoreError) in
      for row in 0..<rows.rows {
        guard let unique = OptionsRecord.options(rows.bytes(row, 1))?.unique else { continue }
        loader.addHold(queue: rows.string(row, 0), key: unique.key, seq: rows.int64(row, 2), until: rows.time(row, 3))
      }
    }
  }

  /// Reads what may be much, a piece at a time.
  private func scroll(
    _ name: String, _ query: String, _ body: (PostgresResult) throws(StoreError) -> Void
  ) throws(StoreError) {
    let text = schema.text("DECLARE load_\(name) BINARY NO SCROLL CURSOR FOR \(query)")
    try link.with { (connection) throws(PostgresFailure) in _ = try connection.script(text) }
    while true {
      let rows = try ask("fetch_" + name, "FETCH \(Self.fetched) FROM load_\(name)")
      try body(rows)
      if rows.rows < Self.fetched { break }
    }
    try link.with { (connection) throws(PostgresFailure) in _ = try connection.script("CLOSE load_\(name)") }
  }
}
