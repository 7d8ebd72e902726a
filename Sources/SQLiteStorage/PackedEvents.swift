import Jobs

/// Events as they are stored, packed once for the log and for the rows of `events`.
struct PackedEvents: Sendable {
  /// Events whose cursors follow each other, packed without regard to what comes before.
  struct Run: Sendable {
    var first: Int64
    var count: Int
    /// The first one's time, and the latest.
    var since: Timestamp
    var until: Timestamp
    var size: Int
  }

  private(set) var runs: [Run] = []
  /// Of all runs, in their order.
  private(set) var bytes: [UInt8] = []

  /// A reader of one event unpacks no more than a row, and a row is made of whole runs.
  private static let runBytes = 2_048
  private static let runSpan = Interval.seconds(1)

  /// - Parameter scratch: of no meaning before and after.
  mutating func add(_ change: ChangeSet, salt: UInt32, scratch: inout ByteWriter) {
    let events = change.events
    var numbers = JobNumbers(salt: salt)
    var index = 0
    scratch.clear()
    while index < events.count {
      let start = scratch.count
      var codec = EventCodec(salt: salt)
      var run = Run(first: events[index].cursor, count: 0, since: events[index].at, until: .distantPast, size: 0)
      repeat {
        run.until = max(run.until, events[index].at)
        codec.write(events, index, numbers.parts(of: events[index].jobID, change.jobs), to: &scratch)
        run.count += 1
        index += 1
      } while index < events.count && events[index].cursor == run.first + Int64(run.count)
        && scratch.count - start < Self.runBytes && events[index].at < run.since + Self.runSpan
      run.size = scratch.count - start
      runs.append(run)
    }
    scratch.append(to: &bytes)
  }

  mutating func add(_ later: PackedEvents) {
    if runs.isEmpty {
      self = later
    } else {
      runs += later.runs
      bytes += later.bytes
    }
  }

  func write(to writer: inout ByteWriter) {
    writer.putVariable(UInt64(runs.count))
    for run in runs {
      writer.putSigned(run.first)
      writer.putVariable(UInt64(run.count))
      writer.put(run.since.microseconds)
      writer.put(run.until.microseconds)
      writer.putVariable(UInt64(run.size))
    }
    writer.put(bytes)
  }

  init() {}

  init(_ reader: inout ByteReader) {
    var left = reader.takeVariable()
    var total = 0
    while left > 0, reader.isGood {
      left -= 1
      let first = reader.takeSigned()
      let count = Int(truncatingIfNeeded: reader.takeVariable())
      let since = Timestamp(microseconds: reader.take(Int64.self))
      let until = Timestamp(microseconds: reader.take(Int64.self))
      let size = Int(truncatingIfNeeded: reader.takeVariable() & 0xFFFF_FFFF)
      total += size
      runs.append(Run(first: first, count: count, since: since, until: until, size: size))
    }
    bytes = reader.takeBytes()
    if total != bytes.count { reader.markDamaged() }
  }
}

/// What the ids of events' jobs were made of. Mostly the jobs stand in the change set, too, in about the order of their events, and say it
/// for less than the id has to be read for.
private struct JobNumbers {
  let salt: UInt32
  /// The place of the job that probably comes next.
  private var next = 0
  /// How often the place may still be looked for.
  private var looks = 4

  init(salt: UInt32) { self.salt = salt }

  mutating func parts(of id: String, _ jobs: [JobChange]) -> (seq: Int64, milliseconds: Int64)? {
    if next < jobs.count, jobs[next].head.job.id == id {
      let head = jobs[next].head
      next += 1
      return head.isChosen ? JobID.parts(of: id, salt: salt) : (head.seq, head.createdAt.milliseconds)
    }
    let parts = JobID.parts(of: id, salt: salt)
    if let parts, looks > 0 {
      looks -= 1
      next = jobs.firstIndex { $0.head.seq == parts.seq }.map { $0 + 1 } ?? jobs.count
    }
    return parts
  }
}
