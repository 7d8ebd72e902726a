import CProtobufC
import GKickProtos
import Jobs

/// Parts of messages being encoded, in the arena.
extension Codec {
  func timestamp(_ time: Timestamp) -> UnsafeMutablePointer<Google__Protobuf__Timestamp> {
    let message = unsafe arena.make(google__protobuf__timestamp__init)
    // Rounded down, as protobuf wants it: nanos are never negative.
    let (seconds, rest) = time.microseconds.quotientAndRemainder(dividingBy: 1_000_000)
    unsafe message.pointee.seconds = rest < 0 ? seconds - 1 : seconds
    unsafe message.pointee.nanos = Int32(rest < 0 ? rest + 1_000_000 : rest) * 1_000
    return unsafe message
  }

  func timestamp(_ time: Timestamp?) -> UnsafeMutablePointer<Google__Protobuf__Timestamp>? {
    unsafe time.map { unsafe timestamp($0) }
  }

  func duration(_ interval: Interval) -> UnsafeMutablePointer<Google__Protobuf__Duration> {
    let message = unsafe arena.make(google__protobuf__duration__init)
    unsafe message.pointee.seconds = interval.microseconds / 1_000_000
    unsafe message.pointee.nanos = Int32(interval.microseconds % 1_000_000) * 1_000
    return unsafe message
  }

  func duration(_ interval: Interval?) -> UnsafeMutablePointer<Google__Protobuf__Duration>? {
    unsafe interval.map { unsafe duration($0) }
  }

  func lease(_ lease: Lease) -> UnsafeMutablePointer<Gkick__V1__JobLease> {
    let message = unsafe arena.make(gkick__v1__job_lease__init)
    unsafe message.pointee.job_id = arena.copy(lease.jobID)
    unsafe message.pointee.token = lease.token
    return unsafe message
  }

  func texts(_ texts: [String]) -> UnsafeMutablePointer<UnsafeMutablePointer<CChar>?> {
    unsafe arena.array(texts.count) { unsafe arena.copy(texts[$0]) }
  }
}
