import Jobs

/// The `rec` column of `states`: where a job stands that is no longer as it was enqueued.
///
///     u8 state, u16 flags, varint attempt, varint lost, i64 runAt, then what the flags announce, in their order, keys of a final job,
///     u32 checksum of all before
enum StateCodec {
  struct Flags: OptionSet {
    let rawValue: UInt16
    static let started = Flags(rawValue: 1)
    static let worker = Flags(rawValue: 2)
    static let token = Flags(rawValue: 4)
    static let deadline = Flags(rawValue: 8)
    static let resumeWindow = Flags(rawValue: 16)
    static let cancelRequested = Flags(rawValue: 32)
    static let wasStarted = Flags(rawValue: 64)
    static let unbound = Flags(rawValue: 128)
    /// finishedAt and expires
    static let finished = Flags(rawValue: 256)
    /// It has a row in `carried`.
    static let carried = Flags(rawValue: 512)
    /// What it is found by follows, so that a start need not read the heads of final jobs.
    static let keys = Flags(rawValue: 1024)
  }

  struct Found {
    var standing: JobStanding
    var hasCarried: Bool
    var keys: JobKeys?
  }

  static func write(_ standing: JobStanding, hasCarried: Bool, keys: JobKeys?, to writer: inout ByteWriter) {
    let start = writer.count
    writeUnsummed(standing, hasCarried: hasCarried, keys: keys, to: &writer)
    writer.put(writer.checksum(from: start))
  }

  /// Without the checksum at the end: for what has one as a whole.
  static func writeUnsummed(
    _ standing: JobStanding, hasCarried: Bool, keys: JobKeys?, to writer: inout ByteWriter
  ) {
    var flags: Flags = []
    if standing.startedAt != nil { flags.insert(.started) }
    if !standing.workerID.isEmpty { flags.insert(.worker) }
    if standing.token != 0 { flags.insert(.token) }
    if standing.deadline != nil { flags.insert(.deadline) }
    if standing.resumeWindow != .zero { flags.insert(.resumeWindow) }
    if standing.cancelRequested { flags.insert(.cancelRequested) }
    if standing.wasStarted { flags.insert(.wasStarted) }
    if standing.isUnbound { flags.insert(.unbound) }
    if standing.finishedAt != nil || standing.expires != .distantPast { flags.insert(.finished) }
    if hasCarried { flags.insert(.carried) }
    if keys != nil { flags.insert(.keys) }
    writer.put(standing.state.rawValue)
    writer.put(flags.rawValue)
    writer.putVariable(UInt64(standing.attempt))
    writer.putVariable(UInt64(standing.lost))
    writer.put(standing.runAt.microseconds)
    if let startedAt = standing.startedAt { writer.put(startedAt.microseconds) }
    if flags.contains(.worker) { writer.put(standing.workerID) }
    if flags.contains(.token) { writer.put(standing.token) }
    if let deadline = standing.deadline { writer.put(deadline.microseconds) }
    if flags.contains(.resumeWindow) { writer.putSigned(standing.resumeWindow.microseconds) }
    if flags.contains(.finished) {
      writer.put(standing.finishedAt?.microseconds, else: .min)
      writer.put(standing.expires.microseconds)
    }
    if let keys {
      writer.put(keys.createdAt.microseconds)
      writer.put(keys.queue)
      writer.put(keys.name)
      var present: UInt8 = 0
      for index in 0..<4 where keys.rare[index] != 0 { present |= 1 << UInt8(index) }
      writer.put(present)
      for index in 0..<4 where keys.rare[index] != 0 { writer.put(keys.rare[index]) }
    }
  }

  /// - Parameter isSummed: its checksum is at the end; else what there may be after it is not looked at.
  static func read(_ reader: inout ByteReader, isSummed: Bool = true) -> Found {
    if isSummed, !reader.hasGoodChecksum { reader.markDamaged() }
    let state = JobState(rawValue: reader.take(UInt8.self))
    if state == nil { reader.markDamaged() }
    let flags = Flags(rawValue: reader.take(UInt16.self))
    var standing = JobStanding(state: state ?? .dead, runAt: .distantPast)
    standing.attempt = UInt32(truncatingIfNeeded: reader.takeVariable())
    standing.lost = UInt32(truncatingIfNeeded: reader.takeVariable())
    standing.runAt = Timestamp(microseconds: reader.take(Int64.self))
    if flags.contains(.started) { standing.startedAt = Timestamp(microseconds: reader.take(Int64.self)) }
    if flags.contains(.worker) { standing.workerID = reader.takeString() }
    if flags.contains(.token) { standing.token = reader.take(UInt64.self) }
    if flags.contains(.deadline) { standing.deadline = Timestamp(microseconds: reader.take(Int64.self)) }
    if flags.contains(.resumeWindow) { standing.resumeWindow = Interval(microseconds: reader.takeSigned()) }
    standing.cancelRequested = flags.contains(.cancelRequested)
    standing.wasStarted = flags.contains(.wasStarted)
    standing.isUnbound = flags.contains(.unbound)
    if flags.contains(.finished) {
      let finishedAt = reader.take(Int64.self)
      standing.finishedAt = finishedAt == .min ? nil : Timestamp(microseconds: finishedAt)
      standing.expires = Timestamp(microseconds: reader.take(Int64.self))
    }
    var keys: JobKeys?
    if flags.contains(.keys) {
      let createdAt = Timestamp(microseconds: reader.take(Int64.self))
      let queue = reader.take(UInt32.self)
      let name = reader.take(UInt32.self)
      let present = reader.take(UInt8.self)
      var found = JobKeys(createdAt: createdAt, queue: queue, name: name)
      for index in 0..<4 where present & 1 << UInt8(index) != 0 { found.setRare(index, reader.take(UInt32.self)) }
      keys = found
    }
    return Found(standing: standing, hasCarried: flags.contains(.carried), keys: keys)
  }
}
