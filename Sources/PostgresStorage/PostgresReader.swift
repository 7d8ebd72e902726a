import Jobs
import SQLRecords

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

  private let statements: Statements
  private let schema: Schema
  private let sessions: PeopleSessions<Session>
  /// Ticks whose events are read at once.
  private static let ticks = 50

  init(_ location: PostgresLocation, _ options: PostgresOptions, _ statements: Statements, _ schema: Schema) {
    self.statements = statements
    self.schema = schema
    sessions = PeopleSessions(make: { Session(PostgresLink(location, options)) }, end: { $0.link.close() })
  }

  func close() { sessions.close() }

  func job(id: String) throws(StoreError) -> JobRecord? {
    try sessions.with { (session) throws(StoreError) in
      let rows = try session.link.read([PostgresCall(statements.rowsByID, [PostgresArray.texts([id])])])[0]
      return rows.rows == 0 ? nil : try session.columns.job(rows, 0, .all).record
    }
  }

  func jobs(_ query: JobQuery) throws(StoreError) -> JobPage {
    try sessions.with { (session) throws(StoreError) in
      try query.page { (query) throws(StoreError) in
        try JobList(query, schema, .all).page(session.link, &session.columns)
      }
    }
  }

  func events(after cursor: Int64, limit: Int) throws(StoreError) -> EventPage {
    try sessions.with { (session) throws(StoreError) in
      var search = EventSearch(after: cursor, limit: limit)
      while !search.isFull {
        let results = try session.link.read([
          PostgresCall(statements.events, [.int8(search.place), .int4(Int32(Self.ticks))]),
          PostgresCall(statements.lastCursor),
        ])
        let rows = results[0]
        if rows.rows == 0 { return search.end(last: results[1].rows == 0 ? 0 : results[1].int64(0, 0)) }
        for row in 0..<rows.rows where !search.isFull {
          let before = rows.int64(row, 0)
          let end = try search.add(
            rows.bytes(row, 2), after: before,
            damaged: "events \(before) to \(rows.int64(row, 1)) in PostgreSQL are damaged")
          if let end { return end }
        }
      }
      return search.page
    }
  }
}
