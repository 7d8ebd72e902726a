import Jobs
import SQLRecords

/// A row of the table gkick_inbox, checked as the wire checks. What is wrong is told with the field's name, in few words whatever was put in.
struct InboxFields {
  static let columns = "number, id, job, payload, TIMESTAMPDIFF(MICROSECOND, '1970-01-01', at)"

  private static let names: Set<String> = [
    "id", "queue", "name", "priority", "run_at", "delay", "payload", "content_type", "metadata", "start_before",
    "timeout", "retention", "max_attempts", "initial_backoff", "max_backoff", "multiplier", "jitter", "max_lost",
    "unique_key", "unique_hold", "on_conflict", "concurrency_key", "fairness_key", "batch_id", "depends_on",
    "on_dependency_failure",
  ]
  private static let century = 3_162_240_000.0

  let item: InboxItem

  private struct Fault: Error {
    var text: String
    init(_ field: String, _ reason: String) { text = "\(field): \(reason)" }
  }

  init(_ row: MySQLResult, payloadLimit: Int) {
    var item = InboxItem(number: row.int(0), job: NewJob(id: row.string(1), queue: "default", name: ""))
    do throws(Fault) {
      guard let fields = ParsedJSON.object(row.bytes(2)) else { throw Fault("job", "an object") }
      try Self.read(Values(fields), of: row, payloadLimit, into: &item)
    } catch {
      item.fault = error.text
    }
    self.item = item
  }

  private static func read(
    _ values: Values, of row: MySQLResult, _ payloadLimit: Int, into item: inout InboxItem
  ) throws(Fault) {
    // First what is told of a job that is refused.
    if item.job.id.isEmpty { item.job.id = try values.identifier("id") }
    item.job.id = try Values.identifier("id", item.job.id)
    let queue = try values.identifier("queue")
    if !queue.isEmpty { item.job.queue = queue }
    item.job.name = try values.text("name", 256)
    if item.job.name.isEmpty { throw Fault("name", "required") }
    if let unknown = values.keys.first(where: { !names.contains($0) }) {
      throw Fault(Values.short(unknown), "no such field")
    }
    item.job.priority = Int8(try values.whole("priority", -100...100) ?? 0)
    item.contentType = try values.text("content_type", 256)
    if !row.isNull(3) {
      item.payload = row.bytes(3)
    } else if let given = values["payload"] {
      if case .text(let text) = given.value {
        item.payload = Array(text.utf8)
      } else {
        item.payload = Array(given.bytes)
        if item.contentType.isEmpty { item.contentType = "application/json" }
      }
    }
    if item.payload.count > payloadLimit { throw Fault("payload", "at most \(payloadLimit) bytes") }
    item.job.payloadSize = item.payload.count
    item.metadata = try values.metadata()
    if let delay = try values.span("delay") { item.job.runAt = row.time(4) + delay }
    if let at = try values.time("run_at") {
      if item.job.runAt != nil { throw Fault("delay", "not together with run_at") }
      item.job.runAt = at
    }
    item.job.options = try options(values, id: item.job.id)
  }

  private static func options(_ values: Values, id: String) throws(Fault) -> JobOptions {
    var draft = JobDraft()
    draft.startBefore = try values.time("start_before")
    draft.timeout = try values.span("timeout")
    if draft.timeout == .zero { throw Fault("timeout", "must be more than zero") }
    draft.retention = try values.span("retention")
    draft.initialBackoff = try values.span("initial_backoff")
    draft.maxBackoff = try values.span("max_backoff")
    draft.maxAttempts = try values.whole("max_attempts", 0...4e9).map { UInt32($0) }
    draft.maxLost = try values.whole("max_lost", 0...4e9).map { UInt32($0) }
    draft.multiplier = try values.number("multiplier", 0...1e6)
    if let multiplier = draft.multiplier, multiplier > 0, multiplier < 1 {
      throw Fault("multiplier", "at least 1, at most 1,000,000; 0 for the default")
    }
    draft.jitter = try values.number("jitter", -1e9...1)
    draft.uniqueKey = try values.text("unique_key", 512)
    if draft.uniqueKey.isEmpty {
      if values["unique_key"] != nil { throw Fault("unique_key", "must not be empty") }
      for name in ["unique_hold", "on_conflict"] where values[name] != nil { throw Fault(name, "needs unique_key") }
    }
    draft.uniqueHold = try values.span("unique_hold")
    draft.onConflict = try values.choice("on_conflict", ["keep", "reject", "replace"])
    draft.concurrencyKey = try values.text("concurrency_key", 512)
    draft.fairnessKey = try values.text("fairness_key", 512)
    draft.batchID = try values.identifier("batch_id")
    draft.dependsOn = try values.identifiers("depends_on", most: 100)
    if draft.dependsOn.contains(id) { throw Fault("depends_on", "a job cannot depend on itself") }
    draft.onDependencyFailure = try values.choice("on_dependency_failure", ["cancel", "run"])
    return draft.options
  }

