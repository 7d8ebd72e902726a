import Glibc
import Jobs

/// Times, lengths of time and counts as people read them.
enum Format {
  /// "2026-03-01T12:00:00.123Z" (RFC 3339).
  static func time(_ time: Timestamp) -> String { TimestampText.text(time) }

  /// The local time of day, for lines that scroll by.
  static func clock(_ time: Timestamp) -> String {
    var seconds = time_t(time.microseconds / 1_000_000)
    // It fills the struct it is given and keeps no pointer; the zone's name is not looked at.
    var fields = unsafe tm()
    _ = unsafe localtime_r(&seconds, &fields)
    let parts = unsafe [fields.tm_hour, fields.tm_min, fields.tm_sec].map { padded(Int64($0), 2) }
    return "\(parts.joined(separator: ":")).\(padded(time.microseconds / 1_000 % 1_000, 3))"
  }

  private static func padded(_ value: Int64, _ width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }

  /// "850µs", "12ms", "3.2s", "5m10s", "2h3m", "4d2h".
  static func interval(_ interval: Interval) -> String {
    let micros = interval.microseconds
    if micros < 0 { return "-" + self.interval(Interval(microseconds: 0 &- micros)) }
    if micros < 1_000 { return "\(micros)µs" }
    if micros < 1_000_000 { return decimal(Double(micros) / 1e3) + "ms" }
    let seconds = micros / 1_000_000
    if seconds < 60 { return decimal(Double(micros) / 1e6) + "s" }
    if seconds < 3600 { return "\(seconds / 60)m\(seconds % 60)s" }
    if seconds < 86400 { return "\(seconds / 3600)h\(seconds % 3600 / 60)m" }
    return "\(seconds / 86400)d\(seconds % 86400 / 3600)h"
  }

  /// At most one place after the point, none from 100 on.
  static func decimal(_ value: Double) -> String {
    guard value.isFinite, abs(value) < 1e15 else { return "-" }
    if abs(value) >= 100 { return String(Int64(value.rounded())) }
    let tenths = Int64((value * 10).rounded())
    return tenths % 10 == 0 ? String(tenths / 10) : "\(tenths / 10).\(abs(tenths % 10))"
  }

  /// "1 job", "12,345 jobs".
  static func jobs(_ count: Int) -> String { number(count, "job") }

  /// "1 worker", "2 workers".
  static func number(_ count: Int, _ word: String) -> String { "\(self.count(count)) \(word)\(count == 1 ? "" : "s")" }

  static func count(_ value: Int) -> String { count(UInt64(clamping: value)) }

  /// "12,345".
  static func count(_ value: UInt64) -> String {
    var out = ""
    let digits = String(value)
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { out += "," }
      out.append(digit)
    }
    return out
  }
}
