import Jobs

/// The `head` column of `jobs`: all of a job but its body. Fixed fields first, so that rebuilding the order at open reads only the
/// first bytes of it.
///
///     u8 format, u8 flags, i8 priority, i64 createdAt, i64 runAt, [i64 startBefore], string queue, string name,
///     varint payloadSize, [string id], [options]
enum HeadCodec {
  static let format: UInt8 = 1

  struct Flags: OptionSet {
    let rawValue: UInt8
    static let scheduled = Flags(rawValue: 1)
    static let chosenID = Flags(rawValue: 2)
    static let options = Flags(rawValue: 4)
    static let startBefore = Flags(rawValue: 8)
    static let unique = Flags(rawValue: 16)
  }

  /// - Parameter state: the one it has without a row in `states`: scheduled or ready.
  static func write(_ head: Head, state: JobState, to writer: inout ByteWriter) {
    let options = head.job.options
    var flags: Flags = []
    if state == .scheduled { flags.insert(.scheduled) }
    if head.isChosen { flags.insert(.chosenID) }
    if options !== JobOptions.standard { flags.insert(.options) }
    if options.startBefore != nil { flags.insert(.startBefore) }
    if options.unique != nil { flags.insert(.unique) }
    writer.put(format)
    writer.put(flags.rawValue)
    writer.put(head.job.priority)
    writer.put(head.createdAt.microseconds)
    writer.put((head.job.runAt ?? head.createdAt).microseconds)
    if let startBefore = options.startBefore { writer.put(startBefore.microseconds) }
    writer.put(head.job.queue)
    writer.put(head.job.name)
    writer.putVariable(UInt64(max(0, head.job.payloadSize)))
    if head.isChosen { writer.put(head.job.id) }
    if flags.contains(.options) { write(options, to: &writer) }
  }

  private static func write(_ options: JobOptions, to writer: inout ByteWriter) {
    let retry = options.retry
    writer.put(retry.maxAttempts)
    writer.put(retry.maxLost)
    writer.put(retry.initialBackoff.microseconds)
    writer.put(retry.maxBackoff.microseconds)
    writer.put(retry.multiplier)
    writer.put(retry.jitter)
    writer.put(options.timeout?.microseconds, else: .min)
    writer.put(options.retention?.microseconds, else: .min)
    writer.put(options.concurrencyKey)
    writer.put(options.fairnessKey)
    writer.put(options.batchID)
    if let unique = options.unique {
      writer.put(unique.onConflict.rawValue)
      writer.put(unique.holdFor?.microseconds, else: .min)
      writer.put(unique.key)
    }
  }

  /// What the order in memory needs of a job.
  struct Front {
    var flags: Flags
    var priority: Int8
    var createdAt: Timestamp
    var runAt: Timestamp
    var startBefore: Timestamp?
  }

  /// Everything before the queue.
  static func readFront(_ reader: inout ByteReader) -> Front {
    if reader.take(UInt8.self) != format { reader.markDamaged() }
    let flags = Flags(rawValue: reader.take(UInt8.self))
    let priority = reader.take(Int8.self)
    let createdAt = Timestamp(microseconds: reader.take(Int64.self))
    let runAt = Timestamp(microseconds: reader.take(Int64.self))
    let startBefore = flags.contains(.startBefore) ? Timestamp(microseconds: reader.take(Int64.self)) : nil
    return Front(flags: flags, priority: priority, createdAt: createdAt, runAt: runAt, startBefore: startBefore)
  }

  /// A job without a row in `states`.
  static func read(_ reader: inout ByteReader, seq: Int64, salt: UInt32) -> Stored {
    let front = readFront(&reader)
    let queue = reader.takeString()
    let name = reader.takeString()
    let payloadSize = Int(truncatingIfNeeded: reader.takeVariable())
    let isChosen = front.flags.contains(.chosenID)
    let id = isChosen ? reader.takeString() : JobID.make(seq: seq, at: front.createdAt, salt: salt)
    let options = front.flags.contains(.options) ? readOptions(&reader, front) : JobOptions.standard
    return Stored(
      head: Head(
        seq: seq,
        job: NewJob(
          id: id, queue: queue, name: name, priority: front.priority, runAt: front.runAt, options: options,
          payloadSize: payloadSize),
        isChosen: isChosen, createdAt: front.createdAt),
      row: StateRow(state: front.flags.contains(.scheduled) ? .scheduled : .ready, runAt: front.runAt), hasRow: false)
  }

  private static func readOptions(_ reader: inout ByteReader, _ front: Front) -> JobOptions {
    let maxAttempts = reader.take(UInt32.self)
    let maxLost = reader.take(UInt32.self)
    let initialBackoff = Interval(microseconds: reader.take(Int64.self))
    let maxBackoff = Interval(microseconds: reader.take(Int64.self))
    let multiplier = reader.takeDouble()
    let jitter = reader.takeDouble()
    let timeout = reader.take(Int64.self)
    let retention = reader.take(Int64.self)
    let concurrencyKey = reader.takeString()
    let fairnessKey = reader.takeString()
    let batchID = reader.takeString()
    var unique: Uniqueness?
    if front.flags.contains(.unique) {
      let onConflict = Uniqueness.OnConflict(rawValue: reader.take(UInt8.self))
      let holdFor = reader.take(Int64.self)
      let key = reader.takeString()
      if onConflict == nil { reader.markDamaged() }
      unique = Uniqueness(
        key: key, holdFor: holdFor == .min ? nil : Interval(microseconds: holdFor), onConflict: onConflict ?? .keep)
    }
    return JobOptions(
      retry: RetryPolicy(
        maxAttempts: maxAttempts, initialBackoff: initialBackoff, maxBackoff: maxBackoff, multiplier: multiplier,
        jitter: jitter, maxLost: maxLost),
      timeout: timeout == .min ? nil : Interval(microseconds: timeout), startBefore: front.startBefore,
      retention: retention == .min ? nil : Interval(microseconds: retention), unique: unique,
      concurrencyKey: concurrencyKey, fairnessKey: fairnessKey, batchID: batchID)
  }
}
