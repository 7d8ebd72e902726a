import Jobs

/// The `head` column of `jobs`: all of a job but its body. Fixed fields first.
///
///     u8 format, u8 flags, i8 priority, i64 createdAt, i64 runAt, string queue, string name, varint payloadSize,
///     u32 checksum of the body, [string id], [options], u32 checksum of all before
///
/// A store that was brought up from format 1 still has heads of that format (see Format1), without checksums.
enum HeadCodec {
  static let format: UInt8 = 2

  struct Flags: OptionSet {
    let rawValue: UInt8
    static let chosenID = Flags(rawValue: 1)
    static let options = Flags(rawValue: 2)
  }

  static func write(_ head: JobHead, bodySum: UInt32, to writer: inout ByteWriter) {
    let start = writer.count
    writeUnsummed(head, bodySum: bodySum, to: &writer)
    writer.put(writer.checksum(from: start))
  }

  /// Without the checksum at the end: for what has one as a whole.
  static func writeUnsummed(_ head: JobHead, bodySum: UInt32, to writer: inout ByteWriter) {
    let options = head.job.options
    var flags: Flags = []
    if head.isChosen { flags.insert(.chosenID) }
    if options !== JobOptions.standard { flags.insert(.options) }
    writer.put(format)
    writer.put(flags.rawValue)
    writer.put(head.job.priority)
    writer.put(head.createdAt.microseconds)
    writer.put((head.job.runAt ?? head.createdAt).microseconds)
    writer.put(head.job.queue)
    writer.put(head.job.name)
    writer.putVariable(UInt64(max(0, head.job.payloadSize)))
    writer.put(bodySum)
    if head.isChosen { writer.put(head.job.id) }
    if flags.contains(.options) { OptionsCodec.write(options, to: &writer) }
  }

  /// A head as it was read.
  struct Found {
    var seq: Int64
    var chosenID: String?
    var queue: String
    var name: String
    var priority: Int8
    var createdAt: Timestamp
    var runAt: Timestamp
    var payloadSize: Int
    /// nil: written before there were checksums.
    var bodySum: UInt32?
    var options: JobOptions
    /// Of format 1: where it stands without a row in `states`.
    var isScheduled: Bool?

    func head(salt: UInt32) -> JobHead {
      let id = chosenID ?? JobID.make(seq: seq, at: createdAt, salt: salt)
      return JobHead(
        seq: seq,
        job: NewJob(
          id: id, queue: queue, name: name, priority: priority, runAt: runAt, options: options, payloadSize: payloadSize
        ),
        isChosen: chosenID != nil, createdAt: createdAt)
    }

    /// Where it stands without a row in `states`.
    var untouched: JobStanding {
      JobStanding(state: isScheduled ?? (runAt > createdAt) ? .scheduled : .ready, runAt: runAt)
    }
  }

  /// - Parameters:
  ///   - queue: of the head that was read before: the same string is given again if it is the same.
  ///   - name: likewise.
  ///   - isSummed: its checksum is at the end; else what there may be after it is not looked at.
  static func read(
    _ reader: inout ByteReader, seq: Int64, queue: String = "", name: String = "", isSummed: Bool = true
  ) -> Found {
    let format = reader.take(UInt8.self)
    if format == Format1.headFormat { return Format1.readHead(&reader, seq: seq, queue: queue, name: name) }
    if format != Self.format || isSummed && !reader.hasGoodChecksum { reader.markDamaged() }
    let flags = Flags(rawValue: reader.take(UInt8.self))
    let priority = reader.take(Int8.self)
    let createdAt = Timestamp(microseconds: reader.take(Int64.self))
    let runAt = Timestamp(microseconds: reader.take(Int64.self))
    let queue = reader.takeString(unless: queue) ?? queue
    let name = reader.takeString(unless: name) ?? name
    let payloadSize = Int(truncatingIfNeeded: reader.takeVariable())
    let bodySum = reader.take(UInt32.self)
    let chosenID = flags.contains(.chosenID) ? reader.takeString() : nil
    let options = flags.contains(.options) ? OptionsCodec.read(&reader) : .standard
    return Found(
      seq: seq, chosenID: chosenID, queue: queue, name: name, priority: priority, createdAt: createdAt, runAt: runAt,
      payloadSize: payloadSize, bodySum: bodySum, options: options)
  }
}
