import Jobs

/// The writing connection with every statement that a batch needs, prepared once.
final class Writer {
  static let putQueue = "INSERT OR REPLACE INTO queues(name, rec) VALUES(?1, ?2)"

  let connection: Connection
  private let salt: UInt32
  private let begin: Statement
  private let commit: Statement
  private let rollback: Statement
  private let jobs: RowBuffer
  private let states: RowBuffer
  private let carried: RowBuffer
  private let replaceJob: Statement
  private let deleteJob: Statement
  private let deleteState: Statement
  private let deleteCarried: Statement
  private let selectState: Statement
  private let selectHead: Statement
  private let insertID: Statement
  private let deleteID: Statement
  private let putHold: Statement
  private let deleteHold: Statement
  private let putEnds: Statement
  private let setEnds: Statement
  private let deleteEnds: Statement
  private let firstEnds: Statement
  private let selectEnds: Statement
  private let putQueue: Statement
  private let deleteQueue: Statement
  private let putDocument: Statement
  private let deleteDocument: Statement
  private let events: EventRows
  private let oldEvents: Statement
  private var bytes = ByteWriter()

  init(_ connection: Connection, salt: UInt32, _ retention: EventRetention) throws(StoreError) {
    self.connection = connection
    self.salt = salt
    begin = try Statement(connection, "BEGIN IMMEDIATE")
    commit = try Statement(connection, "COMMIT")
    rollback = try Statement(connection, "ROLLBACK")
    // OR FAIL: what went before need not be undone, for the whole transaction will be.
    jobs = try RowBuffer(connection, insert: "INSERT OR FAIL INTO jobs(seq, head, body)", hasBody: true)
    states = try RowBuffer(connection, insert: "INSERT OR REPLACE INTO states(seq, rec)", hasBody: false)
    carried = try RowBuffer(connection, insert: "INSERT OR REPLACE INTO carried(seq, rec)", hasBody: false)
    replaceJob = try Statement(connection, "UPDATE jobs SET head = ?2, body = ?3 WHERE seq = ?1")
    deleteJob = try Statement(connection, "DELETE FROM jobs WHERE seq = ?1")
    deleteState = try Statement(connection, "DELETE FROM states WHERE seq = ?1")
    deleteCarried = try Statement(connection, "DELETE FROM carried WHERE seq = ?1")
    selectState = try Statement(connection, "SELECT rec FROM states WHERE seq = ?1")
    selectHead = try Statement(connection, "SELECT head FROM jobs WHERE seq = ?1")
    insertID = try Statement(connection, "INSERT OR REPLACE INTO ids(id, seq) VALUES(?1, ?2)")
    deleteID = try Statement(connection, "DELETE FROM ids WHERE id = ?1 AND seq = ?2")
    putHold = try Statement(
      connection, "INSERT OR REPLACE INTO holds(seq, queue, key, until) VALUES(?1, ?2, ?3, ?4)")
    deleteHold = try Statement(connection, "DELETE FROM holds WHERE seq = ?1")
    putEnds = try Statement(
      connection,
      """
      INSERT INTO ends(at, seqs) VALUES(?1, ?2)
      ON CONFLICT(at) DO UPDATE SET seqs = CAST(seqs || excluded.seqs AS BLOB)
      """)
    setEnds = try Statement(connection, "UPDATE ends SET seqs = ?2 WHERE at = ?1")
    deleteEnds = try Statement(connection, "DELETE FROM ends WHERE at = ?1")
    firstEnds = try Statement(connection, "SELECT at, seqs FROM ends WHERE at > ?1 ORDER BY at LIMIT 1")
    selectEnds = try Statement(connection, "SELECT seqs FROM ends WHERE at = ?1")
    putQueue = try Statement(connection, Self.putQueue)
    deleteQueue = try Statement(connection, "DELETE FROM queues WHERE name = ?1")
    putDocument = try Statement(
      connection, "INSERT OR REPLACE INTO documents(kind, key, bytes) VALUES(?1, ?2, ?3)")
    deleteDocument = try Statement(connection, "DELETE FROM documents WHERE kind = ?1 AND key = ?2")
    events = try EventRows(connection, retention)
    oldEvents = try Statement(
      connection, "SELECT first, at, total, length(rec) FROM events ORDER BY first LIMIT ?1")
  }

  /// Stores the batch in one transaction, all or nothing; while the store is being opened, as a part of that one.
  func write(_ batch: borrowing Batch) throws(StoreError) {
    if connection.isInTransaction { return try put(batch) }
    let total = events.total
    do throws(StoreError) {
      try begin.run()
      try put(batch)
      try commit.run()
    } catch {
      undo()
      events.setTotal(total)
      throw error
    }
  }

  func undo() {
    jobs.clear()
    states.clear()
    carried.clear()
    // That it cannot be undone shows when the next transaction begins.
    if connection.isInTransaction { try? rollback.run() }
  }

