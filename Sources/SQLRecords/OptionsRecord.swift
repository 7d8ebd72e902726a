import Jobs

/// A job's options as one column: NULL when all are the defaults. What people query stands in columns of its own as well.
///
///     u8 format, u32 attempts, u32 lost, i64 first back-off, i64 longest, f64 multiplier, f64 jitter, u8 flags, what the flags announce,
///     the keys, batch and recurring job as texts, u8 on failure, the ids it depends on
public enum OptionsRecord {
  private static let format: UInt8 = 1

  private struct Flags: OptionSet {
    let rawValue: UInt8
    static let timeout = Flags(rawValue: 1)
    static let startBefore = Flags(rawValue: 2)
    static let retention = Flags(rawValue: 4)
    static let unique = Flags(rawValue: 8)
    static let hold = Flags(rawValue: 16)
  }

  public static func bytes(_ options: JobOptions) -> [UInt8]? {
    if options === JobOptions.standard { return nil }
    var writer = RecordWriter()
    let retry = options.retry
    writer.put(format)
    writer.put(retry.maxAttempts)
    writer.put(retry.maxLost)
    writer.put(retry.initialBackoff.microseconds)
    writer.put(retry.maxBackoff.microseconds)
    writer.put(retry.multiplier)
    writer.put(retry.jitter)
    var flags: Flags = []
    if options.timeout != nil { flags.insert(.timeout) }
    if options.startBefore != nil { flags.insert(.startBefore) }
    if options.retention != nil { flags.insert(.retention) }
    if options.unique != nil { flags.insert(.unique) }
    if options.unique?.holdFor != nil { flags.insert(.hold) }
    writer.put(flags.rawValue)
    if let timeout = options.timeout { writer.put(timeout.microseconds) }
    if let startBefore = options.startBefore { writer.put(startBefore.microseconds) }
    if let retention = options.retention { writer.put(retention.microseconds) }
    if let unique = options.unique {
      writer.put(unique.onConflict.rawValue)
      if let hold = unique.holdFor { writer.put(hold.microseconds) }
      writer.put(unique.key)
    }
    writer.put(options.concurrencyKey)
    writer.put(options.fairnessKey)
    writer.put(options.batchID)
    writer.put(options.recurringJobID)
    writer.put(options.onDependencyFailure.rawValue)
    writer.putVariable(UInt64(options.dependsOn.count))
    for id in options.dependsOn { writer.put(id) }
    return writer.bytes
  }

  /// nil: damaged.
  public static func options(_ bytes: [UInt8]?) -> JobOptions? {
    guard let bytes else { return JobOptions.standard }
    var reader = RecordReader(bytes)
    guard reader.take(UInt8.self) == format else { return nil }
    let maxAttempts = reader.take(UInt32.self)
    let maxLost = reader.take(UInt32.self)
    let initialBackoff = Interval(microseconds: reader.take(Int64.self))
    let maxBackoff = Interval(microseconds: reader.take(Int64.self))
    let multiplier = reader.takeDouble()
    let jitter = reader.takeDouble()
    let flags = Flags(rawValue: reader.take(UInt8.self))
    let timeout = flags.contains(.timeout) ? Interval(microseconds: reader.take(Int64.self)) : nil
    let startBefore = flags.contains(.startBefore) ? reader.takeTimestamp() : nil
    let retention = flags.contains(.retention) ? Interval(microseconds: reader.take(Int64.self)) : nil
    var unique: Uniqueness?
    if flags.contains(.unique) {
      guard let onConflict = Uniqueness.OnConflict(rawValue: reader.take(UInt8.self)) else { return nil }
      let hold = flags.contains(.hold) ? Interval(microseconds: reader.take(Int64.self)) : nil
      unique = Uniqueness(key: reader.takeString(), holdFor: hold, onConflict: onConflict)
    }
    let concurrencyKey = reader.takeString()
    let fairnessKey = reader.takeString()
    let batchID = reader.takeString()
    let recurringJobID = reader.takeString()
    guard let onFailure = OnDependencyFailure(rawValue: reader.take(UInt8.self)) else { return nil }
    var dependsOn: [String] = []
    let count = reader.takeVariable()
    while reader.isGood, UInt64(dependsOn.count) < count { dependsOn.append(reader.takeString()) }
    guard reader.isGood else { return nil }
    return JobOptions(
      retry: RetryPolicy(
        maxAttempts: maxAttempts, initialBackoff: initialBackoff, maxBackoff: maxBackoff, multiplier: multiplier,
        jitter: jitter, maxLost: maxLost),
      timeout: timeout, startBefore: startBefore, retention: retention, unique: unique, concurrencyKey: concurrencyKey,
      fairnessKey: fairnessKey, batchID: batchID, dependsOn: dependsOn, onDependencyFailure: onFailure,
      recurringJobID: recurringJobID)
  }
}