  /// The fields that were given: of one that is there twice the last, and none that is null but for the payload.
  private struct Values {
    private var fields: [String: JSONField] = [:]

    init(_ given: [JSONField]) {
      for field in given {
        if case .null = field.value, field.key != "payload" { continue }
        fields[field.key] = field
      }
    }

    subscript(_ name: String) -> JSONField? { fields[name] }
    var keys: [String] { fields.keys.sorted() }

    static func short(_ text: String) -> String { String(text.prefix(64)) }

    /// Empty: not given. Numbers are taken as they are written.
    func text(_ name: String, _ most: Int) throws(Fault) -> String {
      switch fields[name]?.value {
      case nil: return ""
      case .text(let text)?, .number(let text)?:
        if text.utf8.count > most { throw Fault(name, "at most \(most) bytes") }
        if text.utf8.contains(0) { throw Fault(name, "must not contain NUL") }
        return text
      default: throw Fault(name, "a text")
      }
    }

    func number(_ name: String, _ range: ClosedRange<Double>) throws(Fault) -> Double? {
      let text = try text(name, 64)
      if fields[name] == nil { return nil }
      guard let number = Double(text), number.isFinite else { throw Fault(name, "a number") }
      guard range.contains(number) else {
        throw Fault(
          name,
          range.lowerBound == 0 && number < 0
            ? "must not be negative" : "\(shown(range.lowerBound)) to \(shown(range.upperBound))")
      }
      return number
    }

    private func shown(_ bound: Double) -> String { String(Int64(bound)) }

    func whole(_ name: String, _ range: ClosedRange<Double>) throws(Fault) -> Double? {
      guard let number = try number(name, range) else { return nil }
      guard number.rounded() == number else { throw Fault(name, "an integer") }
      return number
    }

    func span(_ name: String) throws(Fault) -> Interval? {
      guard let seconds = try number(name, 0...InboxFields.century) else { return nil }
      return Interval(microseconds: Int64((seconds * 1e6).rounded()))
    }

    func time(_ name: String) throws(Fault) -> Timestamp? {
      guard let field = fields[name] else { return nil }
      guard case .text(let text) = field.value, let time = TimestampText.parse(text, isUTC: true) else {
        throw Fault(name, "a time from 1970 on such as 2030-01-31 12:00:00, in UTC unless it names its zone")
      }
      return time
    }

    func choice(_ name: String, _ choices: [String]) throws(Fault) -> String {
      guard fields[name] != nil else { return "" }
      let value = try text(name, 64).lowercased()
      if !choices.contains(value) {
        throw Fault(name, choices.dropLast().joined(separator: ", ") + " or " + (choices.last ?? ""))
      }
      return value
    }

    func identifier(_ name: String) throws(Fault) -> String { try Self.identifier(name, text(name, 128)) }

    /// May be empty.
    static func identifier(_ name: String, _ text: String) throws(Fault) -> String {
      let isGood =
        text.utf8.count <= 128
        && text.utf8.allSatisfy { byte in
          switch byte {
          case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: ":"), UInt8(ascii: "-"):
            true
          default: false
          }
        }
      if !isGood { throw Fault(name, "up to 128 of A-Z a-z 0-9 _ . : -") }
      return text
    }

    func identifiers(_ name: String, most: Int) throws(Fault) -> [String] {
      guard let field = fields[name] else { return [] }
      guard case .array(let values) = field.value else { throw Fault(name, "an array of ids") }
      if values.count > most { throw Fault(name, "at most \(most) ids") }
      var found: [String] = []
      for value in values {
        guard case .text(let text) = value, !text.isEmpty else {
          throw Fault(name, "ids of up to 128 of A-Z a-z 0-9 _ . : -")
        }
        found.append(try Self.identifier(name, text))
      }
      return found
    }

    func metadata() throws(Fault) -> [(key: String, value: String)] {
      guard let field = fields["metadata"] else { return [] }
      guard let given = field.value.texts else { throw Fault("metadata", "an object of texts") }
      // Of one that is there twice the last.
      let last = Dictionary(given.enumerated().map { ($1.key, $0) }, uniquingKeysWith: max)
      let entries = given.enumerated().filter { last[$1.key] == $0 }.map(\.element)
      if entries.count > 64 { throw Fault("metadata", "at most 64 entries") }
      if entries.reduce(0, { $0 + $1.key.utf8.count + $1.value.utf8.count }) > 16_384 {
        throw Fault("metadata", "at most 16384 bytes in all")
      }
      return entries
    }
  }
}
