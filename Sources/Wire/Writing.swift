import Jobs

/// Parts of messages being encoded, in the arena.
extension Codec {
  func timestamp(_ time: Timestamp) -> Proto.Timestamp {
    let message = Proto.Timestamp(in: arena)
    // Rounded down, as protobuf wants it: nanos are never negative.
    let (seconds, rest) = time.microseconds.quotientAndRemainder(dividingBy: 1_000_000)
    message.seconds = rest < 0 ? seconds - 1 : seconds
    message.nanos = Int32(rest < 0 ? rest + 1_000_000 : rest) * 1_000
    return message
  }

  func timestamp(_ time: Timestamp?) -> Proto.Timestamp? {
    time.map { timestamp($0) }
  }

  func duration(_ interval: Interval) -> Proto.Duration {
    let message = Proto.Duration(in: arena)
    message.seconds = interval.microseconds / 1_000_000
    message.nanos = Int32(interval.microseconds % 1_000_000) * 1_000
    return message
  }

  func duration(_ interval: Interval?) -> Proto.Duration? {
    interval.map { duration($0) }
  }

  func lease(_ lease: Lease) -> Proto.JobLease {
    let message = Proto.JobLease(in: arena)
    message.jobID = arena.copy(lease.jobID)
    message.token = lease.token
    return message
  }

  func texts(_ texts: [String]) -> TextList {
    arena.texts(texts.count) { arena.copy(texts[$0]) }
  }
}
