import NIOCore

/// The `grpc-timeout` header: one to eight digits and a unit (gRPC `doc/PROTOCOL-HTTP2.md`, "Timeout").
enum Timeout {
  /// nil when the text is malformed. What is longer than nanoseconds in 64 bits can say is cut to that.
  static func parse(_ text: some Collection<UInt8>) -> TimeAmount? {
    guard (2...9).contains(text.count) else { return nil }
    var value: Int64 = 0
    var unit: Int64 = 0
    for (position, byte) in text.enumerated() {
      if position < text.count - 1 {
        guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
        value = value * 10 + Int64(byte - UInt8(ascii: "0"))
      } else {
        switch byte {
        case UInt8(ascii: "n"): unit = 1
        case UInt8(ascii: "u"): unit = 1000
        case UInt8(ascii: "m"): unit = 1_000_000
        case UInt8(ascii: "S"): unit = 1_000_000_000
        case UInt8(ascii: "M"): unit = 60_000_000_000
        case UInt8(ascii: "H"): unit = 3_600_000_000_000
        default: return nil
        }
      }
    }
    let (product, overflow) = value.multipliedReportingOverflow(by: unit)
    return .nanoseconds(overflow ? .max : product)
  }

  /// The shortest unit that fits into eight digits, rounded up.
  static func format(_ timeout: TimeAmount) -> String {
    let nanoseconds = max(0, timeout.nanoseconds)
    for (unit, name) in [
      (1, "n"), (1000, "u"), (1_000_000, "m"), (1_000_000_000, "S"), (60_000_000_000, "M"), (3_600_000_000_000, "H"),
    ] as [(Int64, String)] {
      let value = nanoseconds / unit + (nanoseconds % unit == 0 ? 0 : 1)
      if value <= 99_999_999 { return "\(value)\(name)" }
    }
    return "99999999H"
  }
}
