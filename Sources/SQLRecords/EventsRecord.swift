import Jobs

/// The events of one change set, packed: each tells only what differs from the one before it. Their cursors follow each other from the first one's on.
///
///     u8 format, i64 first cursor, then per event: u8 kind, u8 flags, time since the last, attempt, what the flags announce in their order. An id is told
///     as the length of the beginning that it shares with the id before it, and the rest.
public enum EventsRecord {
  private static let format: UInt8 = 1

  private struct Flags: OptionSet {
    let rawValue: UInt8
    static let id = Flags(rawValue: 1)
    static let queue = Flags(rawValue: 2)
    static let name = Flags(rawValue: 4)
    static let worker = Flags(rawValue: 8)
    static let batch = Flags(rawValue: 16)
    static let detail = Flags(rawValue: 32)
  }

  public static func bytes(_ events: [Event]) -> [UInt8]? {
    if events.isEmpty { return nil }
    var writer = RecordWriter()
    writer.reserve(64 * events.count)
    writer.put(format)
    writer.put(events[0].cursor)
    var last = Event(kind: .enqueued, at: .distantPast)
    for event in events {
      var flags: Flags = []
      if event.jobID != last.jobID { flags.insert(.id) }
      if event.queue != last.queue { flags.insert(.queue) }
      if event.name != last.name { flags.insert(.name) }
      if event.workerID != last.workerID { flags.insert(.worker) }
      if event.batchID != last.batchID { flags.insert(.batch) }
      if case .none = event.detail {} else { flags.insert(.detail) }
      writer.put(event.kind.rawValue)
      writer.put(flags.rawValue)
      writer.putSigned(event.at.microseconds &- last.at.microseconds)
      writer.putVariable(UInt64(event.attempt))
      if flags.contains(.id) {
        let shared = zip(event.jobID.utf8, last.jobID.utf8).prefix { $0 == $1 }.count
        writer.putVariable(UInt64(shared))
        writer.putVariable(UInt64(event.jobID.utf8.count - shared))
        writer.append(event.jobID.utf8.dropFirst(shared))
      }
      if flags.contains(.queue) { writer.put(event.queue) }
      if flags.contains(.name) { writer.put(event.name) }
      if flags.contains(.worker) { writer.put(event.workerID) }
      if flags.contains(.batch) { writer.put(event.batchID) }
      if flags.contains(.detail) { write(event.detail, to: &writer) }
      last = event
    }
    return writer.bytes
  }

  /// nil: damaged.
  public static func events(_ bytes: [UInt8]) -> [Event]? {
    var reader = RecordReader(bytes)
    guard reader.take(UInt8.self) == format else { return nil }
    let first = reader.take(Int64.self)
    var events: [Event] = []
    var last = Event(kind: .enqueued, at: .distantPast)
    while !reader.isAtEnd {
      guard let kind = Event.Kind(rawValue: reader.take(UInt8.self)) else { return nil }
      let flags = Flags(rawValue: reader.take(UInt8.self))
      var event = last
      event.kind = kind
      event.cursor = first &+ Int64(events.count)
      event.at = Timestamp(microseconds: last.at.microseconds &+ reader.takeSigned())
      event.attempt = UInt32(truncatingIfNeeded: reader.takeVariable())
      if flags.contains(.id) {
        let shared = last.jobID.utf8.prefix(Int(truncatingIfNeeded: min(reader.takeVariable(), 1 << 20)))
        let rest = reader.take(Int(truncatingIfNeeded: min(reader.takeVariable(), 1 << 20)))
        event.jobID = String(decoding: Array(shared) + rest, as: UTF8.self)
      }
      if flags.contains(.queue) { event.queue = reader.takeString() }
      if flags.contains(.name) { event.name = reader.takeString() }
      if flags.contains(.worker) { event.workerID = reader.takeString() }
      if flags.contains(.batch) { event.batchID = reader.takeString() }
      event.detail = .none
      if flags.contains(.detail) {
        guard let detail = readDetail(&reader) else { return nil }
        event.detail = detail
      }
      guard reader.isGood else { return nil }
      events.append(event)
      last = event
    }
    return events
  }

  private static func write(_ detail: Event.Detail, to writer: inout RecordWriter) {
    switch detail {
    case .none: writer.put(0 as UInt8)
    case .failure(let failure):
      writer.put(1 as UInt8)
      CarriedRecord.write(failure, to: &writer)
    case .retry(let failure, let nextRunAt):
      writer.put(2 as UInt8)
      CarriedRecord.write(failure, to: &writer)
      writer.put(nextRunAt)
    case .progress(let progress):
      writer.put(3 as UInt8)
      CarriedRecord.write(progress, to: &writer)
    case .due(let at):
      writer.put(4 as UInt8)
      writer.put(at)
    case .audit(let principal, let call):
      writer.put(5 as UInt8)
      writer.put(principal)
      writer.put(call)
    }
  }

  private static func readDetail(_ reader: inout RecordReader) -> Event.Detail? {
    switch reader.take(UInt8.self) {
    case 1: return .failure(CarriedRecord.readFailure(&reader))
    case 2:
      let failure = CarriedRecord.readFailure(&reader)
      return .retry(failure, nextRunAt: reader.takeTimestamp())
    case 3: return .progress(CarriedRecord.readProgress(&reader))
    case 4: return .due(reader.takeTimestamp())
    case 5:
      let principal = reader.takeString()
      return .audit(principal: principal, call: reader.takeString())
    default: return nil
    }
  }
}
