import Jobs
import SQLRecords

/// Rows for the engine, on a connection of its own.
///
/// @unchecked Sendable: one thread at a time calls it.
final class MySQLRows: RowSource, @unchecked Sendable {
  private let link: MySQLLink
  private var columns = MySQLColumns()
  private let ended = ExpiryMark()

  init(_ link: MySQLLink) { self.link = link }

  func close() { link.close() }
  /// The state is loaded anew. On any thread.
  func reset() { ended.reset() }

  func check(_ epoch: Epoch) throws(StoreError) {
    let leader = try link.read("SELECT epoch FROM gkick_leader")[0]
    guard leader.next(), leader.int(0) == Int64(epoch.number) else {
      throw StoreError(.deposed, "another server leads")
    }
  }

  private func select(
    _ extent: MySQLColumns.Extent, by index: String, _ condition: (inout SQLText) -> Void
  ) throws(StoreError) -> MySQLResult {
    var text = link.text
    text.add("SELECT \(MySQLColumns.columns(extent)) \(MySQLColumns.source(by: index)) WHERE ")
    condition(&text)
    return try link.read(text)[0]
  }

  func jobs(_ seqs: [Int64], bodies: Bool) throws(StoreError) -> [StoredJob?] {
    if seqs.isEmpty { return [] }
    let extent: MySQLColumns.Extent = bodies ? .all : .carried
    let rows = try select(extent, by: "PRIMARY") { text in
      text.add("j.seq IN ")
      text.add(list: seqs)
    }
    var found: [Int64: StoredJob] = [:]
    while rows.next() { found[rows.int(0)] = try columns.job(rows, extent) }
    return seqs.map { found[$0] }
  }

  func jobs(ids: [String]) throws(StoreError) -> [StoredJob?] {
    if ids.isEmpty { return [] }
    let rows = try select(.all, by: "job_id") { text in
      text.add("j.flags & 1 = 1 AND j.id IN (")
      for (index, id) in ids.enumerated() {
        if index > 0 { text.add(",") }
        text.add(quoted: id)
      }
      text.add(")")
    }
    var found: [String: StoredJob] = [:]
    while rows.next() { found[rows.string(2)] = try columns.job(rows, .all) }
    return ids.map { found[$0] }
  }

  func expired(by time: Timestamp, limit: Int) throws(StoreError) -> (jobs: [StoredJob], next: Timestamp?) {
    let place = ended.begin(by: time)
    let rows = try select(.head, by: "job_expires") { text in
      text.add(
        """
        j.expires_at BETWEEN \(place.time.microseconds) AND \(time.microseconds) AND r.seq IS NULL \
        ORDER BY j.expires_at LIMIT \(limit + 1)
        """)
    }
    var jobs: [StoredJob] = []
    while rows.next() {
      if jobs.count == limit { return (jobs, rows.time(21)) }
      jobs.append(try columns.job(rows, .head))
      if jobs.count == 1 { ended.move(to: jobs[0].standing.expires, after: place) }
    }
    if jobs.isEmpty { ended.move(to: time, after: place) }
    let next = try link.read(
      """
      SELECT j.expires_at \(MySQLColumns.source(by: "job_expires")) WHERE j.expires_at > \(time.microseconds) AND r.seq IS NULL \
      ORDER BY j.expires_at LIMIT 1
      """)[0]
    return (jobs, next.next() ? next.time(0) : nil)
  }

  func jobs(matching query: JobQuery) throws(StoreError) -> (jobs: [StoredJob], next: Int64?) {
    try MySQLList(query, .head).page(link, &columns)
  }
}

/// A page of jobs, newest first. One index is read downwards, that of what fits fewest jobs; of what it gives the rest is asked. No more
/// than `looks` of its entries are looked at, so a page may be empty and yet have a next one.
struct MySQLList {
  static let looks = 5_000
  private let query: JobQuery
  private let extent: MySQLColumns.Extent

  init(_ query: JobQuery, _ extent: MySQLColumns.Extent) {
    self.query = query
    self.extent = extent
  }

