import Jobs

/// Look-ups for people, on a connection of their own.
final class RedisLookups: JobReader {
  private let line: RedisLine
  private let known: KnownStore

  init(_ line: RedisLine, _ known: KnownStore) {
    self.line = line
    self.known = known
  }

  func close() { line.close() }

  func job(id: String) throws(StoreError) -> JobRecord? {
    try line.use(rereads: true) { (session) throws(RedisFailure) in
      try RowReader(session, self.known).job(id: id)?.record
    }
  }

  func jobs(_ query: JobQuery) throws(StoreError) -> JobPage {
    var query = query
    var page = JobPage(jobs: [], next: nil)
    let limit = query.limit
    repeat {
      let asked = query
      let (jobs, next) = try line.use(rereads: true) { (session) throws(RedisFailure) in
        try RowReader(session, self.known).jobs(matching: asked, bodies: true, carried: true)
      }
      page.jobs += jobs.map(\.record)
      page.next = next
      query.before = next
      query.limit = limit - page.jobs.count
    } while page.next != nil && page.jobs.count < limit
    return page
  }

  func events(after cursor: Int64, limit: Int) throws(StoreError) -> EventPage {
    let from = max(0, cursor)
    let layout = known.layout
    return try line.use(rereads: true) { (session) throws(RedisFailure) in
      var events: [Event] = []
      var after = from
      var slice = 4
      while events.count < limit {
        // The events first: what is trimmed in between is then said to be gone, never passed over.
        var replies = try session.ask([
          RedisCommand("XRANGE", layout.events, "(\(after)-0", "+", "COUNT", String(slice)),
          RedisCommand("HGET", layout.meta, "trimmed"),
        ])
        let trimmed = Int64(try replies[1].optionalString() ?? "0") ?? 0
        if after < trimmed, from > 0 || !events.isEmpty { return .trimmed(oldest: trimmed) }
        let count = try replies[0].array()
        for _ in 0..<count {
          let (last, packed) = try EventEntry.read(&replies[0])
          try EventCodec.read(packed, last: last, after: after, into: &events)
          after = last
        }
        if count < slice { break }
        slice = 32
      }
      if events.count > limit { events.removeLast(events.count - limit) }
      return .events(events, next: events.last?.cursor ?? from)
    }
  }
}
