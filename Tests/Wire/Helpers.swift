import Jobs
import Testing
import Wire

extension Codec {
  func enqueue(_ bytes: [UInt8]) throws(WireError) -> (NewJob, Durability?) {
    try decodeEnqueueRequest(bytes.span.bytes)
  }

  /// What a decoder says about bytes that it must refuse.
  func refusal<Value>(_ bytes: [UInt8], _ decode: (RawSpan) throws(WireError) -> Value) -> WireError? {
    do throws(WireError) {
      _ = try decode(bytes.span.bytes)
      return nil
    } catch {
      return error
    }
  }

  func bytes(_ encode: (Codec) -> Int) -> [UInt8] {
    let size = encode(self)
    let bytes = packed()
    #expect(bytes.count == size)
    return bytes
  }
}

/// Each field set to something of its own.
func fullSpec() -> JobSpec {
  var spec = JobSpec()
  spec.id = "job-1:a.b_C"
  spec.queue = "mail.eu"
  spec.name = "email.send ä"
  spec.payload = [0, 1, 2, 255]
  spec.contentType = "application/json"
  spec.priority = -7
  spec.metadata = ["traceparent": "00-abc", "ключ": "值"]
  spec.retry = RetryPolicy(
    maxAttempts: 3, initialBackoff: .milliseconds(1_500), maxBackoff: .seconds(9), multiplier: 1.5, jitter: 0.25,
    maxLost: 2)
  spec.timeout = .milliseconds(2_500)
  spec.startBefore = Timestamp(microseconds: 1_800_000_000_123_456)
  spec.retention = .hours(3)
  spec.unique = Uniqueness(key: "u", holdFor: .minutes(1), onConflict: .replace)
  spec.concurrencyKey = "tenant-7"
  spec.fairnessKey = "t"
  spec.batchID = "batch-9"
  return spec
}

let now = Timestamp(microseconds: 1_700_000_000_000_000)
