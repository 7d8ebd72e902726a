import Jobs
import SQLRecords

/// A row of the table gkick_inbox: the database takes the JSON apart, the values are checked here.
struct InboxFields {
  private static let names = [
    "queue", "name", "priority", "run_at", "delay", "content_type", "start_before", "timeout", "retention",
    "max_attempts",
    "initial_backoff", "max_backoff", "multiplier", "jitter", "max_lost", "unique_key", "unique_hold", "on_conflict",
    "concurrency_key", "fairness_key", "batch_id", "on_dependency_failure",
  ]
  /// Times come as microseconds since 1970; spans are numbers of seconds.
  static let columns: String = {
    let values = names.map { name in
      let value = "JSON_UNQUOTE(JSON_EXTRACT(job, '$.\(name)'))"
      guard name == "run_at" || name == "start_before" else { return value }
      return "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', REPLACE(REPLACE(\(value), 'T', ' '), 'Z', ''))"
    }
    return "number, COALESCE(NULLIF(id, ''), JSON_UNQUOTE(JSON_EXTRACT(job, '$.id'))), JSON_VALID(job), payload, "
      + "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', at), JSON_EXTRACT(job, '$.payload'), JSON_TYPE(JSON_EXTRACT(job, '$.payload')), "
      + "JSON_UNQUOTE(JSON_EXTRACT(job, '$.payload')), JSON_EXTRACT(job, '$.metadata'), JSON_EXTRACT(job, '$.depends_on'), "
      + "JSON_KEYS(job), " + values.joined(separator: ", ")
  }()
  private static let first = 11

  let item: InboxItem

  private struct Fault: Error {
    var text: String
  }

  init(_ row: MySQLResult, payloadLimit: Int) {
    var draft = JobDraft()
    var job = NewJob(id: row.string(1), name: "")
    var item = InboxItem(number: row.int(0), job: job)
    func text(_ name: String) -> String {
      guard let index = Self.names.firstIndex(of: name) else { return "" }
      let value = row.string(Self.first + index)
      return value == "null" ? "" : value
    }
    func number(_ name: String, _ range: ClosedRange<Double>) throws(Fault) -> Double? {
      let value = text(name)
      if value.isEmpty { return nil }
      guard let number = Double(value), range.contains(number) else { throw Fault(text: "\(name): \(value)") }
      return number
    }
    func span(_ name: String) throws(Fault) -> Interval? {
      try number(name, 0...3_162_240_000).map { Interval(microseconds: Int64(($0 * 1e6).rounded())) }
    }
    func key(_ name: String, _ most: Int) throws(Fault) -> String {
      let value = text(name)
      if value.utf8.count > most { throw Fault(text: "\(name): at most \(most) bytes") }
      return value
    }
    func identifier(_ name: String, _ value: String) throws(Fault) -> String {
      let isGood =
        value.utf8.count <= 128
        && value.utf8.allSatisfy { byte in
          UnicodeScalar(byte).isASCII && (UnicodeScalar(byte).properties.isAlphabetic || (48...57).contains(byte))
            || [UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: ":"), UInt8(ascii: "-")].contains(byte)
        }
      if !isGood { throw Fault(text: "\(name): up to 128 of A-Z a-z 0-9 _ . : -") }
      return value
    }
    func choice(_ name: String, _ choices: [String]) throws(Fault) -> String {
      let value = text(name).lowercased()
      if !value.isEmpty, !choices.contains(value) { throw Fault(text: "\(name): \(choices.joined(separator: ", "))") }
      return value
    }
    do throws(Fault) {
      guard row.int(2) == 1 else { throw Fault(text: "job: an object") }
      job.id = try identifier("id", row.string(1))
      job.name = try key("name", 256)
      if job.name.isEmpty { throw Fault(text: "name: required") }
      let queue = try identifier("queue", text("queue"))
      job.queue = queue.isEmpty ? "default" : queue
      job.priority = Int8(try number("priority", -100...100) ?? 0)
      item.contentType = try key("content_type", 256)
      let isText = row.string(6) == "STRING"
      if !row.isNull(3) {
        item.payload = row.bytes(3)
      } else if !row.isNull(5) {
        item.payload = isText ? row.bytes(7) : row.bytes(5)
        if !isText, item.contentType.isEmpty { item.contentType = "application/json" }
      }
      if item.payload.count > payloadLimit { throw Fault(text: "payload: at most \(payloadLimit) bytes") }
      job.payloadSize = item.payload.count
      if !row.isNull(8) {
        guard let metadata = FlatObject.entries(row.string(8)) else {
          throw Fault(text: "metadata: an object of texts")
        }
        item.metadata = metadata
      }
      draft.dependsOn = try Self.ids(row.string(9)).map { (id) throws(Fault) in try identifier("depends_on", id) }
      if let delay = try span("delay") { job.runAt = row.time(4) + delay }
      if let at = try number("run_at", 0...2.6e17) { job.runAt = Timestamp(microseconds: Int64(at)) }
      if let at = try number("start_before", 0...2.6e17) { draft.startBefore = Timestamp(microseconds: Int64(at)) }
      draft.timeout = try span("timeout")
      draft.retention = try span("retention")
      draft.initialBackoff = try span("initial_backoff")
      draft.maxBackoff = try span("max_backoff")
      draft.maxAttempts = try number("max_attempts", 0...4e9).map { UInt32($0) }
      draft.maxLost = try number("max_lost", 0...4e9).map { UInt32($0) }
      draft.multiplier = try number("multiplier", 0...1e6)
      if let multiplier = draft.multiplier, multiplier > 0, multiplier < 1 {
        throw Fault(text: "multiplier: at least 1")
      }
      draft.jitter = try number("jitter", -1e9...1)
      draft.uniqueKey = try key("unique_key", 512)
      draft.uniqueHold = try span("unique_hold")
      draft.onConflict = try choice("on_conflict", ["keep", "reject", "replace"])
      draft.concurrencyKey = try key("concurrency_key", 512)
      draft.fairnessKey = try key("fairness_key", 512)
      draft.batchID = try identifier("batch_id", text("batch_id"))
      draft.onDependencyFailure = try choice("on_dependency_failure", ["cancel", "run"])
      job.options = draft.options
    } catch {
      item.fault = error.text
    }
    item.job = job
    self.item = item
  }

  /// An array of texts: taken apart as the values of an object are.
  private static func ids(_ array: String) -> [String] {
    let inner = array.drop { $0 == "[" || $0 == " " }
    guard array.hasPrefix("["), array.hasSuffix("]") else { return array.isEmpty || array == "null" ? [] : [array] }
    return inner.dropLast().split(separator: ",").map { part in
      String(part.drop { $0 == " " || $0 == "\"" }.reversed().drop { $0 == " " || $0 == "\"" }.reversed())
    }
  }
}
