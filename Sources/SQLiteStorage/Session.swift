import Jobs

/// One reading connection with its statements, used by one thread at a time.
final class Session {
  let connection: Connection
  private let salt: UInt32
  private let selectJob: Statement
  private let selectHead: Statement
  private let selectCarried: Statement
  private let selectID: Statement
  private let selectEnds: Statement
  private let events: Statement
  private let oldest: Statement
  private let trimmed: Statement

  init(path: String, salt: UInt32) throws(StoreError) {
    connection = try Connection(path: path, readOnly: true)
    self.salt = salt
    try connection.execute("PRAGMA cache_size = -2000")
    selectJob = try Statement(
      connection, "SELECT head, rec, body FROM jobs LEFT JOIN states ON states.seq = jobs.seq WHERE jobs.seq = ?1")
    selectHead = try Statement(
      connection, "SELECT head, rec FROM jobs LEFT JOIN states ON states.seq = jobs.seq WHERE jobs.seq = ?1")
    selectCarried = try Statement(connection, "SELECT rec FROM carried WHERE seq = ?1")
    selectID = try Statement(connection, "SELECT seq FROM ids WHERE id = ?1")
    selectEnds = try Statement(connection, "SELECT at, seqs FROM ends ORDER BY at")
    events = try Statement(
      connection,
      """
      SELECT first, rec FROM events
      WHERE first >= ifnull((SELECT max(first) FROM events WHERE first <= ?1), 0) ORDER BY first
      """)
    oldest = try Statement(connection, "SELECT first FROM events ORDER BY first LIMIT 1")
    trimmed = try Statement(connection, "SELECT value FROM meta WHERE key = 'cursor'")
  }

  /// Runs `body` in one read transaction: it sees one state of all.
  func read<T>(_ body: () throws(StoreError) -> T) throws(StoreError) -> T {
    try connection.execute("BEGIN")
    defer { connection.end() }
    return try body()
  }

  func job(_ seq: Int64, body: Bool, carried: Bool) throws(StoreError) -> StoredJob? {
    let statement = body ? selectJob : selectHead
    statement.bind(1, seq)
    guard try statement.step() else {
      statement.reset()
      return nil
    }
    defer { statement.reset() }
    var isGood = true
    let head = statement.read(0) { reader in
      let head = HeadCodec.read(&reader, seq: seq)
      isGood = reader.isGood
      return head
    }
    var standing = head.untouched
    var hasCarried = false
    if !statement.isNull(1) {
      let found = statement.read(1) { reader in
        let found = StateCodec.read(&reader)
        isGood = isGood && reader.isGood
        return found
      }
      standing = found.standing
      hasCarried = found.hasCarried
    }
    guard isGood else { throw Damage.job(seq, connection.path) }
    var job = StoredJob(head: head.head(salt: salt), standing: standing)
    if body {
      job.body = statement.bytes(2)
      if let sum = head.bodySum, sum != Checksum.of(job.body) {
        job.body = []
        job.isDamaged = true
      }
    }
    if carried, hasCarried { job.carried = try self.carried(seq) }
    return job
  }

  private func carried(_ seq: Int64) throws(StoreError) -> JobCarried {
    selectCarried.bind(1, seq)
    defer { selectCarried.reset() }
    guard try selectCarried.step() else { throw Damage.job(seq, connection.path) }
    var isGood = true
    let carried = selectCarried.read(0) { reader in
      let carried = CarriedCodec.read(&reader)
      isGood = reader.isGood
      return carried
    }
    guard isGood else { throw Damage.job(seq, connection.path) }
    return carried
  }

  func seq(of id: String) throws(StoreError) -> Int64? {
    selectID.bind(1, id)
    defer { selectID.reset() }
    return try selectID.step() ? selectID.integer(0) : nil
  }

  /// Looks at final jobs in the order in which they are to be forgotten, until `body` has enough.
  func ends(_ body: (Timestamp, [Int64]) throws(StoreError) -> Bool) throws(StoreError) {
    defer { selectEnds.reset() }
    while try selectEnds.step() {
      let seqs = selectEnds.read(1) { Writer.seqs(&$0) }
      guard try body(Timestamp(microseconds: selectEnds.integer(0)), seqs) else { return }
    }
  }

  func events(after cursor: Int64, limit: Int) throws(StoreError) -> EventPage {
    if cursor > 0 {
      let end = try trimmedCursor()
      if cursor < end { return .trimmed(oldest: end) }
    }
    let statement = self.events
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
      if !isGood { throw Damage.of("event \(at)", connection.path) }
    }
    return .events(events, next: events.last?.cursor ?? cursor)
  }

  /// Every event up to here is gone.
  private func trimmedCursor() throws(StoreError) -> Int64 {
    defer {
      oldest.reset()
      trimmed.reset()
    }
    if try trimmed.step() { return trimmed.integer(0) }
    return try oldest.step() ? oldest.integer(0) - 1 : 0
  }
}
