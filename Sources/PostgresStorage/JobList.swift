import Jobs
import SQLRecords

/// A page of jobs, newest first. One index is read downwards, that of what fits fewest jobs; of what it gives the rest is asked. No more
/// than `looks` of its entries are looked at, so a page may be empty and yet have a next one.
struct JobList {
  static let looks = 5_000
  private let query: JobQuery
  private let schema: Schema
  private let extent: Columns.Extent

  init(_ query: JobQuery, _ schema: Schema, _ extent: Columns.Extent) {
    self.query = query
    self.schema = schema
    self.extent = extent
  }

  func page(_ link: PostgresLink, _ columns: inout Columns) throws(StoreError) -> (jobs: [StoredJob], next: Int64?) {
    let before = query.before ?? .max
    let limit = max(1, query.limit)
    var builder = Builder(before: before)
    let entries = builder.entries(query)
    let rest = builder.rest(query)
    let bound = builder.values.count
    let more = extent == .head ? "" : ", \(Statements.carried), \(Statements.body)"
    let text = """
      SELECT \(Statements.columns)\(more) FROM (\(entries)) e JOIN gkick.job j \
      ON j.seq = e.seq LEFT JOIN gkick.running r ON r.seq = e.seq\(rest) ORDER BY e.seq DESC LIMIT $\(bound + 1)::int
      """
    // One name per shape of the query: there are few.
    let name = (extent == .head ? "heads" : "list") + builder.shape
    let rows = try link.read([
      PostgresCall(schema.statement(name, text), builder.values + [.int4(Int32(clamping: limit))])
    ])[0]
    var jobs: [StoredJob] = []
    jobs.reserveCapacity(rows.rows)
    for row in 0..<rows.rows { jobs.append(try columns.job(rows, row, extent)) }
    if jobs.count == limit { return (jobs, jobs.last?.seq) }

    // Not full: was that all, or all that was looked at?
    var counter = Builder(before: before)
    let counted = "SELECT count(*), min(e.seq) FROM (\(counter.entries(query))) e"
    let looked = try link.read([PostgresCall(schema.statement("count" + counter.shape, counted), counter.values)])[0]
    if looked.int64(0, 0) < Int64(Self.looks) { return (jobs, nil) }
    return (jobs, looked.int64(0, 1))
  }

  /// Parameters and what tells one statement from another.
  private struct Builder {
    var values: [PostgresValue]
    var shape = ""

    init(before: Int64) { values = [.int8(before)] }

    private mutating func text(_ value: String, _ mark: String) -> String {
      values.append(.text(value))
      shape += "_" + mark
      return "$\(values.count)::text"
    }

    /// The entries of the index that is read, newest first.
    mutating func entries(_ query: JobQuery) -> String {
      func by(_ condition: String) -> String {
        "SELECT seq FROM gkick.job WHERE \(condition) AND seq < $1::bigint ORDER BY seq DESC LIMIT \(JobList.looks)"
      }
      if !query.batchID.isEmpty { return by("batch_id = \(text(query.batchID, "b"))") }
      if !query.concurrencyKey.isEmpty { return by("concurrency_key = \(text(query.concurrencyKey, "c"))") }
      if !query.fairnessKey.isEmpty { return by("fairness_key = \(text(query.fairnessKey, "f"))") }
      if !query.recurringJobID.isEmpty { return by("recurring_id = \(text(query.recurringJobID, "r"))") }
      let states = query.states.sorted { $0.rawValue < $1.rawValue }
      shape += "_s" + states.map { String($0.rawValue) }.joined()
      let isByName = !query.name.isEmpty && (states.isEmpty || states.contains(.ready) || states.contains(.succeeded))
      if query.queue.isEmpty, isByName { return by("name = \(text(query.name, "n"))") }
      if query.queue.isEmpty, states.isEmpty { return by("true") }
      // Each state is a range of the index. A job that has a row in `running` has another state there than the one it is in.
      let queue = query.queue.isEmpty || states == [.running] ? "" : "queue = \(text(query.queue, "q")) AND "
      let wanted = states.isEmpty ? JobState.allCases : states
      let takesRunning = !states.isEmpty && wanted.contains(.running)
      let only = takesRunning ? " AND NOT EXISTS (SELECT FROM gkick.running x WHERE x.seq = job.seq)" : ""
      var parts = wanted.map { "(\(by("\(queue)state = \($0.rawValue)\(only)")))" }
      if takesRunning {
        parts.append(
          "(SELECT seq FROM gkick.running WHERE seq < $1::bigint ORDER BY seq DESC LIMIT \(JobList.looks))")
      }
      return "SELECT seq FROM (\(parts.joined(separator: " UNION ALL "))) x ORDER BY seq DESC LIMIT \(JobList.looks)"
    }

    /// What is asked of each entry.
    mutating func rest(_ query: JobQuery) -> String {
      var conditions: [String] = []
      shape += "_w"
      if !query.queue.isEmpty { conditions.append("j.queue = \(text(query.queue, "q"))") }
      if !query.name.isEmpty { conditions.append("j.name = \(text(query.name, "n"))") }
      if !query.batchID.isEmpty { conditions.append("j.batch_id = \(text(query.batchID, "b"))") }
      if !query.concurrencyKey.isEmpty { conditions.append("j.concurrency_key = \(text(query.concurrencyKey, "c"))") }
      if !query.fairnessKey.isEmpty { conditions.append("j.fairness_key = \(text(query.fairnessKey, "f"))") }
      if !query.recurringJobID.isEmpty { conditions.append("j.recurring_id = \(text(query.recurringJobID, "r"))") }
      if let time = query.createdBefore {
        values.append(.time(time))
        shape += "_t"
        conditions.append("j.created_at < $\(values.count)::timestamptz")
      }
      if !query.states.isEmpty {
        let states = query.states.map { String($0.rawValue) }.sorted()
        shape += "_s" + states.joined()
        conditions.append("CASE WHEN r.seq IS NULL THEN j.state ELSE 3 END IN (\(states.joined(separator: ", ")))")
      }
      return conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")
    }
  }
}
