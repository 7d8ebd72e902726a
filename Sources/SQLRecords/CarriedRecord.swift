import Jobs

/// What is only carried with a job, but for its result, which has a column: NULL when there is nothing.
///
///     u8 format, u8 whether there is progress, [progress], text the cancel's reason, number of failures, failures
public enum CarriedRecord {
  private static let format: UInt8 = 1

  public static func bytes(_ carried: JobCarried) -> [UInt8]? {
    if carried.failures.isEmpty, carried.progress == nil, carried.cancelReason.isEmpty { return nil }
    var writer = RecordWriter()
    writer.put(format)
    writer.put(carried.progress == nil ? 0 as UInt8 : 1)
    if let progress = carried.progress { write(progress, to: &writer) }
    writer.put(carried.cancelReason)
    writer.putVariable(UInt64(carried.failures.count))
    for failure in carried.failures { write(failure, to: &writer) }
    return writer.bytes
  }

  /// nil: damaged.
  public static func carried(_ bytes: [UInt8]?, result: [UInt8]) -> JobCarried? {
    guard let bytes else { return result.isEmpty ? .nothing : JobCarried(result: result) }
    var reader = RecordReader(bytes)
    guard reader.take(UInt8.self) == format else { return nil }
    let progress = reader.take(UInt8.self) == 1 ? readProgress(&reader) : nil
    let reason = reader.takeString()
    let count = reader.takeVariable()
    var failures: [Failure] = []
    while reader.isGood, UInt64(failures.count) < count { failures.append(readFailure(&reader)) }
    guard reader.isGood else { return nil }
    return JobCarried(result: result, failures: failures, progress: progress, cancelReason: reason)
  }

  static func write(_ failure: Failure, to writer: inout RecordWriter) {
    writer.put(failure.retryable ? 1 as UInt8 : 0)
    writer.put(failure.at)
    writer.putVariable(UInt64(failure.attempt))
    writer.put(failure.type)
    writer.put(failure.message)
    writer.put(failure.backtrace)
    writer.put(failure.workerID)
  }

  static func readFailure(_ reader: inout RecordReader) -> Failure {
    let retryable = reader.take(UInt8.self) == 1
    let at = reader.takeTimestamp()
    let attempt = UInt32(truncatingIfNeeded: reader.takeVariable())
    let type = reader.takeString()
    let message = reader.takeString()
    let backtrace = reader.takeString()
    return Failure(
      type: type, message: message, backtrace: backtrace, retryable: retryable, at: at, attempt: attempt,
      workerID: reader.takeString())
  }

  static func write(_ progress: Progress, to writer: inout RecordWriter) {
    writer.putVariable(UInt64(progress.percent))
    writer.put(progress.at)
    writer.put(progress.message)
  }

  static func readProgress(_ reader: inout RecordReader) -> Progress {
    let percent = UInt32(truncatingIfNeeded: reader.takeVariable())
    let at = reader.takeTimestamp()
    return Progress(percent: percent, message: reader.takeString(), at: at)
  }
}
