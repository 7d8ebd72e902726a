import Jobs

extension MemoryStore {
  /// First what is too late, by start_before, then what is due, by run_at.
  public func promote(now: Timestamp, limit: Int) -> Int {
    var count = 0
    while count < limit, let first = tables.expiries.first, first.at <= now, var row = tables.rows[first.seq] {
      finish(&row, as: .expired, now: now)
      note(.expired, row, now: now)
      count += 1
    }
    while count < limit, let first = tables.due.first, first.at <= now, var row = tables.rows[first.seq] {
      row.record.state = .ready
      tables.put(row)
      note(.enqueued, row, now: now)
      count += 1
    }
    return count
  }

  public func reclaim(now: Timestamp, limit: Int) -> [LapsedLease] {
    var lapsed: [LapsedLease] = []
    while lapsed.count < limit, let first = tables.lapses.first, first.at <= now, var row = tables.rows[first.seq] {
      let held = row.held
      if let deadline = row.deadline, deadline <= now {
        // Nobody draws here: the middle of the spread.
        settle(&row, .failed(Failure(type: "timeout", message: "the attempt took too long"), draw: 0.5), now: now)
      } else {
        settle(&row, .lost, now: now)
      }
      lapsed.append(LapsedLease(lease: held.lease, workerID: held.workerID, state: row.record.state))
    }
    return lapsed
  }

  /// Wants to be called again at once when a slice was full, else when the next retention is over, at the latest in a second.
  public func prune(now: Timestamp, limit: Int) -> Timestamp {
    var count = 0
    while count < limit, let first = tables.ends.first, first.at <= now, let row = tables.rows[first.seq] {
      forget(row)
      count += 1
    }
    let next = min(tables.ends.first?.at ?? .distantFuture, pruneEvents(now: now, limit: limit))
    return max(now, min(next, now + .seconds(1)))
  }

  /// Removes a job that is not running, and with it its unique key, if it has it.
  func forget(_ row: Row) {
    if let unique = row.record.job.options.unique {
      let key = Tables.Key(queue: row.record.job.queue, key: unique.key)
      if tables.holds[key]?.seq == row.record.seq { tables.setHold(nil, for: key) }
    }
    tables.remove(seq: row.record.seq)
  }
}
