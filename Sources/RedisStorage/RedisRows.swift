import Jobs

/// Rows for the engine.
final class RedisRows: RowSource {
  private let line: RedisLine
  private let known: KnownStore
  private let book: SharedBook

  init(_ line: RedisLine, _ known: KnownStore, _ book: SharedBook) {
    self.line = line
    self.known = known
    self.book = book
  }

  func close() { line.close() }

  private func read<R: Sendable>(_ body: (RowReader) throws(RedisFailure) -> R) throws(StoreError) -> R {
    try line.use(rereads: true) { (session) throws(RedisFailure) in try body(RowReader(session, self.known)) }
  }

  func check(_ epoch: Epoch) throws(StoreError) {
    let known = known
    try line.use(rereads: true) { (session) throws(RedisFailure) in
      var reply = try session.ask(RedisCommand("HGET", known.layout.meta, "epoch"))
      let stored = try reply.optionalString() ?? "none"
      guard stored == String(epoch.number) else { throw .refused("GKFENCED epoch \(stored)") }
    }
  }

  func jobs(_ seqs: [Int64], bodies: Bool) throws(StoreError) -> [StoredJob?] {
    try read { (rows) throws(RedisFailure) in try rows.jobs(seqs, bodies: bodies) }
  }

  func jobs(ids: [String]) throws(StoreError) -> [StoredJob?] {
    try read { (rows) throws(RedisFailure) in
      let seqs = try rows.seqs(ids: ids)
      var found = try rows.jobs(seqs.compactMap { $0 }, bodies: false)[...]
      return seqs.map { seq in seq == nil ? nil : found.popFirst() ?? nil }
    }
  }

  func jobs(matching query: JobQuery) throws(StoreError) -> (jobs: [StoredJob], next: Int64?) {
    try read { (rows) throws(RedisFailure) in try rows.jobs(matching: query, bodies: false, carried: false) }
  }

  func expired(by time: Timestamp, limit: Int) throws(StoreError) -> (jobs: [StoredJob], next: Timestamp?) {
    let known = known
    let book = book
    return try line.use(rereads: true) { (session) throws(RedisFailure) in
      let rows = RowReader(session, known)
      var jobs: [StoredJob] = []
      var taken: Set<Int64> = []
      var place = 0
      while true {
        // Entries whose jobs are being forgotten are still there and come again.
        var reply = try session.ask(
          RedisCommand("ZRANGE", known.layout.ends, String(place), String(place + 63), "WITHSCORES"))
        let count = try reply.array() / 2
        place += count
        var entries: [(entry: [UInt8], seqs: [Int64], expires: Timestamp)] = []
        var next: Timestamp?
        for _ in 0..<count {
          var packed = try reply.packed()
          let expires = Timestamp(microseconds: Int64(Double(try reply.string()) ?? 0))
          if expires > time {
            next = expires
            break
          }
          let entry = try packed.rest()
          entries.append((entry, try EndsBook.seqs(entry), expires))
        }
        var found = try rows.jobs(entries.flatMap(\.seqs), bodies: false, carried: false)[...]
        for entry in entries {
          let rows = found.prefix(entry.seqs.count)
          found = found.dropFirst(entry.seqs.count)
          // One that was tried again, or deleted, has another time or none.
          let left = rows.compactMap { $0 }.filter { $0.standing.state.isFinal && $0.standing.expires == entry.expires }
          book.value.withLock { $0.found(entry.entry, left.map(\.seq)) }
          for job in left where taken.insert(job.seq).inserted {
            if jobs.count >= limit { return (jobs, entry.expires) }
            jobs.append(job)
          }
        }
        if next != nil || count < 64 { return (jobs, next) }
      }
    }
  }
}
