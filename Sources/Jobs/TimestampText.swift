/// Times as RFC 3339 writes them: `2030-01-31T12:00:00Z`, `2030-01-31 12:00:00.5+01:00`.
public enum TimestampText {
  public static let form = "a time such as 2030-01-31T12:00:00Z"

  /// - Parameter isUTC: without a zone it is one in UTC; otherwise that is none.
  /// - Returns: nil: it is none, or before 1970. What is beyond the microsecond is left out.
  public static func parse(_ text: String, isUTC: Bool = false) -> Timestamp? {
    var rest = Substring(text)
    func number(_ digits: Int) -> Int64? {
      let part = rest.prefix(digits)
      guard part.count == digits, part.allSatisfy({ $0.isASCII && $0.isNumber }) else { return nil }
      rest = rest.dropFirst(digits)
      return Int64(part)
    }
    func skip(_ any: String) -> Bool {
      guard let first = rest.first, any.contains(first) else { return false }
      rest = rest.dropFirst()
      return true
    }
    guard let year = number(4), skip("-"), let month = number(2), skip("-"), let day = number(2), skip("Tt "),
      let hour = number(2), skip(":"), let minute = number(2), skip(":"), let second = number(2),
      year >= 1970, (1...12).contains(month), (1...daysIn(month, year)).contains(day), hour < 24, minute < 60,
      second < 60
    else { return nil }
    var micros: Int64 = 0
    if skip(".") {
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      guard !digits.isEmpty else { return nil }
      rest = rest.dropFirst(digits.count)
      micros = Int64((String(digits) + "000000").prefix(6)) ?? 0
    }
    var offset: Int64 = 0
    if !skip("Zz"), !(isUTC && rest.isEmpty) {
      let sign: Int64
      if skip("+") { sign = 1 } else if skip("-") { sign = -1 } else { return nil }
      guard let hours = number(2), skip(":"), let minutes = number(2), hours < 24, minutes < 60 else { return nil }
      offset = sign * (hours * 3600 + minutes * 60)
    }
    guard rest.isEmpty else { return nil }
    let seconds = daysSince1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset
    return Timestamp(microseconds: seconds * 1_000_000 + micros)
  }

  private static func isLeap(_ year: Int64) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

  private static func daysIn(_ month: Int64, _ year: Int64) -> Int64 {
    switch month {
    case 2: isLeap(year) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  private static func daysSince1970(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    let before = year - 1
    let days = before * 365 + before / 4 - before / 100 + before / 400 - 719_162
    return (1..<month).reduce(days + day - 1) { $0 + daysIn($1, year) }
  }
}
