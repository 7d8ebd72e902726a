import Jobs
import SQLRecords

/// Looks things up for people, on connections of its own: one per call that is under way.
final class MySQLReader: JobReader {
  /// @unchecked Sendable: in the pool nobody uses it, out of it one call does.
  private final class Session: @unchecked Sendable {
    let link: MySQLLink
    var columns = MySQLColumns()
    init(_ link: MySQLLink) { self.link = link }
  }

  private let sessions: PeopleSessions<Session>
  /// Ticks whose events are read at once.
  private static let ticks = 50

  init(_ location: MySQLLocation, _ options: MySQLOptions) {
    sessions = PeopleSessions(make: { Session(MySQLLink(location, options)) }, end: { $0.link.close() })
  }

  func close() { sessions.close() }

  func job(id: String) throws(StoreError) -> JobRecord? {
    try sessions.with { (session) throws(StoreError) in
      var text = session.link.text
      text.add("SELECT \(MySQLColumns.columns(.all)) \(MySQLColumns.source) WHERE j.id = ")
      text.add(quoted: id)
      let rows = try session.link.read(text)[0]
      return rows.next() ? try session.columns.job(rows, .all).record : nil
    }
  }

  func jobs(_ query: JobQuery) throws(StoreError) -> JobPage {
    try sessions.with { (session) throws(StoreError) in
      try query.page { (query) throws(StoreError) in try MySQLList(query, .all).page(session.link, &session.columns) }
    }
  }

  func events(after cursor: Int64, limit: Int) throws(StoreError) -> EventPage {
    try sessions.with { (session) throws(StoreError) in
      var search = EventSearch(after: cursor, limit: limit)
      while !search.isFull {
        let results = try session.link.read(
          """
          SELECT before_cursor, events FROM gkick_tick WHERE last_cursor > \(search.place) AND events IS NOT NULL \
          ORDER BY last_cursor LIMIT \(Self.ticks); \
          SELECT last_cursor FROM gkick_tick ORDER BY epoch DESC, number DESC LIMIT 1
          """)
        let rows = results[0]
        if rows.count == 0 { return search.end(last: results[1].next() ? results[1].int(0) : 0) }
        while !search.isFull, rows.next() {
          let before = rows.int(0)
          let end = try search.add(
            rows.bytes(1), after: before, damaged: "events after \(before) in MySQL are damaged")
          if let end { return end }
        }
      }
      return search.page
    }
  }
}
