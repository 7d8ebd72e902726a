import Jobs

/// The `rec` column of `states`.
///
///     u8 state, u16 flags, varint attempt, varint lost, i64 runAt, then what the flags announce, in their order
enum StateCodec {
  struct Flags: OptionSet {
    let rawValue: UInt16
    static let started = Flags(rawValue: 1)
    static let worker = Flags(rawValue: 2)
    /// token and until
    static let lease = Flags(rawValue: 4)
    static let deadline = Flags(rawValue: 8)
    static let cancelRequested = Flags(rawValue: 16)
    static let cancelReason = Flags(rawValue: 32)
    /// finishedAt and expires
    static let final = Flags(rawValue: 64)
    static let result = Flags(rawValue: 128)
    static let failures = Flags(rawValue: 256)
    static let progress = Flags(rawValue: 512)
  }

  static func write(_ row: StateRow, to writer: inout ByteWriter) {
    var flags: Flags = []
    if row.startedAt != nil { flags.insert(.started) }
    if !row.workerID.isEmpty { flags.insert(.worker) }
    if row.state == .running {
      flags.insert(.lease)
      if row.deadline != nil { flags.insert(.deadline) }
      if row.cancelRequested { flags.insert(.cancelRequested) }
      if !row.cancelReason.isEmpty { flags.insert(.cancelReason) }
    }
    if row.state.isFinal { flags.insert(.final) }
    if !row.result.isEmpty { flags.insert(.result) }
    if !row.failures.isEmpty { flags.insert(.failures) }
    if row.progress != nil { flags.insert(.progress) }

    writer.put(row.state.rawValue)
    writer.put(flags.rawValue)
    writer.putVariable(UInt64(row.attempt))
    writer.putVariable(UInt64(row.lost))
    writer.put(row.runAt.microseconds)
    if let startedAt = row.startedAt { writer.put(startedAt.microseconds) }
    if flags.contains(.worker) { writer.put(row.workerID) }
    if flags.contains(.lease) {
      writer.put(row.token)
      writer.put(row.until.microseconds)
    }
    if flags.contains(.deadline), let deadline = row.deadline { writer.put(deadline.microseconds) }
    if flags.contains(.cancelReason) { writer.put(row.cancelReason) }
    if flags.contains(.final) {
      writer.put((row.finishedAt ?? .distantPast).microseconds)
      writer.put(row.expires.microseconds)
    }
    if flags.contains(.result) { writer.put(row.result) }
    if flags.contains(.failures) {
      writer.putVariable(UInt64(row.failures.count))
      for failure in row.failures { write(failure, to: &writer) }
    }
    if let progress = row.progress { write(progress, to: &writer) }
  }

  static func read(_ reader: inout ByteReader) -> StateRow {
    let state = JobState(rawValue: reader.take(UInt8.self))
    if state == nil { reader.markDamaged() }
    let flags = Flags(rawValue: reader.take(UInt16.self))
    var row = StateRow(state: state ?? .ready, runAt: .distantPast)
    row.attempt = UInt32(truncatingIfNeeded: reader.takeVariable())
    row.lost = UInt32(truncatingIfNeeded: reader.takeVariable())
    row.runAt = Timestamp(microseconds: reader.take(Int64.self))
    if flags.contains(.started) { row.startedAt = Timestamp(microseconds: reader.take(Int64.self)) }
    if flags.contains(.worker) { row.workerID = reader.takeString() }
    if flags.contains(.lease) {
      row.token = reader.take(UInt64.self)
      row.until = Timestamp(microseconds: reader.take(Int64.self))
    }
    if flags.contains(.deadline) { row.deadline = Timestamp(microseconds: reader.take(Int64.self)) }
    row.cancelRequested = flags.contains(.cancelRequested)
    if flags.contains(.cancelReason) { row.cancelReason = reader.takeString() }
    if flags.contains(.final) {
      row.finishedAt = Timestamp(microseconds: reader.take(Int64.self))
      row.expires = Timestamp(microseconds: reader.take(Int64.self))
    }
    if flags.contains(.result) { row.result = reader.takeBytes() }
    if flags.contains(.failures) {
      let count = reader.takeVariable()
      if count > UInt64(JobRecord.keptFailures) { reader.markDamaged() }
      while reader.isGood, row.failures.count < count { row.failures.append(readFailure(&reader)) }
    }
    if flags.contains(.progress) { row.progress = readProgress(&reader) }
    return row
  }

  static func write(_ failure: Failure, to writer: inout ByteWriter) {
    writer.put(failure.retryable ? 1 as UInt8 : 0)
    writer.put(failure.at.microseconds)
    writer.putVariable(UInt64(failure.attempt))
    writer.put(failure.type)
    writer.put(failure.message)
    writer.put(failure.backtrace)
    writer.put(failure.workerID)
  }

  static func readFailure(_ reader: inout ByteReader) -> Failure {
    let retryable = reader.take(UInt8.self) == 1
    let at = Timestamp(microseconds: reader.take(Int64.self))
    let attempt = UInt32(truncatingIfNeeded: reader.takeVariable())
    let type = reader.takeString()
    let message = reader.takeString()
    let backtrace = reader.takeString()
    return Failure(
      type: type, message: message, backtrace: backtrace, retryable: retryable, at: at, attempt: attempt,
      workerID: reader.takeString())
  }

  static func write(_ progress: Progress, to writer: inout ByteWriter) {
    writer.putVariable(UInt64(progress.percent))
    writer.put(progress.at.microseconds)
    writer.put(progress.message)
  }

  static func readProgress(_ reader: inout ByteReader) -> Progress {
    let percent = UInt32(truncatingIfNeeded: reader.takeVariable())
    let at = Timestamp(microseconds: reader.take(Int64.self))
    return Progress(percent: percent, message: reader.takeString(), at: at)
  }
}
