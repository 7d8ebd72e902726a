import Jobs
import SQLRecords

/// Jobs in MariaDB or MySQL, in tables that people may query. See Docs/sql.md.
///
/// @unchecked Sendable: `link` and what changes with it are used by the storage's thread alone; the parts that other threads use see to
/// themselves.
public final class MySQLStorage: Storage, @unchecked Sendable {
  public let kind = "mysql"
  public var leadership: (any Leadership)? { leading }
  public var inbox: (any Inbox)? { programs }
  public var rows: any RowSource { engineRows }
  public let reader: any JobReader

  let link: MySQLLink
  let programs: MySQLInbox
  private let retention: EventRetention
  private let leading: MySQLLeadership
  private let engineRows: MySQLRows
  private let peopleReader: MySQLReader
  private let facts: ConnectionFacts

  // As of the last write that succeeded.
  var ticks = StoredTicks()
  /// The jobs that have a row in gkick_running.
  var asideSeqs: Set<Int64> = []

  /// Connects, makes or migrates the tables.
  public init(
    url: String, retention: EventRetention = EventRetention(), options: MySQLOptions = MySQLOptions()
  ) throws(StoreError) {
    let location = try MySQLLocation(url)
    let facts = ConnectionFacts()
    link = MySQLLink(location, options) { (connection) throws(MySQLFailure) in
      facts.set(id: connection.id, weaknesses: try MySQLWeaknesses.read(connection), warn: options.warn)
    }
    link.isOpening = true
    try MySQLSchema(options).prepare(link)
    link.isOpening = false
    self.facts = facts
    self.retention = retention
    var quick = options
    quick.replyTimeout = options.leadTimeout
    leading = MySQLLeadership(MySQLLink(location, quick), id: { facts.id })
    engineRows = MySQLRows(MySQLLink(location, options))
    peopleReader = MySQLReader(location, options)
    reader = peopleReader
    programs = MySQLInbox(MySQLLink(location, options))
  }

  public func beginEpoch() throws(StoreError) -> Epoch {
    var text = link.text
    text.add("UPDATE gkick_leader SET epoch = epoch + 1, server_id = '', connection = NULL WHERE one = 1")
    try link.write(text)
    let row = try link.read("SELECT epoch FROM gkick_leader")[0]
    guard row.next() else { throw StoreError(.unusable, "the table gkick_leader has no row") }
    return Epoch(UInt32(truncatingIfNeeded: row.int(0)))
  }

  /// A commit that was not flushed is by the next one that is; a write of nothing is such a one.
  public func sync() throws(StoreError) {
    var text = link.text
    text.add("UPDATE gkick_renewal SET at = at + 1 WHERE one = 1; UPDATE gkick_renewal SET at = at - 1 WHERE one = 1")
    try link.write(text)
  }

  public func close() throws(StoreError) {
    link.close()
    leading.close()
    engineRows.close()
    peopleReader.close()
    programs.close()
  }

  // MARK: Housekeeping

  private static let slice: Int64 = 500

  public func tidy(now: Timestamp) throws(StoreError) -> Timestamp {
    let old = (now - retention.age).microseconds
    let rows = try link.read(
      "SELECT epoch, number, at, total_bytes FROM gkick_tick ORDER BY epoch, number LIMIT \(Self.slice)")[0]
    // The newest row stays: it has the counters. So do those whose queues and documents are not in their tables yet.
    var last: KeptRows.Tick?
    var count: Int64 = 0
    var clearsNewest = false
    while rows.next() {
      let tick = KeptRows.Tick(epoch: rows.int(0), number: rows.int(1))
      let isOld = rows.int(2) < old || ticks.totalBytes - rows.int(3) > retention.bytes
      if isOld, tick == ticks.newest { clearsNewest = true }
      guard isOld, tick < ticks.newest, tick < ticks.kept.oldest ?? ticks.newest else { break }
      last = tick
      count += 1
    }
    var text = link.text
    text.add("DELETE FROM gkick_refused WHERE at < \(old) ORDER BY at LIMIT 1000")
    if let last {
      text.add(
        ";DELETE FROM gkick_tick WHERE epoch < \(last.epoch) OR epoch = \(last.epoch) AND number <= \(last.number) "
          + "ORDER BY epoch, number LIMIT \(Self.slice)")
    }
    if clearsNewest {
      text.add(
        ";UPDATE gkick_tick SET events = NULL WHERE epoch = \(ticks.newest.epoch) AND number = \(ticks.newest.number)")
    }
    try link.write(text)
    return count == Self.slice ? now : now + .seconds(10)
  }

