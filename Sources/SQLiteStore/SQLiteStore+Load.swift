import Jobs

/// Rebuilding what is in memory when the store is opened.
extension SQLiteStore {
  func load(now: Timestamp) throws(StoreError) {
    try loadQueues()
    try loadJobs(now: now)
    try loadEvents()
  }

  private func loadQueues() throws(StoreError) {
    let statement = try Statement(
      database.connection, "SELECT name, paused, succeeded, failed, dead, ended FROM queues")
    while try statement.step() {
      let queue = memory.queue(statement.text(0))
      queue.standing.isPaused = statement.integer(1) != 0
      queue.standing.succeeded = UInt64(statement.integer(2))
      queue.standing.failed = UInt64(statement.integer(3))
      queue.standing.dead = UInt64(statement.integer(4))
      queue.standing.ended = UInt64(statement.integer(5))
    }
    statement.reset()
  }

  /// Goes through `states`, which is narrow, and looks into `jobs` for those that have no row there and those that wait or run: finished
  /// jobs' records are not read.
  private func loadJobs(now: Timestamp) throws(StoreError) {
    let states = try Statement(database.connection, "SELECT seq, rec FROM states ORDER BY seq")
    let untouched = try Statement(
      database.connection, "SELECT seq, head FROM jobs WHERE seq > ?1 AND seq < ?2 ORDER BY seq")
    var last: Int64 = 0
    while try states.step() {
      let seq = states.integer(0)
      if seq > last + 1 { try loadUntouched(untouched, after: last, before: seq) }
      last = seq
      let state = states.read(1) { JobState(rawValue: $0.take(UInt8.self)) }
      guard let state else { throw damaged(seq) }
      if state.isFinal { continue }
      guard var stored = try read(seq, withRow: true) else { throw damaged(seq) }
      let queue = memory.queue(stored.head.job.queue)
      if state == .running {
        // No server was there to renew it.
        stored.row.until = leaseEnd(now + configuration.lease, stored.row)
        leases.note(seq, until: stored.row.until)
        let running = Live(stored, queue: queue)
        running.isRenewed = true
        memory.start(running)
      } else {
        memory.enter(stored, queue)
      }
      memory.commitLoaded()
    }
    states.reset()
    try loadUntouched(untouched, after: last, before: .max)
    leases.publish()
    let highest = try database.connection.integer("SELECT max(seq) FROM jobs") ?? 0
    nextSeq = max(try database.meta("seq") ?? 1, highest + 1)
  }

  private func loadUntouched(_ statement: Statement, after: Int64, before: Int64) throws(StoreError) {
    statement.bind(1, after)
    statement.bind(2, before)
    defer { statement.reset() }
    // The last job's queue and lane: most are like the one before.
    var queue: Queue?
    var lane: Lane?
    while try statement.step() {
      let seq = statement.integer(0)
      let isGood = statement.read(1) { reader in
        let front = HeadCodec.readFront(&reader)
        if let other = reader.takeString(unless: queue?.name ?? "") {
          queue = memory.queue(other)
          lane = nil
        }
        let other = reader.takeString(unless: lane?.name ?? "")
        guard reader.isGood, let queue else { return false }
        if other != nil || lane?.priority != front.priority {
          lane = queue.lane(name: other ?? lane?.name ?? "", priority: front.priority)
        }
        guard let lane else { return false }
        memory.load(seq: seq, front, queue, lane)
        return true
      }
      if !isGood { throw damaged(seq) }
    }
  }

  private func loadEvents() throws(StoreError) {
    let statement = try Statement(
      database.connection, "SELECT first, total, rec FROM events ORDER BY first DESC LIMIT 1")
    defer { statement.reset() }
    guard try statement.step() else {
      events = EventLog(cursor: try database.meta("cursor") ?? 0, total: 0, salt: salt)
      return
    }
    let first = statement.integer(0)
    let total = statement.integer(1)
    var cursor = first - 1
    let isGood = statement.read(2) { reader in
      var codec = EventCodec(salt: salt)
      while !reader.isAtEnd, reader.isGood {
        cursor += 1
        _ = codec.read(&reader, cursor: cursor)
      }
      return reader.isGood
    }
    if !isGood { throw StoreError(.unusable, "the embedded store is damaged: events from \(first) cannot be read") }
    events = EventLog(cursor: cursor, total: total, salt: salt)
  }
}

extension Memory {
  /// A job as it was enqueued. Nothing to undo: this is before the first tick.
  func load(seq: Int64, _ front: HeadCodec.Front, _ queue: Queue, _ lane: Lane) {
    if front.flags.contains(.scheduled) {
      queue.standing.scheduled += 1
      loadDue(Entry(at: front.runAt.microseconds, seq: seq, hasRow: false))
    } else {
      queue.standing.ready += 1
      let readyAt = max(front.runAt, front.createdAt)
      load(Entry(at: readyAt.microseconds, seq: seq, hasRow: false), into: lane)
    }
    if let startBefore = front.startBefore {
      loadExpiry(Entry(at: startBefore.microseconds, seq: seq, hasRow: false))
    }
  }
}

extension Statement {
  /// A job from its two columns; nil: they cannot be read.
  func stored(seq: Int64, head: Int32, rec: Int32, salt: UInt32) -> Stored? {
    var isGood = true
    var stored = read(head) { reader in
      let stored = HeadCodec.read(&reader, seq: seq, salt: salt)
      isGood = reader.isGood
      return stored
    }
    if !isNull(rec) {
      stored.hasRow = true
      stored.row = read(rec) { reader in
        let row = StateCodec.read(&reader)
        isGood = isGood && reader.isGood
        return row
      }
    }
    return isGood ? stored : nil
  }
}
