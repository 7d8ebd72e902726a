import Jobs

/// Reading and writing a job's rows.
extension SQLiteStore {
  func note(
    _ kind: Event.Kind, _ stored: Stored, _ now: Timestamp, detail: Event.Detail = .none, by worker: String = ""
  ) {
    events.append(
      Event(
        kind: kind, at: now, jobID: stored.head.job.id, queue: stored.head.job.queue, name: stored.head.job.name,
        attempt: stored.row.attempt, workerID: worker, batchID: stored.head.job.options.batchID, detail: detail),
      made: stored.head.isChosen ? nil : EventLog.Made(seq: stored.seq, at: stored.head.createdAt))
  }

  /// Writes where the job stands; the tick's copy of it is no longer right.
  func writeState(_ stored: inout Stored) throws(StoreError) {
    stored.hasRow = true
    stale(stored.seq)
    StateCodec.write(stored.row, to: &database.states.bytes)
    try database.states.put(stored.seq)
  }

  func stale(_ seq: Int64) {
    let index = Int(seq - firstFresh)
    if fresh.indices.contains(index) { fresh[index] = nil }
  }

  /// nil: no such job.
  func read(_ seq: Int64, withRow: Bool) throws(StoreError) -> Stored? {
    try database.flush()
    let statement = database.selectHead
    statement.bind(1, seq)
    guard try statement.step() else {
      statement.reset()
      return nil
    }
    defer { statement.reset() }
    return try read(statement, seq, withRow: withRow)
  }

  /// For a claim, with its body. nil: no such job.
  func readLive(_ seq: Int64, withRow: Bool, _ queue: Queue) throws(StoreError) -> Live? {
    try database.flush()
    let statement = database.selectJob
    statement.bind(1, seq)
    guard try statement.step() else {
      statement.reset()
      return nil
    }
    defer { statement.reset() }
    return Live(try read(statement, seq, withRow: withRow), body: statement.bytes(1), queue: queue)
  }

  private func read(_ statement: Statement, _ seq: Int64, withRow: Bool) throws(StoreError) -> Stored {
    var isGood = true
    var stored = statement.read(0) { reader in
      let stored = HeadCodec.read(&reader, seq: seq, salt: salt)
      isGood = reader.isGood
      return stored
    }
    guard isGood else { throw damaged(seq) }
    if withRow, let row = try readState(seq) {
      stored.row = row
      stored.hasRow = true
    }
    return stored
  }

  func readState(_ seq: Int64) throws(StoreError) -> StateRow? {
    try database.flush()
    database.selectState.bind(1, seq)
    defer { database.selectState.reset() }
    guard try database.selectState.step() else { return nil }
    var isGood = true
    let row = database.selectState.read(0) { reader in
      let row = StateCodec.read(&reader)
      isGood = reader.isGood
      return row
    }
    guard isGood else { throw damaged(seq) }
    return row
  }

  func damaged(_ seq: Int64) -> StoreError {
    StoreError(.unusable, "the embedded store is damaged: job number \(seq) cannot be read")
  }

  /// The job with this id, without its body.
  func find(_ id: String) throws(StoreError) -> Stored? {
    if let running = memory.running(id, salt: salt) { return running.stored }
    if let seq = JobID.seq(of: id, salt: salt),
      let stored = try read(seq, withRow: true), stored.head.job.id == id
    {
      return stored
    }
    database.selectID.bind(1, id)
    guard try database.selectID.step() else {
      database.selectID.reset()
      return nil
    }
    let seq = database.selectID.integer(0)
    database.selectID.reset()
    return try known(seq)
  }

  /// A job that some row points to.
  func known(_ seq: Int64) throws(StoreError) -> Stored {
    if let running = memory.running[seq] { return running.stored }
    guard let stored = try read(seq, withRow: true) else { throw damaged(seq) }
    return stored
  }

  // MARK: Unique keys

  /// The job that has the key now.
  func holder(queue: String, key: String, now: Timestamp) throws(StoreError) -> Stored? {
    let statement = database.selectUnique
    statement.bind(1, queue)
    statement.bind(2, key)
    guard try statement.step() else {
      statement.reset()
      return nil
    }
    let seq = statement.integer(0)
    let isHeld = statement.isNull(1) || statement.integer(1) > now.microseconds
    statement.reset()
    return isHeld ? try known(seq) : nil
  }

  func hold(queue: String, key: String, seq: Int64, until: Timestamp?) throws(StoreError) {
    let statement = database.putUnique
    statement.bind(1, queue)
    statement.bind(2, key)
    statement.bind(3, seq)
    if let until { statement.bind(4, until.microseconds) } else { statement.bindNull(4) }
    try statement.run()
  }

  /// If the job still has it.
  func free(queue: String, key: String, seq: Int64) throws(StoreError) {
    let statement = database.deleteUnique
    statement.bind(1, queue)
    statement.bind(2, key)
    statement.bind(3, seq)
    try statement.run()
  }

  // MARK: Ends of ticks

  /// Writes down when to forget what became final.
  func writeEnds() throws(StoreError) {
    for (at, seqs) in ends {
      writer.clear()
      for seq in seqs { writer.put(seq) }
      database.putEnds.bind(1, at)
      database.putEnds.bind(2, writer)
      try database.putEnds.run()
    }
    ends.removeAll(keepingCapacity: true)
  }

  func writeQueues() throws(StoreError) {
    for queue in memory.touched {
      guard let committed = queue.committed, !queue.standing.isStoredLike(committed) else { continue }
      let standing = queue.standing
      if !standing.isPaused, standing.succeeded + standing.failed + standing.ended == 0 {
        database.deleteQueue.bind(1, queue.name)
        try database.deleteQueue.run()
        continue
      }
      let statement = database.putQueue
      statement.bind(1, queue.name)
      statement.bind(2, standing.isPaused ? 1 : 0)
      statement.bind(3, Int64(standing.succeeded))
      statement.bind(4, Int64(standing.failed))
      statement.bind(5, Int64(standing.dead))
      statement.bind(6, Int64(standing.ended))
      try statement.run()
    }
  }
}
