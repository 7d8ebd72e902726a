import Jobs
import SQLRecords
import Synchronization

/// Looks things up for people, on connections of its own: one per call that is under way.
final class PostgresReader: JobReader {
  /// One connection with what is read by it.
  ///
  /// @unchecked Sendable: in the pool nobody uses it, out of it one call does.
  private final class Session: @unchecked Sendable {
    let link: PostgresLink
    var columns = Columns()
    init(_ link: PostgresLink) { self.link = link }
  }

  private struct Pool {
    var idle: [Session] = []
    var isClosed = false
  }

  private let location: PostgresLocation
  private let options: PostgresOptions
  private let statements: Statements
  private let schema: Schema
  private let pool = Mutex(Pool())
  private static let keptIdle = 4
  /// Pages that one call looks through before it gives an empty one.
  private static let slices = 10
  /// Ticks whose events are read at once.
  private static let ticks = 50

  init(_ location: PostgresLocation, _ options: PostgresOptions, _ statements: Statements, _ schema: Schema) {
    self.location = location
    self.options = options
    self.statements = statements
    self.schema = schema
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
    let session = kept ?? Session(PostgresLink(location, options))
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
      let rows = try session.link.read([PostgresCall(statements.rowsByID, [PostgresArray.texts([id])])])[0]
      return rows.rows == 0 ? nil : try session.columns.job(rows, 0, .all).record
    }
  }

  func jobs(_ query: JobQuery) throws(StoreError) -> JobPage {
    try with { (session) throws(StoreError) in
      var query = query
      for _ in 1..<Self.slices {
        let page = try JobList(query, schema, .all).page(session.link, &session.columns)
        if page.next == nil || !page.jobs.isEmpty { return JobPage(jobs: page.jobs.map(\.record), next: page.next) }
        query.before = page.next
      }
      let page = try JobList(query, schema, .all).page(session.link, &session.columns)
      return JobPage(jobs: page.jobs.map(\.record), next: page.next)
    }
  }

  func events(after cursor: Int64, limit: Int) throws(StoreError) -> EventPage {
    try with { (session) throws(StoreError) in
      var found: [Event] = []
      var place = cursor
      while found.count < limit {
        let results = try session.link.read([
          PostgresCall(statements.events, [.int8(place), .int4(Int32(Self.ticks))]),
          PostgresCall(statements.lastCursor),
        ])
        let rows = results[0]
        if rows.rows == 0 {
          // Nothing is stored behind the place: either nothing has happened since, or all of it was trimmed.
          let last = results[1].rows == 0 ? 0 : results[1].int64(0, 0)
          if found.isEmpty, cursor > 0, cursor < last { return .trimmed(oldest: last) }
          break
        }
        for row in 0..<rows.rows where found.count < limit {
          // The cursor that was the newest before these. There may be a gap behind it: a new leader leaves one. But when the place asked for
          // is before it, there were events in between.
          let before = rows.int64(row, 0)
          if place < before, cursor > 0 || place > 0 {
            if found.isEmpty { return .trimmed(oldest: before) }
            return .events(found, next: place)
          }
          guard let events = EventsRecord.events(rows.bytes(row, 2)) else {
            throw StoreError(.unusable, "events \(before) to \(rows.int64(row, 1)) in PostgreSQL are damaged")
          }
          let wanted = events.filter { $0.cursor > place }.prefix(limit - found.count)
          found += wanted
          place = found.last?.cursor ?? place
        }
      }
      return .events(found, next: found.last?.cursor ?? cursor)
    }
  }
}
