import Jobs

/// The `rec` column of `carried`: what people and workers are told of a job and what decides nothing.
///
///     u8 flags, then what they announce, in their order
enum CarriedCodec {
  private struct Flags: OptionSet {
    let rawValue: UInt8
    static let result = Flags(rawValue: 1)
    static let failures = Flags(rawValue: 2)
    static let progress = Flags(rawValue: 4)
    static let cancelReason = Flags(rawValue: 8)
  }

  static func isEmpty(_ carried: JobCarried) -> Bool {
    carried.result.isEmpty && carried.failures.isEmpty && carried.progress == nil && carried.cancelReason.isEmpty
  }

  static func write(_ carried: JobCarried, to writer: inout ByteWriter) {
    var flags: Flags = []
    if !carried.result.isEmpty { flags.insert(.result) }
    if !carried.failures.isEmpty { flags.insert(.failures) }
    if carried.progress != nil { flags.insert(.progress) }
    if !carried.cancelReason.isEmpty { flags.insert(.cancelReason) }
    writer.put(flags.rawValue)
    if flags.contains(.failures) {
      writer.putVariable(UInt64(carried.failures.count))
      for failure in carried.failures { write(failure, to: &writer) }
    }
    if let progress = carried.progress { write(progress, to: &writer) }
    if flags.contains(.cancelReason) { writer.put(carried.cancelReason) }
    if flags.contains(.result) { writer.put(carried.result) }
  }

  static func read(_ reader: inout ByteReader) -> JobCarried {
    let flags = Flags(rawValue: reader.take(UInt8.self))
    var failures: [Failure] = []
    if flags.contains(.failures) {
      let count = reader.takeVariable()
      while reader.isGood, failures.count < count { failures.append(readFailure(&reader)) }
    }
    let progress = flags.contains(.progress) ? readProgress(&reader) : nil
    let reason = flags.contains(.cancelReason) ? reader.takeString() : ""
    return JobCarried(
      result: flags.contains(.result) ? reader.takeBytes() : [], failures: failures, progress: progress,
      cancelReason: reason)
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
