import FoundationEssentials
import Jobs
import NIOCore
import Services
import Wire

/// The document of `--cron-file`: all recurring jobs that it asks for.
struct CronFile: Decodable {
  struct Entry: Decodable {
    var id: String
    var cron: String?
    /// 15s, 1h30m ...
    var every: String?
    var time_zone: String?
    /// one, skip or all.
    var missed: String?
    /// allow or skip.
    var overlap: String?
    var paused: Bool?
    var name: String
    var queue: String?
    /// A text is the payload as it is, anything else as JSON.
    var payload: JSONText?
    var priority: Int32?
    var metadata: [String: String]?
    var timeout: String?
    var max_attempts: UInt32?
    var concurrency_key: String?
    var fairness_key: String?
    var batch_id: String?

    enum CodingKeys: String, CodingKey, CaseIterable {
      case id, cron, every, time_zone, missed, overlap, paused, name, queue, payload, priority, metadata, timeout
      case max_attempts, concurrency_key, fairness_key, batch_id
    }
  }
  var recurring: [Entry]

  /// The names of an entry's fields, whatever they are.
  private struct Names: Decodable {
    struct Name: CodingKey {
      let stringValue: String
      var intValue: Int? { nil }
      init?(stringValue: String) { self.stringValue = stringValue }
      init?(intValue: Int) { nil }
    }
    let all: [String]

    init(from decoder: any Decoder) throws {
      all = try decoder.container(keyedBy: Name.self).allKeys.map(\.stringValue)
    }
  }
  private struct Everything: Decodable { var recurring: [Names] }

  /// - Throws: `StartFailure`, in words for whoever wrote it.
  static func read(
    _ path: String, zones: any TimeZoneSource, maxPayload: Int, now: Timestamp
  ) throws -> RecurringDocument {
    guard let bytes = ZoneFolder.read(path, atMost: 16 << 20) else {
      throw StartFailure("--cron-file \(path): cannot be read, or is over 16 MiB")
    }
    let file: CronFile
    do {
      file = try parse(bytes)
    } catch {
      throw StartFailure("--cron-file \(path): \(error)")
    }
    var ids: Set<String> = []
    let codec = Codec(bounds: Bounds(payload: maxPayload), zones: zones)
    let entries = try file.recurring.map { entry in
      guard ids.insert(entry.id).inserted else { throw StartFailure("--cron-file \(path): \(entry.id) is there twice") }
      do {
        _ = codec.encodePutRecurringJobRequest(try entry.order())
        // Checked as a caller's is.
        let request = ByteBuffer(bytes: codec.packed())
        return RecurringDocument.Entry(
          try codec.decodePutRecurringJobRequest(request.readableBytesSpan, now: now),
          saysWhetherPaused: entry.paused != nil)
      } catch let failure as StartFailure {
        throw StartFailure("--cron-file \(path): \(entry.id): \(failure.description)")
      } catch {
        throw StartFailure("--cron-file \(path): \(entry.id): \(error)")
      }
    }
    return RecurringDocument(entries: entries)
  }

  /// The document without what its fields mean. A field that there is not is a mistake and not left out: it may be one that keeps jobs apart.
  static func parse(_ bytes: [UInt8]) throws(StartFailure) -> CronFile {
    do {
      let decoder = JSONDecoder()
      let file = try decoder.decode(CronFile.self, from: Data(bytes))
      let known = Entry.CodingKeys.allCases.map(\.rawValue)
      for (entry, names) in zip(file.recurring, try decoder.decode(Everything.self, from: Data(bytes)).recurring) {
        guard let name = names.all.filter({ !known.contains($0) }).sorted().first else { continue }
        let meant = Suggestions.nearest(to: name, among: known).map { "; \($0) was meant?" } ?? ""
        throw StartFailure("\(entry.id): there is no field \(name)\(meant)")
      }
      return file
    } catch let failure as StartFailure {
      throw failure
    } catch {
      throw StartFailure(words(error))
    }
  }

  private static func kind(_ type: Any.Type) -> String {
    switch type {
    case is String.Type: "a text"
    case is Bool.Type: "true or false"
    case is Int32.Type, is UInt32.Type: "a whole number"
    case is [Any].Type: "a list"
    default: "an object"
    }
  }