  // MARK: Loading

  public func load(_ epoch: Epoch, into loader: any StateLoader) throws(StoreError) {
    engineRows.reset()
    asideSeqs = []
    do throws(StoreError) {
      _ = try link.read(
        """
        \(MySQLLink.unlimited); SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; \
        START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY
        """)
      try read(epoch, into: loader)
      _ = try link.with { (connection) throws(MySQLFailure) in try connection.run("COMMIT; \(link.limited)") }
    } catch {
      // A connection in the middle of a transaction is of no use.
      link.close()
      throw error
    }
  }

  /// Not tried again on another connection: all that is read is of one moment.
  private func ask(_ text: String) throws(StoreError) -> MySQLResult {
    var statement = link.text
    statement.add(text)
    let bytes = statement.bytes
    return try link.with { (connection) throws(MySQLFailure) in try connection.run(bytes) }[0]
  }

  private func read(_ epoch: Epoch, into loader: any StateLoader) throws(StoreError) {
    let leader = try ask(
      "SELECT epoch, (SELECT salt FROM gkick_about), (SELECT version FROM gkick_about) FROM gkick_leader")
    guard leader.next(), leader.int(0) == Int64(epoch.number) else {
      throw StoreError(.deposed, "another server leads")
    }
    let salt = UInt32(truncatingIfNeeded: leader.int(1))
    // A newer server may have migrated them since this one connected.
    guard leader.int(2) == MySQLSchema.version else {
      throw StoreError(
        .unusable, "the tables became those of version \(leader.int(2)), this gKick knows \(MySQLSchema.version)")
    }
    let newest = try ask(
      """
      SELECT epoch, number, next_seq, last_cursor, total_bytes, kept_epoch, kept_number FROM gkick_tick \
      ORDER BY epoch DESC, number DESC LIMIT 1
      """)
    var nextSeq: Int64 = 1
    var lastNumber: Int64 = 0
    let before = ticks.newest
    ticks = StoredTicks()
    if newest.next() {
      ticks.newest = KeptRows.Tick(epoch: newest.int(0), number: newest.int(1))
      if ticks.newest.epoch == Int64(epoch.number) { lastNumber = ticks.newest.number }
      nextSeq = newest.int(2)
      ticks.lastCursor = newest.int(3)
      ticks.totalBytes = newest.int(4)
      let rows = try ask(
        """
        SELECT epoch, number, kept FROM gkick_tick WHERE (epoch > \(newest.int(5)) OR epoch = \(newest.int(5)) \
        AND number >= \(newest.int(6))) AND kept IS NOT NULL ORDER BY epoch, number
        """)
      while rows.next() {
        guard ticks.kept.replay(rows.bytes(2), KeptRows.Tick(epoch: rows.int(0), number: rows.int(1))) else {
          throw StoreError(.unusable, "the row \(rows.int(1)) of gkick_tick is damaged")
        }
      }
    }
    if ticks.newest < before {
      link.options.warn(
        "The database has lost change sets that it had acknowledged (a fail-over to a replica that lagged, or a restored backup): jobs are as they were "
          + "before, what came after is gone")
    }
    loader.begin(
      salt: salt, nextSeq: nextSeq, lastCursor: ticks.lastCursor, lastNumber: UInt64(lastNumber))
    try loadTables(into: loader)
    try loadJobs(into: loader)
  }

