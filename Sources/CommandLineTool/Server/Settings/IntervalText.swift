import ArgumentParser
import Jobs

/// Lengths of time as people write them: `500ms`, `2s`, `1m30s`, `24h`, `30d`.
enum IntervalText {
  static let form = "a time such as 500ms, 2s, 5m, 1h30m or 7d"

  /// nil: not of that form, or longer than a century.
  static func parse(_ text: String) -> Interval? {
    var total: Int64 = 0
    var rest = Substring(text)
    guard !rest.isEmpty else { return nil }
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      guard let count = Int64(digits) else { return nil }
      rest = rest.dropFirst(digits.count)
      let unit = rest.prefix { $0.isLetter }
      rest = rest.dropFirst(unit.count)
      guard let length = microseconds(of: unit) else { return nil }
      let (part, tooLong) = count.multipliedReportingOverflow(by: length)
      let (sum, tooMuch) = total.addingReportingOverflow(part)
      guard !tooLong, !tooMuch else { return nil }
      total = sum
    }
    return total <= Interval.days(36_525).microseconds ? Interval(microseconds: total) : nil
  }

  /// For flags: what is not of that form is refused in words, and so is what is too long.
  static func read(_ text: String) throws -> Interval {
    if let interval = parse(text) { return interval }
    let unit = text.drop { $0.isASCII && $0.isNumber }
    if unit.count < text.count, microseconds(of: unit) != nil {
      throw ValidationError("'\(text)' is too long: at most 36525d, a hundred years")
    }
    throw ValidationError("'\(text)' is not \(form)")
  }

  /// The shortest way to write it.
  static func format(_ interval: Interval) -> String {
    if interval == .zero { return "0s" }
    for unit in ["d", "h", "m", "s", "ms"] {
      if let length = microseconds(of: Substring(unit)), interval.microseconds >= length,
        interval.microseconds % length == 0
      {
        return "\(interval.microseconds / length)\(unit)"
      }
    }
    return "\(interval.microseconds)us"
  }

  private static func microseconds(of unit: Substring) -> Int64? {
    switch unit {
    case "us": 1
    case "ms": 1_000
    case "s": 1_000_000
    case "m": 60_000_000
    case "h": 3_600_000_000
    case "d": 86_400_000_000
    default: nil
    }
  }
}
