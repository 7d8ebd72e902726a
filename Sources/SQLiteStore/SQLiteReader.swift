import CSQLite
import Jobs
import Synchronization

/// Looks things up on connections of its own, so that no tick waits for it and it waits for none.
final class SQLiteReader: JobReader {
  private let path: String
  private let salt: UInt32
  private let leases: LeaseBoard
  private let pool = Mutex(Pool())
  /// Rows that one call of `jobs` looks at before it gives what it has.
  private static let rowsPerCall = 5_000

  private struct Pool: ~Copyable {
    var idle: [Session] = []
    var isClosed = false
  }

  /// One connection with its statements.
  private final class Session {
    let connection: Connection
    let selectJob: Statement
    let selectID: Statement
    let list: Statement
    let events: Statement
    let oldest: Statement
    let cursor: Statement

    init(path: String) throws(StoreError) {
      connection = try Connection(path: path, readOnly: true)
      try connection.execute("PRAGMA cache_size = -2000")
      let columns = "SELECT jobs.seq, head, rec, body FROM jobs LEFT JOIN states ON states.seq = jobs.seq"
      selectJob = try Statement(connection, columns + " WHERE jobs.seq = ?1")
      selectID = try Statement(connection, "SELECT seq FROM ids WHERE id = ?1")
      list = try Statement(connection, columns + " WHERE jobs.seq < ?1 ORDER BY jobs.seq DESC LIMIT ?2")
      events = try Statement(
        connection,
        """
        SELECT first, rec FROM events
        WHERE first >= ifnull((SELECT max(first) FROM events WHERE first <= ?1), 0) ORDER BY first
        """)
      oldest = try Statement(connection, "SELECT first FROM events ORDER BY first LIMIT 1")
      cursor = try Statement(connection, "SELECT value FROM meta WHERE key = 'cursor'")
    }
  }

  init(path: String, salt: UInt32, leases: LeaseBoard) {
    self.path = path
    self.salt = salt
    self.leases = leases
  }

  func close() {
    pool.withLock { pool in
      pool.isClosed = true
      pool.idle = []
    }
  }

  /// Runs `body` on a connection that no other thread uses meanwhile, in one read transaction.
  private func read<T>(_ body: (Session) throws(StoreError) -> T) throws(StoreError) -> T {
    let (idle, isClosed) = pool.withLock { ($0.idle.popLast().map { Held($0) }, $0.isClosed) }
    if isClosed { throw StoreError(.unavailable, "the embedded store is closed") }
    let session: Session
    if let idle { session = idle.session } else { session = try Session(path: path) }
    defer {
      let held = Held(session)
      pool.withLock { pool in
        if pool.idle.count < 4, !pool.isClosed { pool.idle.append(held.session) }
      }
    }
    try session.connection.execute("BEGIN")
    defer { session.connection.end() }
    return try body(session)
  }

  /// A session on its way from or to the pool: it has one user at any time.
  private struct Held: @unchecked Sendable {
    let session: Session
    init(_ session: Session) { self.session = session }
  }

  func job(id: String) throws(StoreError) -> JobRecord? {
    try read { session throws(StoreError) in
      if let seq = JobID.seq(of: id, salt: salt), let record = try record(seq, session), record.job.id == id {
        return record
      }
      session.selectID.bind(1, id)
      defer { session.selectID.reset() }
      guard try session.selectID.step() else { return nil }
      return try record(session.selectID.integer(0), session)
    }
  }

  private func record(_ seq: Int64, _ session: Session) throws(StoreError) -> JobRecord? {
    let statement = session.selectJob
    statement.bind(1, seq)
    defer { statement.reset() }
    return try statement.step() ? try record(statement) : nil
  }

  private func record(_ statement: Statement) throws(StoreError) -> JobRecord {
    guard let stored = statement.stored(seq: statement.integer(0), head: 1, rec: 2, salt: salt) else {
      throw damaged(statement)
    }
    return finish(stored, statement)
  }

  private func damaged(_ statement: Statement) -> StoreError {
    StoreError(.unusable, "the embedded store is damaged: job number \(statement.integer(0)) cannot be read")
  }

  private func finish(_ stored: Stored, _ statement: Statement) -> JobRecord {
    var record = stored.record
    record.job.body = statement.bytes(3)
    if record.state == .running, let until = leases.until(record.seq) { record.leaseUntil = until }
    return record
  }

  func jobs(_ query: JobQuery) throws(StoreError) -> JobPage {
    try read { session throws(StoreError) in
      let limit = min(max(query.limit, 1), 1_000)
      let statement = session.list
      statement.bind(1, query.before ?? .max)
      statement.bind(2, Int64(Self.rowsPerCall) + 1)
      defer { statement.reset() }
      var page = JobPage(jobs: [], next: nil)
      var looked = 0
      var last: Int64 = 0
      while try statement.step() {
        if looked == Self.rowsPerCall || page.jobs.count == limit {
          page.next = last
          break
        }
        looked += 1
        last = statement.integer(0)
        guard let stored = statement.stored(seq: last, head: 1, rec: 2, salt: salt) else { throw damaged(statement) }
        if query.takes(stored) { page.jobs.append(finish(stored, statement)) }
      }
      return page
    }
  }

  func events(after cursor: Int64, limit: Int) throws(StoreError) -> EventPage {
    try read { session throws(StoreError) in
      if cursor > 0 {
        let trimmed = try trimmed(session)
        if cursor < trimmed { return .trimmed(oldest: trimmed) }
      }
      let statement = session.events
      statement.bind(1, max(0, cursor) + 1)
      defer { statement.reset() }
      var events: [Event] = []
      while events.count < limit, try statement.step() {
        var at = statement.integer(0) - 1
        let isGood = statement.read(1) { reader in
          var codec = EventCodec(salt: salt)
          while !reader.isAtEnd, reader.isGood, events.count < limit {
            at += 1
            let event = codec.read(&reader, cursor: at)
            if at > cursor, reader.isGood { events.append(event) }
          }
          return reader.isGood
        }
        if !isGood { throw StoreError(.unusable, "the embedded store is damaged: event \(at) cannot be read") }
      }
      return .events(events, next: events.last?.cursor ?? cursor)
    }
  }

  /// Every event up to here is gone.
  private func trimmed(_ session: Session) throws(StoreError) -> Int64 {
    defer {
      session.oldest.reset()
      session.cursor.reset()
    }
    if try session.oldest.step() { return session.oldest.integer(0) - 1 }
    return try session.cursor.step() ? session.cursor.integer(0) : 0
  }
}

extension JobQuery {
  fileprivate func takes(_ stored: Stored) -> Bool {
    (queue.isEmpty || queue == stored.head.job.queue) && (states.isEmpty || states.contains(stored.row.state))
      && (name.isEmpty || name == stored.head.job.name)
      && (batchID.isEmpty || batchID == stored.head.job.options.batchID)
  }
}
