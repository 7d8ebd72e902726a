import Jobs

/// Events as the stream keeps them: those of one call in one entry. See Scripts/common.lua.
enum StoredEvents {
  /// Appends the events of one entry, the first of which is `first`; returns how many.
  static func read(
    _ packed: PackedReader, first: Int64, into events: inout [Event]
  ) throws(RedisFailure) -> Int64 {
    var reader = packed
    let at = try reader.timestamp()
    let count = Int64(try reader.uint32())
    for cursor in first..<first + count { events.append(try event(&reader, cursor: cursor, at: at)) }
    return count
  }

  /// How many events an entry has.
  static func count(_ packed: PackedReader) throws(RedisFailure) -> Int64 {
    var reader = packed
    _ = try reader.timestamp()
    return Int64(try reader.uint32())
  }

  private static func event(_ reader: inout PackedReader, cursor: Int64, at: Timestamp) throws(RedisFailure) -> Event {
    let code = try reader.uint8()
    guard let kind = Event.Kind(rawValue: code) else { throw .protocolError("a stored event is of kind \(code)") }
    let detailKind = try reader.uint8()
    let attempt = try reader.uint32()
    let workerID = try reader.text16()
    let head = try StoredHead(&reader)
    var detail = Event.Detail.none
    if detailKind != 0 {
      var part = try reader.part(Int(try reader.uint32()))
      switch detailKind {
      case 1: detail = .failure(try StoredFailure.read(&part))
      case 2:
        let next = try part.timestamp()
        detail = .retry(try StoredFailure.read(&part), nextRunAt: next)
      case 3: detail = .progress(try StoredProgress.read(&part))
      case 4: detail = .due(try part.timestamp())
      default: throw .protocolError("a stored event has a detail of kind \(detailKind)")
      }
    }
    return Event(
      cursor: cursor, kind: kind, at: at, jobID: head.id, queue: head.queue, name: head.name, attempt: attempt,
      workerID: workerID, batchID: head.batchID, detail: detail)
  }

  /// An event that is no job's, as record.lua takes it.
  static func put(_ event: Event, into bytes: inout [UInt8]) {
    bytes.put(event.kind.rawValue)
    let detailPosition = bytes.count
    bytes.put(UInt8(0))
    bytes.put(event.attempt)
    bytes.put16(event.workerID)
    putHead(id: event.jobID, queue: event.queue, name: event.name, batchID: event.batchID, into: &bytes)
    guard case .failure(let failure) = event.detail else { return }
    bytes[detailPosition] = 1
    var detail: [UInt8] = []
    detail.put(failure.at)
    detail.put(failure.attempt)
    detail.put16(failure.workerID)
    StoredFailure.put(failure, into: &detail)
    bytes.put(UInt32(clamping: detail.count))
    bytes.append(contentsOf: detail)
  }

  static func putHead(id: String, queue: String, name: String, batchID: String, into bytes: inout [UInt8]) {
    let id = id.utf8.prefix(255)
    bytes.put(UInt8(id.count))
    bytes.append(contentsOf: id)
    StoredHead.putCore(queue: queue, name: name, batchID: batchID, into: &bytes)
  }
}
