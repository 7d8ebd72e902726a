import Jobs

/// Events as the stream keeps them, several in one entry. What an event repeats of the one before it is not written again.
///
///     u32 count, time; per event: u8 kind, u8 flags, u8 detail, [time], [queue], [name], [worker], [batch], attempt, id, [detail]
enum EventCodec {
  /// In one entry at most, so that a reader who wants few does not read many.
  static let perEntry = 512

  struct Flags: OptionSet {
    let rawValue: UInt8
    static let time = Flags(rawValue: 1)
    static let queue = Flags(rawValue: 2)
    static let name = Flags(rawValue: 4)
    static let worker = Flags(rawValue: 8)
    static let batch = Flags(rawValue: 16)
  }

  static func put(_ events: ArraySlice<Event>, into bytes: inout [UInt8]) {
    guard let first = events.first else { return }
    bytes.put(UInt32(events.count))
    bytes.put(first.at)
    put(first, after: Event(kind: .enqueued, at: first.at), into: &bytes)
    // In a span: an event that is copied costs as much as one that is written.
    let span = events.span
    for place in 1..<span.count { put(span[place], after: span[place - 1], into: &bytes) }
  }

  private static func put(_ event: borrowing Event, after before: borrowing Event, into bytes: inout [UInt8]) {
    var flags: Flags = []
    if event.at != before.at { flags.insert(.time) }
    if event.queue != before.queue { flags.insert(.queue) }
    if event.name != before.name { flags.insert(.name) }
    if event.workerID != before.workerID { flags.insert(.worker) }
    if event.batchID != before.batchID { flags.insert(.batch) }
    bytes.put(event.kind.rawValue)
    bytes.put(flags.rawValue)
    bytes.put(event.detail.code)
    if flags.contains(.time) { bytes.put(event.at) }
    if flags.contains(.queue) { bytes.put16(event.queue) }
    if flags.contains(.name) { bytes.put16(event.name) }
    if flags.contains(.worker) { bytes.put16(event.workerID) }
    if flags.contains(.batch) { bytes.put16(event.batchID) }
    bytes.put(event.attempt)
    bytes.put16(event.jobID)
    switch event.detail {
    case .none: break
    case .failure(let failure): FailureCodec.put(failure, into: &bytes)
    case .retry(let failure, let next):
      bytes.put(next)
      FailureCodec.put(failure, into: &bytes)
    case .progress(let progress): ProgressCodec.put(progress, into: &bytes)
    case .due(let time): bytes.put(time)
    case .audit(let principal, let call):
      bytes.put16(principal)
      bytes.put16(call)
    }
  }

  static func count(_ packed: PackedReader) throws(RedisFailure) -> (count: Int64, at: Timestamp) {
    var reader = packed
    let count = Int64(try reader.uint32())
    return (count, try reader.timestamp())
  }

  /// Appends an entry's events whose cursor is above `cursor`.
  static func read(
    _ packed: PackedReader, last: Int64, after cursor: Int64, into events: inout [Event]
  ) throws(RedisFailure) {
    var reader = packed
    let count = Int64(try reader.uint32())
    var before = Event(kind: .enqueued, at: try reader.timestamp())
    guard count > 0 else { return }
    for number in (last - count + 1)...last {
      let event = try event(&reader, cursor: number, after: before)
      if number > cursor { events.append(event) }
      before = event
    }
  }

  private static func event(
    _ reader: inout PackedReader, cursor: Int64, after before: Event
  ) throws(RedisFailure) -> Event {
    let code = try reader.uint8()
    guard let kind = Event.Kind(rawValue: code) else { throw .protocolError("a stored event is of kind \(code)") }
    let flags = Flags(rawValue: try reader.uint8())
    let detailCode = try reader.uint8()
    var event = Event(cursor: cursor, kind: kind, at: flags.contains(.time) ? try reader.timestamp() : before.at)
    event.queue = flags.contains(.queue) ? try reader.text16() : before.queue
    event.name = flags.contains(.name) ? try reader.text16() : before.name
    event.workerID = flags.contains(.worker) ? try reader.text16() : before.workerID
    event.batchID = flags.contains(.batch) ? try reader.text16() : before.batchID
    event.attempt = try reader.uint32()
    event.jobID = try reader.text16()
    switch detailCode {
    case 0: break
    case 1: event.detail = .failure(try FailureCodec.read(&reader))
    case 2:
      let next = try reader.timestamp()
      event.detail = .retry(try FailureCodec.read(&reader), nextRunAt: next)
    case 3: event.detail = .progress(try ProgressCodec.read(&reader))
    case 4: event.detail = .due(try reader.timestamp())
    case 5: event.detail = .audit(principal: try reader.text16(), call: try reader.text16())
    default: throw .protocolError("a stored event has a detail of kind \(detailCode)")
    }
    return event
  }
}

extension Event.Detail {
  fileprivate var code: UInt8 {
    switch self {
    case .none: 0
    case .failure: 1
    case .retry: 2
    case .progress: 3
    case .due: 4
    case .audit: 5
    }
  }
}