  private static func words(_ error: any Error) -> String {
    guard let error = error as? DecodingError else { return "\(error)" }
    func place(_ context: DecodingError.Context) -> String {
      context.codingPath.isEmpty
        ? "" : context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }.joined(separator: ".") + ": "
    }
    switch error {
    case .keyNotFound(let key, let context): return "\(place(context))\(key.stringValue) is missing"
    case .typeMismatch(let type, let context), .valueNotFound(let type, let context):
      if context.codingPath.isEmpty { return #"must be {"recurring": [...]}"# }
      return "\(place(context))must be \(kind(type))"
    case .dataCorrupted(let context):
      // What is no JSON is told beneath: where it ends to be any.
      let cause = context.codingPath.isEmpty ? context.underlyingError.map { " \($0)" } ?? "" : ""
      return "\(place(context))\(context.debugDescription)\(cause)"
    @unknown default: return "\(error)"
    }
  }
}

extension CronFile.Entry {
  private static let missedRuns = Choice<Jobs.RecurringJob.MissedRuns>(.one, .skip, .all)
  private static let overlaps = Choice<Jobs.RecurringJob.Overlap>(.allow, .skip)

  fileprivate func order() throws -> RecurringOrder {
    var order = RecurringOrder(id: id)
    order.cron = cron ?? ""
    order.timeZone = time_zone ?? ""
    order.every = try every.map { try interval($0, "every") }
    order.isPaused = paused ?? false
    if let missed { order.missedRuns = try choose(missed, "missed", of: Self.missedRuns) }
    if let overlap { order.overlap = try choose(overlap, "overlap", of: Self.overlaps) }
    var spec = JobSpec()
    spec.name = name
    spec.queue = queue ?? ""
    spec.payload = payload?.bytes ?? []
    if payload?.isJSON == true { spec.contentType = "application/json" }
    spec.priority = priority ?? 0
    spec.metadata = metadata ?? [:]
    spec.timeout = try timeout.map { try interval($0, "timeout") }
    if let max_attempts { spec.retry = RetryPolicy(maxAttempts: max_attempts) }
    spec.concurrencyKey = concurrency_key ?? ""
    spec.fairnessKey = fairness_key ?? ""
    spec.batchID = batch_id ?? ""
    order.job = spec
    return order
  }

  private func choose<Value>(_ word: String, _ field: String, of choice: Choice<Value>) throws -> Value {
    guard let value = choice[word] else { throw StartFailure("\(field): \"\(word)\" is not \(choice.form)") }
    return value
  }

  private func interval(_ text: String, _ field: String) throws -> Interval {
    guard let interval = IntervalText.parse(text) else {
      throw StartFailure("\(field): \"\(text)\" is not \(IntervalText.form)")
    }
    return interval
  }
}

/// Any JSON value, kept as its text.
struct JSONText: Decodable {
  private indirect enum Value: Codable {
    case null
    case bool(Bool)
    case integer(Int64)
    case number(Double)
    case text(String)
    case list([Value])
    case members([String: Value])

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if container.decodeNil() {
        self = .null
      } else if let value = try? container.decode(Bool.self) {
        self = .bool(value)
      } else if let value = try? container.decode(Int64.self) {
        self = .integer(value)
      } else if let value = try? container.decode(Double.self) {
        self = .number(value)
      } else if let value = try? container.decode(String.self) {
        self = .text(value)
      } else if let value = try? container.decode([Value].self) {
        self = .list(value)
      } else {
        self = .members(try container.decode([String: Value].self))
      }
    }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      switch self {
      case .null: try container.encodeNil()
      case .bool(let value): try container.encode(value)
      case .integer(let value): try container.encode(value)
      case .number(let value): try container.encode(value)
      case .text(let value): try container.encode(value)
      case .list(let value): try container.encode(value)
      case .members(let value): try container.encode(value)
      }
    }
  }

  let bytes: [UInt8]
  let isJSON: Bool

  init(from decoder: any Decoder) throws {
    let value = try Value(from: decoder)
    if case .text(let text) = value {
      bytes = Array(text.utf8)
      isJSON = false
    } else {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      bytes = [UInt8](try encoder.encode(value))
      isJSON = true
    }
  }
}
