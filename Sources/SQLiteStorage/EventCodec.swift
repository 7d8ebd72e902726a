import Jobs

/// Events of one or more change sets, packed: each tells only what differs from the one before it.
///
///     u8 kind, u8 flags, varint time since the last, varint attempt, then what the flags announce, in their order
///
/// A kind of 0 stands before an event that was packed without regard to those before it.
struct EventCodec {
  private struct Flags: OptionSet {
    let rawValue: UInt8
    /// An id of our own: seq and milliseconds.
    static let madeID = Flags(rawValue: 1)
    static let otherID = Flags(rawValue: 2)
    static let queue = Flags(rawValue: 4)
    static let name = Flags(rawValue: 8)
    static let worker = Flags(rawValue: 16)
    static let batch = Flags(rawValue: 32)
    static let detail = Flags(rawValue: 64)
  }

  let salt: UInt32
  private var at: Int64 = 0
  private var seq: Int64 = 0
  private var milliseconds: Int64 = 0
  private var queue = ""
  private var name = ""
  private var worker = ""
  private var batch = ""

  init(salt: UInt32) { self.salt = salt }

  /// Field by field, by place: to take an event out of the array costs as much as to write it.
  /// - Parameter made: what the job's id was made of; nil: its producer chose it, or it is no job's.
  mutating func write(
    _ events: [Event], _ index: Int, _ made: (seq: Int64, milliseconds: Int64)?, to writer: inout ByteWriter
  ) {
    var flags: Flags = []
    if made != nil { flags.insert(.madeID) } else if !events[index].jobID.isEmpty { flags.insert(.otherID) }
    if events[index].queue != queue { flags.insert(.queue) }
    if events[index].name != name { flags.insert(.name) }
    if events[index].workerID != worker { flags.insert(.worker) }
    if events[index].batchID != batch { flags.insert(.batch) }
    if case .none = events[index].detail {} else { flags.insert(.detail) }
    writer.put(events[index].kind.rawValue)
    writer.put(flags.rawValue)
    let time = events[index].at.microseconds
    writer.putSigned(time &- at)
    at = time
    writer.putVariable(UInt64(events[index].attempt))
    if let made {
      writer.putSigned(made.seq &- seq)
      writer.putSigned(made.milliseconds &- milliseconds)
      seq = made.seq
      milliseconds = made.milliseconds
    } else if flags.contains(.otherID) {
      writer.put(events[index].jobID)
    }
    if flags.contains(.queue) {
      queue = events[index].queue
      writer.put(queue)
    }
    if flags.contains(.name) {
      name = events[index].name
      writer.put(name)
    }
    if flags.contains(.worker) {
      worker = events[index].workerID
      writer.put(worker)
    }
    if flags.contains(.batch) {
      batch = events[index].batchID
      writer.put(batch)
    }
    if flags.contains(.detail) { write(events[index].detail, to: &writer) }
  }

  private func write(_ detail: Event.Detail, to writer: inout ByteWriter) {
    switch detail {
    case .none: writer.put(0 as UInt8)
    case .failure(let failure):
      writer.put(1 as UInt8)
      CarriedCodec.write(failure, to: &writer)
    case .retry(let failure, let nextRunAt):
      writer.put(2 as UInt8)
      CarriedCodec.write(failure, to: &writer)
      writer.put(nextRunAt.microseconds)
    case .progress(let progress):
      writer.put(3 as UInt8)
      CarriedCodec.write(progress, to: &writer)
    case .due(let at):
      writer.put(4 as UInt8)
      writer.put(at.microseconds)
    case .audit(let principal, let call):
      writer.put(5 as UInt8)
      writer.put(principal)
      writer.put(call)
    }
  }

  static let anew: UInt8 = 0

  mutating func read(_ reader: inout ByteReader, cursor: Int64) -> Event {
    var number = reader.take(UInt8.self)
    if number == Self.anew {
      self = EventCodec(salt: salt)
      number = reader.take(UInt8.self)
    }
    let kind = Event.Kind(rawValue: number)
    if kind == nil { reader.markDamaged() }
    let flags = Flags(rawValue: reader.take(UInt8.self))
    at = at &+ reader.takeSigned()
    let attempt = UInt32(truncatingIfNeeded: reader.takeVariable())
    var jobID = ""
    if flags.contains(.madeID) {
      seq = seq &+ reader.takeSigned()
      milliseconds = milliseconds &+ reader.takeSigned()
      jobID = JobID.make(seq: seq, at: Timestamp(microseconds: milliseconds &* 1_000), salt: salt)
    } else if flags.contains(.otherID) {
      jobID = reader.takeString()
    }
    if flags.contains(.queue) { queue = reader.takeString() }
    if flags.contains(.name) { name = reader.takeString() }
    if flags.contains(.worker) { worker = reader.takeString() }
    if flags.contains(.batch) { batch = reader.takeString() }
    return Event(
      cursor: cursor, kind: kind ?? .enqueued, at: Timestamp(microseconds: at), jobID: jobID, queue: queue, name: name,
      attempt: attempt, workerID: worker, batchID: batch, detail: flags.contains(.detail) ? readDetail(&reader) : .none)
  }

  private func readDetail(_ reader: inout ByteReader) -> Event.Detail {
    switch reader.take(UInt8.self) {
    case 1: return .failure(CarriedCodec.readFailure(&reader))
    case 2:
      let failure = CarriedCodec.readFailure(&reader)
      return .retry(failure, nextRunAt: Timestamp(microseconds: reader.take(Int64.self)))
    case 3: return .progress(CarriedCodec.readProgress(&reader))
    case 4: return .due(Timestamp(microseconds: reader.take(Int64.self)))
    case 5:
      let principal = reader.takeString()
      return .audit(principal: principal, call: reader.takeString())
    default:
      reader.markDamaged()
      return .none
    }
  }
}
