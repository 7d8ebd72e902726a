import Jobs

/// A record in words, all of it but the end of its lease (which a store with one server may keep in memory), for comparing.
public func describe(_ record: JobRecord) -> String {
  let job = record.job
  let options = job.options
  var lines = [
    "seq \(record.seq) id \(job.id) \(job.queue)/\(job.name) priority \(job.priority) \(record.state)",
    "attempt \(record.attempt) lost \(record.lost) body \(brief(job.body)) size \(job.payloadSize)",
    "created \(record.createdAt.microseconds) run \(record.runAt.microseconds) asked \(job.runAt?.microseconds ?? -1)",
    "started \(record.startedAt?.microseconds ?? -1) finished \(record.finishedAt?.microseconds ?? -1)",
    "cancel \(record.cancelRequested) worker \(record.workerID) result \(brief(record.result))",
    "\(options.retry) timeout \(options.timeout?.microseconds ?? -1)",
    "before \(options.startBefore?.microseconds ?? -1) retention \(options.retention?.microseconds ?? -1)",
    "keys \(options.concurrencyKey) \(options.fairnessKey) \(options.batchID) \(options.recurringJobID)",
    "after \(options.dependsOn) \(options.onDependencyFailure)",
  ]
  if let unique = options.unique { lines.append("\(unique)") }
  if let progress = record.progress { lines.append("\(progress)") }
  lines += record.failures.map { "\($0)" }
  return lines.joined(separator: "\n")
}

/// Large ones by their count and a sum over them.
private func brief(_ bytes: [UInt8]) -> String {
  if bytes.count <= 64 { return "\(bytes)" }
  var sum: UInt64 = 0
  bytes.withUnsafeBufferPointer { for byte in $0 { sum = (sum ^ UInt64(byte)) &* 0x100_0000_01B3 } }
  return "\(bytes.count) bytes, \(sum)"
}