  private func put(_ batch: borrowing Batch) throws(StoreError) {
    let sorted = batch.jobs.filter { !$0.isNothing }.sorted { $0.seq < $1.seq }
    // While the rows still say when those jobs were to be forgotten.
    try dropEnds(sorted)
    for job in sorted where job.isGone { try delete(job.seq, job) }
    var ends = Ends()
    for job in sorted where !job.isGone { try put(job.seq, job, ends: &ends) }
    try jobs.flush()
    try states.flush()
    try carried.flush()
    for (at, seqs) in ends.all() {
      bytes.clear()
      for seq in seqs { bytes.put(seq) }
      putEnds.bind(1, at)
      putEnds.bind(2, bytes)
      try putEnds.run()
    }
    for (name, queue) in batch.queues { try put(name, queue) }
    for (key, document) in batch.documents {
      if let document {
        putDocument.bind(1, Int64(key.kind.rawValue))
        putDocument.bind(2, key.key)
        try putDocument.run(3, document)
      } else {
        deleteDocument.bind(1, Int64(key.kind.rawValue))
        deleteDocument.bind(2, key.key)
        try deleteDocument.run()
      }
    }
    try events.write(batch.events)
    bytes.clear()
    batch.mark.write(to: &bytes)
    putQueue.bind(1, "")
    putQueue.bind(2, bytes)
    try putQueue.run()
  }

  /// When jobs that became final are to be forgotten. They come in runs that ended together.
  private struct Ends {
    private var byTime: [Int64: [Int64]] = [:]
    private var latest: (at: Int64, seqs: [Int64]) = (0, [])

    mutating func add(_ seq: Int64, at: Int64) {
      if at != latest.at { close(at) }
      latest.seqs.append(seq)
    }

    private mutating func close(_ at: Int64) {
      if !latest.seqs.isEmpty { byTime[latest.at, default: []] += latest.seqs }
      latest = (at, [])
    }

    mutating func all() -> [Int64: [Int64]] {
      close(0)
      return byTime
    }
  }

  private func put(_ seq: Int64, _ job: Batch.Job, ends: inout Ends) throws(StoreError) {
    if job.isNew {
      let body = job.body ?? []
      HeadCodec.write(job.head, bodySum: Checksum.of(body), to: &jobs.bytes)
      try jobs.put(seq, body: body)
      if job.head.isChosen {
        insertID.bind(1, job.head.job.id)
        insertID.bind(2, seq)
        try insertID.run()
      }
    } else if let body = job.body {
      bytes.clear()
      HeadCodec.write(job.head, bodySum: Checksum.of(body), to: &bytes)
      replaceJob.bind(1, seq)
      replaceJob.bind(2, bytes)
      try replaceJob.run(3, body)
    }
    let isFinal = job.standing.state.isFinal
    if job.needsRow {
      StateCodec.write(
        job.standing, hasCarried: job.hasCarried, keys: isFinal ? job.keys ?? JobKeys(job.head) : nil,
        to: &states.bytes)
      try states.put(seq)
    }
    if isFinal { ends.add(seq, at: job.standing.expires.microseconds) }
    if let carried = job.carried, job.hasCarried {
      CarriedCodec.write(carried, to: &self.carried.bytes)
      try self.carried.put(seq)
    } else if job.stored.hasCarried, !job.hasCarried {
      deleteCarried.bind(1, seq)
      try deleteCarried.run()
    }
    if isFinal, let until = job.head.holdsUntil, let key = job.head.job.options.unique?.key {
      putHold.bind(1, seq)
      putHold.bind(2, job.head.job.queue)
      putHold.bind(3, key)
      putHold.bind(4, until.microseconds)
      try putHold.run()
    } else if job.mayHaveHold {
      deleteHold.bind(1, seq)
      try deleteHold.run()
    }
  }

  private func delete(_ seq: Int64, _ job: Batch.Job) throws(StoreError) {
    deleteJob.bind(1, seq)
    try deleteJob.run()
    if job.stored.hasRow {
      deleteState.bind(1, seq)
      try deleteState.run()
    }
    if job.stored.hasCarried {
      deleteCarried.bind(1, seq)
      try deleteCarried.run()
    }
    if job.head.isChosen {
      deleteID.bind(1, job.head.job.id)
      deleteID.bind(2, seq)
      try deleteID.run()
    }
    if job.mayHaveHold {
      deleteHold.bind(1, seq)
      try deleteHold.run()
    }
  }

  private func put(_ name: String, _ queue: StoredQueue?) throws(StoreError) {
    guard let queue else {
      deleteQueue.bind(1, name)
      return try deleteQueue.run()
    }
    bytes.clear()
    QueueCodec.write(queue, to: &bytes)
    putQueue.bind(1, name)
    putQueue.bind(2, bytes)
    try putQueue.run()
  }

  // MARK: When to forget