  func page(_ link: MySQLLink, _ columns: inout MySQLColumns) throws(StoreError) -> (jobs: [StoredJob], next: Int64?) {
    let limit = max(1, query.limit)
    var text = link.text
    text.add("SELECT \(MySQLColumns.columns(extent)) FROM (")
    addEntries(to: &text)
    text.add(
      """
      ) e STRAIGHT_JOIN \(MySQLColumns.job) ON j.seq = e.seq LEFT JOIN \(MySQLColumns.running) ON r.seq = e.seq WHERE TRUE
      """)
    addRest(to: &text)
    text.add(" ORDER BY e.seq DESC LIMIT \(limit)")
    let rows = try link.read(text)[0]
    var jobs: [StoredJob] = []
    while rows.next() { jobs.append(try columns.job(rows, extent)) }
    if jobs.count == limit { return (jobs, jobs.last?.seq) }
    // Not full: was that all, or all that was looked at?
    var count = link.text
    count.add("SELECT COUNT(*), MIN(e.seq) FROM (")
    addEntries(to: &count)
    count.add(") e")
    let looked = try link.read(count)[0]
    guard looked.next(), looked.int(0) >= Int64(Self.looks) else { return (jobs, nil) }
    return (jobs, looked.int(1))
  }

  private func addEntries(to text: inout SQLText) {
    let end = " seq < \(query.before ?? .max) ORDER BY seq DESC LIMIT \(Self.looks)"
    func by(_ column: String, _ value: String, binary: Bool = true) {
      text.add("SELECT seq FROM gkick_job WHERE \(column) = ")
      if binary { text.add(binary: Array(value.utf8)) } else { text.add(quoted: value) }
      text.add(" AND" + end)
    }
    if !query.batchID.isEmpty { return by("batch_id", query.batchID, binary: false) }
    if !query.concurrencyKey.isEmpty { return by("concurrency_key", query.concurrencyKey) }
    if !query.fairnessKey.isEmpty { return by("fairness_key", query.fairnessKey) }
    if !query.recurringJobID.isEmpty { return by("recurring_id", query.recurringJobID) }
    let states = query.states.sorted { $0.rawValue < $1.rawValue }
    let isByName = !query.name.isEmpty && (states.isEmpty || states.contains(.ready) || states.contains(.succeeded))
    if query.queue.isEmpty, isByName { return by("name", query.name, binary: false) }
    if query.queue.isEmpty, states.isEmpty { return text.add("SELECT seq FROM gkick_job WHERE" + end) }
    // Each state is a range of the index. A job that has a row in gkick_running has another
    // state there than the one it is in.
    let wanted = states.isEmpty ? JobState.allCases : states
    let takesRunning = !states.isEmpty && wanted.contains(.running)
    text.add("SELECT seq FROM (")
    var isFirst = true
    for state in wanted {
      text.add(isFirst ? "(SELECT seq FROM gkick_job g WHERE " : " UNION ALL (SELECT seq FROM gkick_job g WHERE ")
      isFirst = false
      if !query.queue.isEmpty {
        text.add("queue = ")
        text.add(quoted: query.queue)
        text.add(" AND ")
      }
      text.add("state = \(state.rawValue) AND")
      if takesRunning { text.add(" NOT EXISTS (SELECT 1 FROM gkick_running x WHERE x.seq = g.seq) AND") }
      text.add(end + ")")
    }
    if takesRunning {
      text.add(" UNION ALL (SELECT seq FROM gkick_running WHERE" + end + ")")
    }
    text.add(") x ORDER BY seq DESC LIMIT \(Self.looks)")
  }

  private func addRest(to text: inout SQLText) {
    func equal(_ column: String, _ value: String, binary: Bool) {
      if value.isEmpty { return }
      text.add(" AND j.\(column) = ")
      if binary { text.add(binary: Array(value.utf8)) } else { text.add(quoted: value) }
    }
    equal("queue", query.queue, binary: false)
    equal("name", query.name, binary: false)
    equal("batch_id", query.batchID, binary: false)
    equal("concurrency_key", query.concurrencyKey, binary: true)
    equal("fairness_key", query.fairnessKey, binary: true)
    equal("recurring_id", query.recurringJobID, binary: true)
    if let time = query.createdBefore { text.add(" AND j.created_at < \(time.microseconds)") }
    if !query.states.isEmpty {
      text.add(" AND IF(r.seq IS NULL, j.state, 3) IN ")
      text.add(list: query.states.map { Int64($0.rawValue) })
    }
  }
}
