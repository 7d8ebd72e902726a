import Jobs
import Wire

/// The trace that a job belongs to. All ids but the producer's are made from the job's own, so that every server, before and after a restart, makes
/// the same ones and nothing has to be kept of a job that waits.
struct JobTrace: Equatable, Sendable {
  var traceHigh: UInt64
  var traceLow: UInt64
  /// The producer's span; 0: none.
  var producer: UInt64
  var state: String
  /// The span of the job's enqueue, to which its waits and attempts belong.
  var enqueue: UInt64

  /// nil: the job is not sampled.
  /// - Parameters:
  ///   - body: as it is stored.
  ///   - ratio: of the jobs whose producer says nothing, 0 to 1. As other samplers by ratio do, by the trace id's low 63 bits.
  init?(jobID: String, body: [UInt8], ratio: Double) {
    let said = body.isEmpty ? [nil, nil] : StoredBody.metadata(["traceparent", "tracestate"], in: body)
    if let parent = said[0].flatMap({ TraceParent($0) }) {
      guard parent.isSampled else { return nil }
      traceHigh = parent.traceHigh
      traceLow = parent.traceLow
      producer = parent.spanID
      state = said[1].map { String($0.prefix(512)) } ?? ""
    } else {
      guard ratio > 0 else { return nil }
      traceLow = Self.hash(jobID, salt: 1)
      guard ratio >= 1 || Double(traceLow & UInt64.max >> 1) < ratio * 0x1p63 else { return nil }
      traceHigh = Self.hash(jobID, salt: 2)
      producer = 0
      state = ""
    }
    enqueue = Self.hash(jobID, salt: 3)
  }

  /// Of the span of a wait, by when it ended: attempts that do not count have the number of the next.
  static func wait(_ jobID: String, until end: Timestamp) -> UInt64 { hash(jobID, salt: salt(end) | 4) }

  /// Of the span of an attempt.
  static func attempt(_ jobID: String, from start: Timestamp) -> UInt64 { hash(jobID, salt: salt(start) | 5) }

  private static func salt(_ time: Timestamp) -> UInt64 { UInt64(bitPattern: time.microseconds) << 8 }

  /// FNV-1a over the text, then SplitMix64's last steps, which spread it; never 0.
  static func hash(_ text: String, salt: UInt64) -> UInt64 {
    var value: UInt64 = 0xCBF2_9CE4_8422_2325 ^ salt &* 0x9E37_79B9_7F4A_7C15
    for byte in text.utf8 { value = (value ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
    value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
    value ^= value >> 31
    return value == 0 ? 1 : value
  }
}
