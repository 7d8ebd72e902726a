import Jobs

/// What few jobs set: varint flags, then what they announce, in their order.
enum OptionsCodec {
  struct Flags: OptionSet {
    let rawValue: UInt64
    static let retry = Flags(rawValue: 1)
    static let timeout = Flags(rawValue: 2)
    static let startBefore = Flags(rawValue: 4)
    static let retention = Flags(rawValue: 8)
    static let unique = Flags(rawValue: 16)
    static let concurrencyKey = Flags(rawValue: 32)
    static let fairnessKey = Flags(rawValue: 64)
    static let batchID = Flags(rawValue: 128)
    static let dependsOn = Flags(rawValue: 256)
    static let recurringJobID = Flags(rawValue: 512)
  }

  static func write(_ options: JobOptions, to writer: inout ByteWriter) {
    var flags: Flags = []
    if options.retry != .standard { flags.insert(.retry) }
    if options.timeout != nil { flags.insert(.timeout) }
    if options.startBefore != nil { flags.insert(.startBefore) }
    if options.retention != nil { flags.insert(.retention) }
    if options.unique != nil { flags.insert(.unique) }
    if !options.concurrencyKey.isEmpty { flags.insert(.concurrencyKey) }
    if !options.fairnessKey.isEmpty { flags.insert(.fairnessKey) }
    if !options.batchID.isEmpty { flags.insert(.batchID) }
    if !options.dependsOn.isEmpty || options.onDependencyFailure != .cancel { flags.insert(.dependsOn) }
    if !options.recurringJobID.isEmpty { flags.insert(.recurringJobID) }
    writer.putVariable(flags.rawValue)
    if flags.contains(.retry) {
      let retry = options.retry
      writer.putVariable(UInt64(retry.maxAttempts))
      writer.putVariable(UInt64(retry.maxLost))
      writer.putSigned(retry.initialBackoff.microseconds)
      writer.putSigned(retry.maxBackoff.microseconds)
      writer.put(retry.multiplier)
      writer.put(retry.jitter)
    }
    if let timeout = options.timeout { writer.putSigned(timeout.microseconds) }
    if let startBefore = options.startBefore { writer.put(startBefore.microseconds) }
    if let retention = options.retention { writer.putSigned(retention.microseconds) }
    if let unique = options.unique {
      writer.put(unique.onConflict.rawValue)
      writer.put(unique.holdFor?.microseconds, else: .min)
      writer.put(unique.key)
    }
    if flags.contains(.concurrencyKey) { writer.put(options.concurrencyKey) }
    if flags.contains(.fairnessKey) { writer.put(options.fairnessKey) }
    if flags.contains(.batchID) { writer.put(options.batchID) }
    if flags.contains(.dependsOn) {
      writer.put(options.onDependencyFailure.rawValue)
      writer.putVariable(UInt64(options.dependsOn.count))
      for id in options.dependsOn { writer.put(id) }
    }
    if flags.contains(.recurringJobID) { writer.put(options.recurringJobID) }
  }

  static func read(_ reader: inout ByteReader) -> JobOptions {
    let flags = Flags(rawValue: reader.takeVariable())
    var retry = RetryPolicy.standard
    if flags.contains(.retry) {
      retry.maxAttempts = UInt32(truncatingIfNeeded: reader.takeVariable())
      retry.maxLost = UInt32(truncatingIfNeeded: reader.takeVariable())
      retry.initialBackoff = Interval(microseconds: reader.takeSigned())
      retry.maxBackoff = Interval(microseconds: reader.takeSigned())
      retry.multiplier = reader.takeDouble()
      retry.jitter = reader.takeDouble()
    }
    let timeout = flags.contains(.timeout) ? Interval(microseconds: reader.takeSigned()) : nil
    let startBefore = flags.contains(.startBefore) ? Timestamp(microseconds: reader.take(Int64.self)) : nil
    let retention = flags.contains(.retention) ? Interval(microseconds: reader.takeSigned()) : nil
    var unique: Uniqueness?
    if flags.contains(.unique) {
      let onConflict = Uniqueness.OnConflict(rawValue: reader.take(UInt8.self))
      if onConflict == nil { reader.markDamaged() }
      let holdFor = reader.take(Int64.self)
      unique = Uniqueness(
        key: reader.takeString(), holdFor: holdFor == .min ? nil : Interval(microseconds: holdFor),
        onConflict: onConflict ?? .keep)
    }
    let concurrencyKey = flags.contains(.concurrencyKey) ? reader.takeString() : ""
    let fairnessKey = flags.contains(.fairnessKey) ? reader.takeString() : ""
    let batchID = flags.contains(.batchID) ? reader.takeString() : ""
    var dependsOn: [String] = []
    var onDependencyFailure: OnDependencyFailure?
    if flags.contains(.dependsOn) {
      onDependencyFailure = OnDependencyFailure(rawValue: reader.take(UInt8.self))
      if onDependencyFailure == nil { reader.markDamaged() }
      let count = reader.takeVariable()
      while reader.isGood, dependsOn.count < count { dependsOn.append(reader.takeString()) }
    }
    return JobOptions(
      retry: retry, timeout: timeout, startBefore: startBefore, retention: retention, unique: unique,
      concurrencyKey: concurrencyKey, fairnessKey: fairnessKey, batchID: batchID, dependsOn: dependsOn,
      onDependencyFailure: onDependencyFailure ?? .cancel,
      recurringJobID: flags.contains(.recurringJobID) ? reader.takeString() : "")
  }
}
