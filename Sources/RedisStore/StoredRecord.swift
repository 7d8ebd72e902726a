import Jobs

/// A job as it was asked for, as bytes. See Scripts/job.lua.
struct StoredRecord {
  var job: NewJob
  var createdAt: Timestamp

  struct Flags: OptionSet {
    let rawValue: UInt8
    static let timeout = Flags(rawValue: 1)
    static let startBefore = Flags(rawValue: 2)
    static let retention = Flags(rawValue: 4)
    static let policy = Flags(rawValue: 8)
    static let unique = Flags(rawValue: 16)
    static let keys = Flags(rawValue: 32)
    static let bodyApart = Flags(rawValue: 64)
  }

  /// Bodies over this are kept in a field of their own, so that what only looks at the job does not copy them.
  static let bodyInside = 2048

  /// The record from its core on; its id comes before it.
  static func put(_ job: NewJob, runAt: Timestamp, now: Timestamp, into bytes: inout [UInt8]) {
    let options = job.options
    var flags: Flags = []
    if options.timeout != nil { flags.insert(.timeout) }
    if options.startBefore != nil { flags.insert(.startBefore) }
    if options.retention != nil { flags.insert(.retention) }
    if options.retry != .standard { flags.insert(.policy) }
    if options.unique != nil { flags.insert(.unique) }
    if !options.concurrencyKey.isEmpty || !options.fairnessKey.isEmpty { flags.insert(.keys) }
    if job.body.count > bodyInside { flags.insert(.bodyApart) }

    StoredHead.putCore(queue: job.queue, name: job.name, batchID: options.batchID, into: &bytes)
    bytes.put(flags.rawValue)
    bytes.put(UInt8(clamping: Int(job.priority) + 128))
    bytes.put(UInt32(clamping: job.payloadSize))
    bytes.put(now)
    bytes.put(runAt)
    if let timeout = options.timeout { bytes.put(timeout) }
    if let startBefore = options.startBefore { bytes.put(startBefore) }
    if let retention = options.retention { bytes.put(retention) }
    if flags.contains(.policy) {
      bytes.put(options.retry.maxAttempts)
      bytes.put(options.retry.initialBackoff)
      bytes.put(options.retry.maxBackoff)
      bytes.put(options.retry.multiplier)
      bytes.put(options.retry.jitter)
      bytes.put(options.retry.maxLost)
    }
    if let unique = options.unique {
      bytes.put16(unique.key)
      bytes.put(unique.onConflict.rawValue)
      bytes.put(unique.holdFor?.microseconds ?? -1)
    }
    if flags.contains(.keys) {
      bytes.put16(options.concurrencyKey)
      bytes.put16(options.fairnessKey)
    }
    if !flags.contains(.bodyApart) { bytes.append(contentsOf: job.body) }
  }

  /// A whole record, its body at the end wherever it is kept.
  init(_ packed: PackedReader, dropsStartBefore: Bool) throws(RedisFailure) {
    var reader = packed
    let head = try StoredHead(&reader)
    let flags = Flags(rawValue: try reader.uint8())
    let priority = Int8(clamping: Int(try reader.uint8()) - 128)
    let payloadSize = Int(try reader.uint32())
    createdAt = try reader.timestamp()
    let runAt = try reader.timestamp()
    var options = JobOptions.standard
    if !flags.subtracting(.bodyApart).isEmpty || !head.batchID.isEmpty {
      let timeout = flags.contains(.timeout) ? try reader.interval() : nil
      let startBefore = flags.contains(.startBefore) ? try reader.timestamp() : nil
      let retention = flags.contains(.retention) ? try reader.interval() : nil
      let retry = flags.contains(.policy) ? try Self.policy(&reader) : .standard
      let unique = flags.contains(.unique) ? try Self.uniqueness(&reader) : nil
      let concurrencyKey = flags.contains(.keys) ? try reader.text16() : ""
      let fairnessKey = flags.contains(.keys) ? try reader.text16() : ""
      options = JobOptions(
        retry: retry, timeout: timeout, startBefore: dropsStartBefore ? nil : startBefore, retention: retention,
        unique: unique, concurrencyKey: concurrencyKey, fairnessKey: fairnessKey, batchID: head.batchID)
    }
    job = NewJob(
      id: head.id, queue: head.queue, name: head.name, priority: priority, runAt: runAt, options: options,
      payloadSize: payloadSize, body: try reader.rest())
  }

  private static func policy(_ reader: inout PackedReader) throws(RedisFailure) -> RetryPolicy {
    RetryPolicy(
      maxAttempts: try reader.uint32(), initialBackoff: try reader.interval(), maxBackoff: try reader.interval(),
      multiplier: try reader.double(), jitter: try reader.double(), maxLost: try reader.uint32())
  }

  private static func uniqueness(_ reader: inout PackedReader) throws(RedisFailure) -> Uniqueness {
    let key = try reader.text16()
    let onConflict = Uniqueness.OnConflict(rawValue: try reader.uint8()) ?? .keep
    let holdFor = try reader.interval()
    return Uniqueness(key: key, holdFor: holdFor.microseconds < 0 ? nil : holdFor, onConflict: onConflict)
  }
}
