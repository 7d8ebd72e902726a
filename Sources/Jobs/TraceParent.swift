/// The place in a trace that a job's producer spoke from: the W3C header `traceparent` (Trace Context, section 3.2), as it travels in a job's
/// metadata.
public struct TraceParent: Hashable, Sendable {
  /// Not both zero.
  public var traceHigh: UInt64
  public var traceLow: UInt64
  /// Not zero.
  public var spanID: UInt64
  /// Whether the producer records this trace.
  public var isSampled: Bool

  public init(traceHigh: UInt64, traceLow: UInt64, spanID: UInt64, isSampled: Bool) {
    self.traceHigh = traceHigh
    self.traceLow = traceLow
    self.spanID = spanID
    self.isSampled = isSampled
  }

  /// nil: not of the header's form. Later versions may say more behind what version 00 says.
  public init?(_ text: String) {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count >= 4, parts[0].utf8.count == 2, parts[1].utf8.count == 32, parts[2].utf8.count == 16,
      parts[3].utf8.count == 2, let version = Self.number(parts[0]), version != 0xFF, version > 0 || parts.count == 4,
      let high = Self.number(parts[1].prefix(16)), let low = Self.number(parts[1].suffix(16)), high | low != 0,
      let span = Self.number(parts[2]), span != 0, let flags = Self.number(parts[3])
    else { return nil }
    self.init(traceHigh: high, traceLow: low, spanID: span, isSampled: flags & 1 == 1)
  }

  /// Lower-case digits only, as the header is written.
  private static func number(_ digits: Substring) -> UInt64? {
    var value: UInt64 = 0
    for digit in digits.utf8 {
      switch digit {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt64(digit - UInt8(ascii: "0"))
      case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt64(digit - UInt8(ascii: "a") + 10)
      default: return nil
      }
    }
    return value
  }

  /// 32 digits, as people look for it.
  public var traceID: String { Self.digits(traceHigh) + Self.digits(traceLow) }

  private static func digits(_ value: UInt64) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: 16 - text.count) + text
  }
}
