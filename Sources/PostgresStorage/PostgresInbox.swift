import Glibc
import Jobs
import Synchronization

/// What producers put in by `gkick.enqueue`. Rows are never locked: a row is there once its transaction has committed.
///
/// Rows that were taken are dead entries at the beginning of the index, and stay as long as anybody's transaction is open that is
/// older; reading from the beginning would pass all of them each time. So only two kinds of rows are looked for: those whose number is
/// above all that had been given out when the last look began, and those of transactions that were under way then. That is all there can be:
/// a producer's transaction has its own number before its row has one. Under way are those that a snapshot lists, and all from its end on:
/// that is the number after the newest that has ended, not the next to be given out.
///
/// While much arrives it is looked for every few milliseconds, and producers need not notify: see `InboxWatch`.
///
/// @unchecked Sendable: one thread calls it, but for `end` and `forget`, which touch only what is guarded.
final class PostgresInbox: Inbox, @unchecked Sendable {
  private let link: PostgresLink
  private let options: PostgresOptions
  private let mark: PostgresStatement
  private let snapshot: PostgresStatement
  let rows: PostgresStatement
  private let relieve: PostgresStatement
  private let rely: PostgresStatement
  private let producers: PostgresStatement
  private let bell = Bell()
  private(set) var watch = InboxWatch()
  /// In which this server leads or led last; only in it may it say whether producers notify.
  private let epoch = Mutex<Int64?>(nil)
  /// Taken by change sets since the last look.
  private let taken = Mutex([Int64]())

  /// Given and not known as taken.
  private var outstanding: Set<Int64> = []
  /// All rows up to this number were given, but for those of `underWay`.
  private var seen: Int64 = 0
  private var underWay: [String] = []
  private var underWayFrom = PostgresInbox.noTransaction
  /// No transaction has this number or a higher one.
  private static let noTransaction = String(UInt64.max)
  private var generation = 0

  init(_ link: PostgresLink, _ schema: Schema, _ options: PostgresOptions) {
    self.link = link
    self.options = options
    // Each statement of a look sees what was committed before it: first the highest number is noted, then the transactions under way,
    // then the rows up to that number are read.
    mark = schema.statement(
      "inbox_mark",
      """
      SELECT CASE WHEN is_called THEN last_value ELSE 0 END, set_config('gkick_inbox.mark', CASE WHEN is_called THEN last_value ELSE 0 END::text, false) \
      FROM gkick.inbox_number_seq
      """)
    snapshot = schema.statement(
      "inbox_snapshot",
      """
      SELECT pg_snapshot_xmax(s)::text, array_to_string(ARRAY(SELECT pg_snapshot_xip(s)::text), ',') FROM pg_current_snapshot() s
      """)
    let columns = """
      number, id, queue, name, priority, CASE WHEN delay IS NULL THEN run_at ELSE at + delay * interval '1 microsecond' END, \
      payload, content_type, metadata::text, start_before, timeout, retention, max_attempts, initial_backoff, max_backoff, \
      multiplier, jitter, max_lost, unique_key, unique_hold, on_conflict, concurrency_key, fairness_key, batch_id, \
      array_to_string(depends_on, ','), on_dependency_failure
      """
    // "+ 0": for these the index of transactions is to be used, not that of numbers, which would lead past all dead entries from the beginning on.
    rows = schema.statement(
      "inbox_rows",
      """
      SELECT \(columns) FROM gkick.inbox WHERE number + 0 <= $1::bigint AND xid = ANY($2::text[]::xid8[]) \
      UNION ALL SELECT \(columns) FROM gkick.inbox WHERE number + 0 <= $1::bigint AND xid >= $4::text::xid8 \
      UNION ALL (SELECT \(columns) FROM gkick.inbox WHERE number > $1::bigint \
      AND number <= current_setting('gkick_inbox.mark')::bigint ORDER BY number LIMIT $3::int) ORDER BY 1
      """)
    // Whoever begins an epoch waits for this transaction, or this one sees the new epoch and changes nothing.
    let leading = "FROM (SELECT FROM gkick.leader WHERE epoch = $1::bigint FOR SHARE) leads"
    relieve = schema.statement("inbox_relieve", "SELECT setval('gkick.inbox_watch', 2) \(leading)")
    rely = schema.statement("inbox_rely", "SELECT setval('gkick.inbox_watch', 1) \(leading)")
    // A transaction that has put something in keeps its lock of the table until it is over.
    producers = schema.statement(
      "inbox_producers",
      """
      SELECT virtualtransaction FROM pg_locks WHERE locktype = 'relation' AND mode = 'RowExclusiveLock' \
      AND relation = 'gkick.inbox'::regclass AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      """)
  }

