import Jobs
import SQLRecords

/// Rows for the engine, on a connection of its own.
///
/// @unchecked Sendable: one thread at a time calls it.
final class PostgresRows: RowSource, @unchecked Sendable {
  private let link: PostgresLink
  private let statements: Statements
  private let schema: Schema
  private var columns = Columns()
  private let ended = ExpiryMark()

  init(_ link: PostgresLink, _ statements: Statements, _ schema: Schema) {
    self.link = link
    self.statements = statements
    self.schema = schema
  }

  func close() { link.close() }

  /// The state is loaded anew. On any thread.
  func reset() { ended.reset() }

  func check(_ epoch: Epoch) throws(StoreError) {
    try link.read([PostgresCall(statements.leader)])[0].checkLeader(epoch)
  }

  func jobs(_ seqs: [Int64], bodies: Bool) throws(StoreError) -> [StoredJob?] {
    let call = PostgresCall(bodies ? statements.rowsWithBodies : statements.rows, [PostgresArray.int8s(seqs)])
    let rows = try link.read([call])[0]
    var found: [Int64: StoredJob] = [:]
    found.reserveCapacity(rows.rows)
    for row in 0..<rows.rows {
      let job = try columns.job(rows, row, bodies ? .all : .carried)
      found[job.seq] = job
    }
    return seqs.map { found[$0] }
  }

  func jobs(ids: [String]) throws(StoreError) -> [StoredJob?] {
    let rows = try link.read([PostgresCall(statements.rowsByChosenID, [PostgresArray.texts(ids)])])[0]
    var found: [String: StoredJob] = [:]
    for row in 0..<rows.rows {
      let job = try columns.job(rows, row, .all)
      found[job.head.job.id] = job
    }
    return ids.map { found[$0] }
  }

  func expired(by time: Timestamp, limit: Int) throws(StoreError) -> (jobs: [StoredJob], next: Timestamp?) {
    let place = ended.begin(by: time)
    let results = try link.read([
      PostgresCall(statements.expired, [.time(place.time), .time(time), .int4(Int32(clamping: limit + 1))]),
      PostgresCall(statements.nextExpiry, [.time(time)]),
    ])
    let rows = results[0]
    var jobs: [StoredJob] = []
    jobs.reserveCapacity(rows.rows)
    for row in 0..<min(limit, rows.rows) { jobs.append(try columns.job(rows, row, .head)) }
    // A retention that ends from now on ends after this moment.
    ended.move(to: jobs.first?.standing.expires ?? time, after: place)
    if rows.rows > limit { return (jobs, rows.time(limit, 21)) }
    return (jobs, results[1].rows > 0 ? results[1].time(0, 0) : nil)
  }

  func jobs(matching query: JobQuery) throws(StoreError) -> (jobs: [StoredJob], next: Int64?) {
    let page = try JobList(query, schema, .head).page(link, &columns)
    return (page.jobs, page.next)
  }
}

extension PostgresResult {
  /// Of the statement `leader`.
  /// - Throws: `.deposed` when another epoch has begun.
  func checkLeader(_ epoch: Epoch) throws(StoreError) {
    guard rows == 1, int64(0, 0) == Int64(epoch.number) else { throw StoreError(.deposed, "another server leads") }
  }
}
