import Jobs

/// What stores of format 1 hold, and how they become format 2 in one transaction: an interrupted one has changed nothing.
enum Format1 {
  static let headFormat: UInt8 = 1

  private struct HeadFlags: OptionSet {
    let rawValue: UInt8
    static let scheduled = HeadFlags(rawValue: 1)
    static let chosenID = HeadFlags(rawValue: 2)
    static let options = HeadFlags(rawValue: 4)
    static let startBefore = HeadFlags(rawValue: 8)
    static let unique = HeadFlags(rawValue: 16)
  }

  /// A head of format 1, after its first byte. Heads stay as they are until the job is replaced.
  static func readHead(_ reader: inout ByteReader, seq: Int64, queue: String, name: String) -> HeadCodec.Found {
    let flags = HeadFlags(rawValue: reader.take(UInt8.self))
    let priority = reader.take(Int8.self)
    let createdAt = Timestamp(microseconds: reader.take(Int64.self))
    let runAt = Timestamp(microseconds: reader.take(Int64.self))
    let startBefore = flags.contains(.startBefore) ? Timestamp(microseconds: reader.take(Int64.self)) : nil
    let queue = reader.takeString(unless: queue) ?? queue
    let name = reader.takeString(unless: name) ?? name
    let payloadSize = Int(truncatingIfNeeded: reader.takeVariable())
    let chosenID = flags.contains(.chosenID) ? reader.takeString() : nil
    let options =
      flags.contains(.options) ? readOptions(&reader, startBefore, hasUnique: flags.contains(.unique)) : .standard
    return HeadCodec.Found(
      seq: seq, chosenID: chosenID, queue: queue, name: name, priority: priority, createdAt: createdAt, runAt: runAt,
      payloadSize: payloadSize, bodySum: nil, options: options, isScheduled: flags.contains(.scheduled))
  }

  private static func readOptions(
    _ reader: inout ByteReader, _ startBefore: Timestamp?, hasUnique: Bool
  ) -> JobOptions {
    let retry = RetryPolicy(
      maxAttempts: reader.take(UInt32.self), initialBackoff: .zero, maxBackoff: .zero, multiplier: 1, jitter: 0,
      maxLost: reader.take(UInt32.self))
    var policy = retry
    policy.initialBackoff = Interval(microseconds: reader.take(Int64.self))
    policy.maxBackoff = Interval(microseconds: reader.take(Int64.self))
    policy.multiplier = reader.takeDouble()
    policy.jitter = reader.takeDouble()
    let timeout = reader.take(Int64.self)
    let retention = reader.take(Int64.self)
    let concurrencyKey = reader.takeString()
    let fairnessKey = reader.takeString()
    let batchID = reader.takeString()
    var unique: Uniqueness?
    if hasUnique {
      let onConflict = Uniqueness.OnConflict(rawValue: reader.take(UInt8.self))
      let holdFor = reader.take(Int64.self)
      let key = reader.takeString()
      if onConflict == nil { reader.markDamaged() }
      unique = Uniqueness(
        key: key, holdFor: holdFor == .min ? nil : Interval(microseconds: holdFor), onConflict: onConflict ?? .keep)
    }
    return JobOptions(
      retry: policy, timeout: timeout == .min ? nil : Interval(microseconds: timeout), startBefore: startBefore,
      retention: retention == .min ? nil : Interval(microseconds: retention), unique: unique,
      concurrencyKey: concurrencyKey, fairnessKey: fairnessKey, batchID: batchID)
  }

  private struct StateFlags: OptionSet {
    let rawValue: UInt16
    static let started = StateFlags(rawValue: 1)
    static let worker = StateFlags(rawValue: 2)
    static let lease = StateFlags(rawValue: 4)
    static let deadline = StateFlags(rawValue: 8)
    static let cancelRequested = StateFlags(rawValue: 16)
    static let cancelReason = StateFlags(rawValue: 32)
    static let final = StateFlags(rawValue: 64)
    static let result = StateFlags(rawValue: 128)
    static let failures = StateFlags(rawValue: 256)
    static let progress = StateFlags(rawValue: 512)
  }

  /// What was one row became two: what decides, and what is only carried.
  private static func readState(_ reader: inout ByteReader) -> (JobStanding, JobCarried) {
    let state = JobState(rawValue: reader.take(UInt8.self))
    if state == nil { reader.markDamaged() }
    let flags = StateFlags(rawValue: reader.take(UInt16.self))
    var standing = JobStanding(state: state ?? .ready, runAt: .distantPast)
    standing.attempt = UInt32(truncatingIfNeeded: reader.takeVariable())
    standing.lost = UInt32(truncatingIfNeeded: reader.takeVariable())
    standing.runAt = Timestamp(microseconds: reader.take(Int64.self))
    if flags.contains(.started) { standing.startedAt = Timestamp(microseconds: reader.take(Int64.self)) }
    standing.wasStarted = standing.startedAt != nil
    if flags.contains(.worker) { standing.workerID = reader.takeString() }
    if flags.contains(.lease) {
      standing.token = reader.take(UInt64.self)
      // The lease's end: at a start every lease gets a full term.
      _ = reader.take(Int64.self)
    }
    if flags.contains(.deadline) { standing.deadline = Timestamp(microseconds: reader.take(Int64.self)) }
    standing.cancelRequested = flags.contains(.cancelRequested)
    let reason = flags.contains(.cancelReason) ? reader.takeString() : ""
    if flags.contains(.final) {
      standing.finishedAt = Timestamp(microseconds: reader.take(Int64.self))
      standing.expires = Timestamp(microseconds: reader.take(Int64.self))
    }
    let result = flags.contains(.result) ? reader.takeBytes() : []
    var failures: [Failure] = []
    if flags.contains(.failures) {
      let count = reader.takeVariable()
      while reader.isGood, failures.count < count { failures.append(CarriedCodec.readFailure(&reader)) }
    }
    let progress = flags.contains(.progress) ? CarriedCodec.readProgress(&reader) : nil
    return (standing, JobCarried(result: result, failures: failures, progress: progress, cancelReason: reason))
  }

