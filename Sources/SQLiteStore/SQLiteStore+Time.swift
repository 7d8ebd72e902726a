import Jobs

extension SQLiteStore {
  public func promote(now: Timestamp, limit: Int) throws(StoreError) -> Int {
    var count = 0
    while count < limit, let first = memory.expiries.first, first.at <= now.microseconds {
      try begin(now)
      var stored = try known(first.seq)
      let queue = memory.queue(stored.head.job.queue)
      memory.leave(stored, queue)
      try finish(&stored, queue, as: .expired, now: now)
      note(.expired, stored, now)
      count += 1
    }
    while count < limit, let first = memory.due.first, first.at <= now.microseconds {
      try begin(now)
      guard var stored = try read(first.seq, withRow: first.hasRow) else { throw damaged(first.seq) }
      let queue = memory.queue(stored.head.job.queue)
      memory.leave(stored, queue)
      try wait(&stored, queue, as: .ready, runAt: stored.row.runAt)
      note(.enqueued, stored, now)
      count += 1
    }
    return count
  }

  public func reclaim(now: Timestamp, limit: Int) throws(StoreError) -> [LapsedLease] {
    var lapsed: [LapsedLease] = []
    while lapsed.count < limit, let first = memory.lapses.first, first.at <= now.microseconds {
      guard let running = memory.running[first.seq] else { throw damaged(first.seq) }
      try begin(now)
      let held = running.stored.held
      let state: JobState
      if let deadline = held.deadline, deadline <= now {
        // Nobody draws here: the middle of the spread.
        let failure = Failure(type: "timeout", message: "the attempt took too long")
        state = try settle(running, .failed(failure, draw: 0.5), now: now)
      } else {
        state = try settle(running, .lost, now: now)
      }
      lapsed.append(LapsedLease(lease: held.lease, workerID: held.workerID, state: state))
    }
    return lapsed
  }

  public func prune(now: Timestamp, limit: Int) throws(StoreError) -> Timestamp {
    if !ends.isEmpty {
      try begin(now)
      try writeEnds()
    }
    let nextEnd = try pruneJobs(now: now, limit: limit)
    let nextEvent = try pruneEvents(now: now, limit: limit)
    checkpointWhenIdle(now)
    return max(now, min(nextEnd, nextEvent, now + .seconds(1)))
  }

  /// Returns when the next job is to be forgotten.
  private func pruneJobs(now: Timestamp, limit: Int) throws(StoreError) -> Timestamp {
    var left = limit
    while true {
      let statement = database.selectEnds
      guard try statement.step() else {
        statement.reset()
        return .distantFuture
      }
      let at = statement.integer(0)
      guard at <= now.microseconds, left > 0 else {
        statement.reset()
        return Timestamp(microseconds: at)
      }
      var seqs: [Int64] = statement.read(1) { reader in
        var seqs: [Int64] = []
        while !reader.isAtEnd, reader.isGood { seqs.append(reader.take(Int64.self)) }
        return seqs
      }
      statement.reset()
      try begin(now)
      seqs.sort()
      for seq in seqs.prefix(left) { try pruneJob(seq, at: at) }
      if seqs.count > left {
        writer.clear()
        for seq in seqs.dropFirst(left) { writer.put(seq) }
        database.setEnds.bind(1, at)
        database.setEnds.bind(2, writer)
        try database.setEnds.run()
      } else {
        database.deleteEnds.bind(1, at)
        try database.deleteEnds.run()
      }
      left -= min(left, seqs.count)
    }
  }

  /// Unless it was retried or deleted since it was put on the list.
  private func pruneJob(_ seq: Int64, at: Int64) throws(StoreError) {
    guard let row = try readState(seq), row.state.isFinal, row.expires.microseconds == at,
      var stored = try read(seq, withRow: false)
    else { return }
    stored.row = row
    try forget(stored)
  }

  /// Removes a job that does not run, and with it its unique key, if it has it.
  func forget(_ stored: Stored) throws(StoreError) {
    memory.leave(stored, memory.queue(stored.head.job.queue))
    if let unique = stored.head.job.options.unique {
      try free(queue: stored.head.job.queue, key: unique.key, seq: stored.seq)
    }
    if stored.head.isChosen {
      database.deleteID.bind(1, stored.head.job.id)
      try database.deleteID.run()
    }
    try database.flush()
    database.deleteJob.bind(1, stored.seq)
    try database.deleteJob.run()
    database.deleteState.bind(1, stored.seq)
    try database.deleteState.run()
    stale(stored.seq)
    hasForgotten = true
  }

  /// Returns when the oldest events are to be forgotten. A row of events goes as a whole: when its last event is over age, or when
  /// all after it fill what is allowed.
  private func pruneEvents(now: Timestamp, limit: Int) throws(StoreError) -> Timestamp {
    let statement = database.selectEvents
    statement.bind(1, Int64(limit) + 1)
    var looked = 0
    // The first row that stays; none left: all of them go.
    var end = events.committedCursor + 1
    var next = Timestamp.distantFuture
    while try statement.step() {
      let first = statement.integer(0)
      let over = Timestamp(microseconds: statement.integer(1)) + configuration.eventRetention
      // What is stored with this row: all after the rows before it.
      let bytes = events.total - statement.integer(2) + statement.integer(3)
      let stays = over > now && bytes <= configuration.eventBytes
      if stays || looked == limit {
        end = first
        next = stays ? over : now
        break
      }
      looked += 1
    }
    statement.reset()
    guard looked > 0 else { return next }
    try begin(now)
    database.deleteEvents.bind(1, end)
    try database.deleteEvents.run()
    try database.setMeta("cursor", end - 1)
    return next
  }
}