  /// Takes jobs that are stored as final, and go or change, off the lists of when to forget them.
  private func dropEnds(_ jobs: [Batch.Job]) throws(StoreError) {
    var left = Set(jobs.lazy.filter { $0.stored.isFinal }.map(\.seq))
    // Mostly they are just those whose time has come: the first on the lists.
    var at = Int64.min
    while !left.isEmpty {
      firstEnds.bind(1, at)
      guard try firstEnds.step() else {
        firstEnds.reset()
        break
      }
      at = firstEnds.integer(0)
      let seqs = firstEnds.read(1) { Self.seqs(&$0) }
      firstEnds.reset()
      if try !keep(seqs.filter { left.remove($0) == nil }, of: seqs.count, at: at) { break }
    }
    for seq in left {
      selectState.bind(1, seq)
      let expires = try selectState.step() ? selectState.read(0) { StateCodec.read(&$0).standing.expires } : nil
      selectState.reset()
      guard let at = expires?.microseconds else { continue }
      selectEnds.bind(1, at)
      let seqs = try selectEnds.step() ? selectEnds.read(0) { Self.seqs(&$0) } : []
      selectEnds.reset()
      _ = try keep(seqs.filter { $0 != seq }, of: seqs.count, at: at)
    }
  }

  /// False: nothing goes.
  private func keep(_ seqs: [Int64], of count: Int, at: Int64) throws(StoreError) -> Bool {
    if seqs.count == count { return false }
    if seqs.isEmpty {
      deleteEnds.bind(1, at)
      try deleteEnds.run()
    } else {
      bytes.clear()
      for seq in seqs { bytes.put(seq) }
      setEnds.bind(1, at)
      setEnds.bind(2, bytes)
      try setEnds.run()
    }
    return true
  }

  static func seqs(_ reader: inout ByteReader) -> [Int64] {
    var seqs: [Int64] = []
    while !reader.isAtEnd, reader.isGood { seqs.append(reader.take(Int64.self)) }
    return seqs
  }

  // MARK: The mark

  func head(_ seq: Int64) throws(StoreError) -> JobHead {
    selectHead.bind(1, seq)
    defer { selectHead.reset() }
    guard try selectHead.step() else { throw Damage.job(seq, connection.path) }
    var isGood = true
    let found = selectHead.read(0) { reader in
      let found = HeadCodec.read(&reader, seq: seq)
      isGood = reader.isGood
      return found
    }
    guard isGood else { throw Damage.job(seq, connection.path) }
    return found.head(salt: salt)
  }

  func stored(_ seq: Int64) throws(StoreError) -> JobFlags {
    selectState.bind(1, seq)
    defer { selectState.reset() }
    // Without a row in `states` it waits, and has nothing carried.
    guard try selectState.step() else { return JobFlags(.ready, hasRow: false, hasCarried: false) }
    var isGood = true
    let found = selectState.read(0) { reader in
      let found = StateCodec.read(&reader)
      isGood = reader.isGood
      return found
    }
    guard isGood else { throw Damage.job(seq, connection.path) }
    return JobFlags(found.standing.state, hasRow: true, hasCarried: found.hasCarried)
  }

  static func put(_ mark: Mark, _ connection: Connection) throws(StoreError) {
    let put = try Statement(connection, putQueue)
    var bytes = ByteWriter(capacity: 64)
    mark.write(to: &bytes)
    put.bind(1, "")
    put.bind(2, bytes)
    try put.run()
  }

  func mark() throws(StoreError) -> Mark { try Self.mark(connection) }

  static func mark(_ connection: Connection) throws(StoreError) -> Mark {
    let select = try Statement(connection, "SELECT rec FROM queues WHERE name = ''")
    defer { select.reset() }
    guard try select.step() else { throw Damage.of("its own mark", connection.path) }
    var isGood = true
    let mark = select.read(0) { reader in
      let mark = Mark(&reader)
      isGood = reader.isGood
      return mark
    }
    guard isGood else { throw Damage.of("its own mark", connection.path) }
    return mark
  }

  /// Forgets what `retention` allows of the events, looking at no more than `limit` rows. Returns when the next go.
  func trimEvents(_ retention: EventRetention, now: Timestamp, limit: Int, lastCursor: Int64) throws(StoreError)
    -> Timestamp
  {
    let select = oldEvents
    select.bind(1, Int64(limit + 1))
    var looked = 0
    // The first row that stays; none left: all of them go.
    var end = lastCursor + 1
    var next = Timestamp.distantFuture
    defer { select.reset() }
    while try select.step() {
      let first = select.integer(0)
      let over = Timestamp(microseconds: select.integer(1)) + retention.age
      // What is stored with this row: all after the rows before it.
      let stored = events.total - select.integer(2) + select.integer(3)
      let stays = over > now && stored <= retention.bytes
      if stays || looked == limit {
        end = first
        next = stays ? over : now
        break
      }
      looked += 1
    }
    select.reset()
    guard looked > 0 else { return next }
    do throws(StoreError) {
      try begin.run()
      try connection.execute("DELETE FROM events WHERE first < \(end)")
      try connection.execute("INSERT OR REPLACE INTO meta(key, value) VALUES('cursor', \(end - 1))")
      try commit.run()
    } catch {
      undo()
      throw error
    }
    return next
  }
}