  func close() { link.close() }

  func reset() {
    outstanding = []
    forgetSeen()
  }

  private func forgetSeen() {
    seen = 0
    underWay = []
    underWayFrom = Self.noTransaction
    watch.forget()
  }

  /// Called when all that is stored was loaded to lead in this epoch.
  func lead(_ epoch: Epoch) { self.epoch.withLock { $0 = Int64(epoch.number) } }

  /// Called when a change set that takes these was written.
  func forget(_ numbers: [Int64]) { taken.withLock { $0 += numbers } }

  func end() { bell.ring() }

  func wait() throws(StoreError) {
    let bell = bell
    let poll = options.inboxPoll
    try link.with { (connection) throws(PostgresFailure) in
      // Nothing that was notified before this connection listened is heard of.
      guard link.generation == generation else { return }
      switch watch.next(at: .now, poll: poll) {
      case .wait(let time):
        _ = try connection.notified(by: .now + time, orReadable: bell.descriptor)
        guard watch.isLeaving else { return }
        watch.stillOpen(try connection.run([PostgresCall(producers)])[0].strings)
      case .relieve:
        let leads = try say(relieve, connection)
        if leads { watch.relieved() }
        _ = try connection.notified(by: .now + (leads ? InboxWatch.pause : poll), orReadable: bell.descriptor)
      case .rely:
        // Who decided before this that nobody need be notified is among those that are asked for after it.
        guard try say(rely, connection) else {
          _ = try connection.notified(by: .now + poll, orReadable: bell.descriptor)
          return
        }
        watch.relied(on: try connection.run([PostgresCall(producers)])[0].strings, at: .now)
      }
    }
  }

  /// - Returns: whether it was said: this server leads.
  private func say(_ statement: PostgresStatement, _ connection: PostgresConnection) throws(PostgresFailure) -> Bool {
    guard let epoch = epoch.withLock({ $0 }) else { return false }
    return try connection.run([PostgresCall(statement, [.int8(epoch)])])[0].rows == 1
  }

  func arrived(limit: Int) throws(StoreError) -> [InboxItem] {
    // What is taken from here on may still be seen by the statements below.
    for number in taken.withLock({ taken in
      defer { taken = [] }
      return taken
    }) { outstanding.remove(number) }
    if link.generation != generation {
      // Perhaps another server, where other transactions are under way, and fewer numbers given out.
      forgetSeen()
    }
    let results = try link.read([
      PostgresCall(mark), PostgresCall(snapshot),
      PostgresCall(
        rows, [.int8(seen), PostgresArray.texts(underWay), .int4(Int32(clamping: limit)), .text(underWayFrom)]),
    ])
    generation = link.generation
    let found = results[2]
    var items: [InboxItem] = []
    var last = seen
    var fresh = 0
    for row in 0..<found.rows {
      let number = found.int64(row, 0)
      if number > seen {
        fresh += 1
        last = number
      }
      if outstanding.insert(number).inserted { items.append(try InboxRow.item(found, row)) }
    }
    seen = fresh < limit ? max(last, results[0].int64(0, 0)) : last
    underWayFrom = results[1].string(0, 0)
    underWay = results[1].string(0, 1).split(separator: ",").map(String.init)
    watch.found(items.count, at: .now)
    return items
  }
}

/// Ends a wait from another thread.
final class Bell: Sendable {
  let descriptor: Int32
  private let ringing: Int32

  init() {
    var ends: [Int32] = [-1, -1]
    // Without descriptors a wait ends by its time alone.
    if unsafe pipe(&ends) == 0 { for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) } }
    descriptor = ends[0]
    ringing = ends[1]
  }

  deinit {
    close(descriptor)
    close(ringing)
  }

  func ring() {
    var one: UInt8 = 1
    // A local's own byte.
    _ = unsafe write(ringing, &one, 1)
  }
}
