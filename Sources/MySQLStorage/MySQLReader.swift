import Jobs
import SQLRecords
import Synchronization

/// Looks things up for people, on connections of its own: one per call that is under way.
final class MySQLReader: JobReader {
  /// @unchecked Sendable: in the pool nobody uses it, out of it one call does.
  private final class Session: @unchecked Sendable {
    let link: MySQLLink
    var columns = MySQLColumns()
    init(_ link: MySQLLink) { self.link = link }
  }

  private struct Pool {
    var idle: [Session] = []
    var isClosed = false
  }

  private let location: MySQLLocation
  private let options: MySQLOptions
  private let pool = Mutex(Pool())
  private static let keptIdle = 4
  /// Pages that one call looks through before it gives an empty one.
  private static let slices = 10
  /// Ticks whose events are read at once.
  private static let ticks = 50

  init(_ location: MySQLLocation, _ options: MySQLOptions) {
    self.location = location
    self.options = options
  }

  func close() {
    let idle = pool.withLock { pool in
      pool.isClosed = true
      defer { pool.idle = [] }
      return pool.idle
    }
    for session in idle { session.link.close() }
  }

  private func with<T>(_ body: (Session) throws(StoreError) -> T) throws(StoreError) -> T {
    let kept = pool.withLock { $0.idle.popLast() }
    let session = kept ?? Session(MySQLLink(location, options))
    defer {
      let isKept = pool.withLock { pool in
        if pool.isClosed || pool.idle.count >= Self.keptIdle { return false }
        pool.idle.append(session)
        return true
      }
      if !isKept { session.link.close() }
    }
    return try body(session)
  }

  func job(id: String) throws(StoreError) -> JobRecord? {
    try with { (session) throws(StoreError) in
      var text = session.link.text
      text.add("SELECT \(MySQLColumns.columns(.all)) \(MySQLColumns.source) WHERE j.id = ")
      text.add(quoted: id)
      let rows = try session.link.read(text)[0]
      return rows.next() ? try session.columns.job(rows, .all).record : nil
    }
  }

  func jobs(_ query: JobQuery) throws(StoreError) -> JobPage {
    try with { (session) throws(StoreError) in
      var query = query
      for _ in 1..<Self.slices {
        let page = try MySQLList(query, .all).page(session.link, &session.columns)
        if page.next == nil || !page.jobs.isEmpty { return JobPage(jobs: page.jobs.map(\.record), next: page.next) }
        query.before = page.next
      }
      let page = try MySQLList(query, .all).page(session.link, &session.columns)
      return JobPage(jobs: page.jobs.map(\.record), next: page.next)
    }
  }

  func events(after cursor: Int64, limit: Int) throws(StoreError) -> EventPage {
    try with { (session) throws(StoreError) in
      var found: [Event] = []
      var place = cursor
      while found.count < limit {
        let results = try session.link.read(
          """
          SELECT before_cursor, events FROM gkick_tick WHERE last_cursor > \(place) AND events IS NOT NULL \
          ORDER BY last_cursor LIMIT \(Self.ticks); \
          SELECT last_cursor FROM gkick_tick ORDER BY epoch DESC, number DESC LIMIT 1
          """)
        let rows = results[0]
        if rows.count == 0 {
          // Nothing is stored behind the place: either nothing has happened since, or all of it was trimmed.
          let last = results[1].next() ? results[1].int(0) : 0
          if found.isEmpty, cursor > 0, cursor < last { return .trimmed(oldest: last) }
          break
        }
        while found.count < limit, rows.next() {
          // The cursor that was the newest before these. There may be a gap behind it: a new leader leaves one. But when the place asked for is
          // before it, there were events in between.
          let before = rows.int(0)
          if place < before, cursor > 0 || place > 0 {
            return found.isEmpty ? .trimmed(oldest: before) : .events(found, next: place)
          }
          guard let events = EventsRecord.events(rows.bytes(1)) else {
            throw StoreError(.unusable, "events after \(before) in MySQL are damaged")
          }
          found += events.filter { $0.cursor > place }.prefix(limit - found.count)
          place = found.last?.cursor ?? place
        }
      }
      return .events(found, next: found.last?.cursor ?? cursor)
    }
  }
}