  /// Within the transaction that makes the store format 2, its new tables already there.
  static func migrate(_ connection: Connection, path: String) throws(StoreError) {
    let salt = UInt32(truncatingIfNeeded: try connection.integer("SELECT value FROM meta WHERE key = 'salt'") ?? 0)
    try migrateStates(connection, path: path)
    try migrateHolds(connection)
    try migrateQueues(connection)
    let next = try connection.integer("SELECT value FROM meta WHERE key = 'seq'") ?? 1
    let highest = try connection.integer("SELECT max(seq) FROM jobs") ?? 0
    let mark = Mark(nextSeq: max(next, highest + 1), lastCursor: try lastCursor(connection, salt: salt))
    try connection.execute("DROP TABLE uniques")
    try connection.execute("DELETE FROM meta WHERE key IN ('seq', 'lookalikes')")
    try Writer.put(mark, connection)
  }

  private static func lastCursor(_ connection: Connection, salt: UInt32) throws(StoreError) -> Int64 {
    let trimmed = try connection.integer("SELECT value FROM meta WHERE key = 'cursor'") ?? 0
    return max(trimmed, try EventRows.last(connection, salt: salt)?.cursor ?? 0)
  }

  private static func migrateStates(_ connection: Connection, path: String) throws(StoreError) {
    let states = try Statement(connection, "SELECT seq, rec FROM states WHERE seq > ?1 ORDER BY seq LIMIT 1000")
    let heads = try Statement(connection, "SELECT head FROM jobs WHERE seq = ?1")
    let put = try Statement(connection, "UPDATE states SET rec = ?2 WHERE seq = ?1")
    let carry = try Statement(connection, "INSERT INTO carried(seq, rec) VALUES(?1, ?2)")
    var bytes = ByteWriter()
    var last: Int64 = 0
    while true {
      var found: [(Int64, JobStanding, JobCarried)] = []
      states.bind(1, last)
      while try states.step() {
        let seq = states.integer(0)
        var isGood = true
        let row = states.read(1) { reader in
          let row = readState(&reader)
          isGood = reader.isGood
          return row
        }
        guard isGood else { throw Damage.job(seq, path) }
        found.append((seq, row.0, row.1))
      }
      states.reset()
      guard let end = found.last?.0 else { return }
      last = end
      for (seq, standing, carried) in found {
        heads.bind(1, seq)
        guard try heads.step() else { throw Damage.job(seq, path) }
        var isGood = true
        let head = heads.read(0) { reader in
          let head = HeadCodec.read(&reader, seq: seq)
          isGood = reader.isGood
          return head
        }
        heads.reset()
        guard isGood else { throw Damage.job(seq, path) }
        let hasCarried = !CarriedCodec.isEmpty(carried)
        bytes.clear()
        StateCodec.write(
          standing, hasCarried: hasCarried, keys: standing.state.isFinal ? JobKeys(head) : nil, to: &bytes)
        put.bind(1, seq)
        put.bind(2, bytes)
        try put.run()
        guard hasCarried else { continue }
        bytes.clear()
        CarriedCodec.write(carried, to: &bytes)
        carry.bind(1, seq)
        carry.bind(2, bytes)
        try carry.run()
      }
    }
  }

  /// Keys of jobs that are final; those of the others are in the jobs themselves.
  private static func migrateHolds(_ connection: Connection) throws(StoreError) {
    try connection.execute(
      """
      INSERT INTO holds(seq, queue, key, until)
      SELECT seq, max(queue), max(key), max(until) FROM uniques WHERE until IS NOT NULL GROUP BY seq
      """)
  }

  private static func migrateQueues(_ connection: Connection) throws(StoreError) {
    let old = try Statement(connection, "SELECT name, paused, succeeded, failed, dead, ended FROM queues")
    var queues: [StoredQueue] = []
    // The latest step of its jobs is not known: as if it were just now, so that no name goes early.
    let now = try connection.integer("SELECT max(at) FROM events") ?? 0
    while try old.step() {
      var queue = StoredQueue(name: old.text(0))
      queue.isPaused = old.integer(1) != 0
      queue.succeeded = UInt64(old.integer(2))
      queue.failed = UInt64(old.integer(3))
      queue.dead = UInt64(old.integer(4))
      queue.ended = UInt64(old.integer(5))
      queue.lastUsedAt = Timestamp(microseconds: now)
      queues.append(queue)
    }
    old.reset()
    try connection.execute("DROP TABLE queues")
    try connection.execute(Schema.queues)
    let put = try Statement(connection, Writer.putQueue)
    var bytes = ByteWriter()
    for queue in queues {
      bytes.clear()
      QueueCodec.write(queue, to: &bytes)
      put.bind(1, queue.name)
      put.bind(2, bytes)
      try put.run()
    }
  }
}