  private func loadTables(into loader: any StateLoader) throws(StoreError) {
    let queues = try ask("SELECT name, paused, succeeded, failed, ended, dead, last_used_at FROM gkick_queue")
    while queues.next() {
      var queue = StoredQueue(name: queues.string(0))
      if ticks.kept[.queue(queue.name)] != nil { continue }
      queue.isPaused = queues.int(1) != 0
      queue.succeeded = UInt64(bitPattern: queues.int(2))
      queue.failed = UInt64(bitPattern: queues.int(3))
      queue.ended = UInt64(bitPattern: queues.int(4))
      queue.dead = UInt64(bitPattern: queues.int(5))
      queue.lastUsedAt = queues.time(6)
      loader.add(queue)
    }
    let documents = try ask("SELECT kind, name, bytes FROM gkick_document")
    while documents.next() {
      guard let kind = Document.Kind(rawValue: UInt8(truncatingIfNeeded: documents.int(0))) else {
        throw StoreError(.unusable, "a document in MySQL is of an unknown kind")
      }
      let key = documents.string(1)
      if ticks.kept[.document(kind, key)] != nil { continue }
      loader.add(Document(kind: kind, key: key, bytes: documents.bytes(2)))
    }
    ticks.kept.load(into: loader)
  }

  private func loadJobs(into loader: any StateLoader) throws(StoreError) {
    var columns = MySQLColumns()
    // Pieces by rising seq: of the states that are not final each from its range of the index, and of what runs. The server works on the next
    // while this one is taken in.
    let piece = 50_000
    func begin(after: Int64) throws(StoreError) {
      var parts = [JobState.scheduled, .ready, .running, .retrying, .blocked].map { state in
        """
        (SELECT seq FROM gkick_job FORCE INDEX (job_state) WHERE state = \(state.rawValue) AND seq > \(after) \
        ORDER BY seq LIMIT \(piece))
        """
      }
      parts.append(
        "(SELECT seq FROM gkick_running FORCE INDEX (PRIMARY) WHERE seq > \(after) ORDER BY seq LIMIT \(piece))")
      var text = link.text
      text.add(
        """
        SELECT \(MySQLColumns.columns(.head)), r.seq IS NOT NULL FROM (SELECT DISTINCT seq FROM (\(parts.joined(separator: " UNION ALL "))) x \
        ORDER BY seq LIMIT \(piece)) e STRAIGHT_JOIN \(MySQLColumns.job) ON j.seq = e.seq \
        LEFT JOIN \(MySQLColumns.running) ON r.seq = e.seq \
        ORDER BY e.seq
        """)
      let bytes = text.bytes
      try link.with { (connection) throws(MySQLFailure) in try connection.send(bytes) }
    }
    try begin(after: 0)
    var isLast = false
    while !isLast {
      let rows = try link.with { (connection) throws(MySQLFailure) in try connection.answer() }[0]
      isLast = rows.count < piece
      if !isLast { try begin(after: rows.last(0)) }
      while rows.next() {
        loader.add(LoadedJob(try columns.job(rows, .head)))
        if rows.int(22) != 0 { asideSeqs.insert(rows.int(0)) }
      }
    }
    let chosen = try ask("SELECT j.id, j.seq FROM gkick_chosen c STRAIGHT_JOIN \(MySQLColumns.job) ON j.seq = c.seq")
    while chosen.next() { loader.addChosen(id: chosen.string(0), seq: chosen.int(1)) }
    let holds = try ask(
      """
      SELECT j.queue, j.options, j.seq, j.hold_until \(MySQLColumns.source) \
      WHERE j.hold_until IS NOT NULL AND j.finished_at IS NOT NULL AND r.seq IS NULL
      """)
    while holds.next() {
      guard let unique = OptionsRecord.options(holds.bytes(1))?.unique else { continue }
      loader.addHold(queue: holds.string(0), key: unique.key, seq: holds.int(2), until: holds.time(3))
    }
  }
}
