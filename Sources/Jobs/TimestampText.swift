/// Times as RFC 3339 writes them: `2030-01-31T12:00:00Z`, `2030-01-31 12:00:00.5+01:00`.
public enum TimestampText {
  public static let form = "a time such as 2030-01-31T12:00:00Z"

  /// In UTC.
  public static func text(_ time: Timestamp, milliseconds: Bool = true) -> String {
    let (days, rest) = Int(time.microseconds / 1_000).quotientAndRemainder(dividingBy: 86_400_000)
    let (year, month, day) = CivilCalendar.date(days: days)
    let seconds = rest / 1_000
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(year)-\(two(month))-\(two(day))T\(two(seconds / 3_600)):\(two(seconds / 60 % 60)):\(two(seconds % 60))"
      + (milliseconds ? ".\(String(1_000 + rest % 1_000).dropFirst())Z" : "Z")
  }

  /// - Parameter isUTC: without a zone it is one in UTC; otherwise that is none.
  /// - Returns: nil: it is none, or before 1970. What is beyond the microsecond is left out.
  public static func parse(_ text: String, isUTC: Bool = false) -> Timestamp? {
    var rest = Substring(text)
    func number(_ digits: Int) -> Int? {
      let part = rest.prefix(digits)
      guard part.count == digits, part.allSatisfy({ $0.isASCII && $0.isNumber }) else { return nil }
      rest = rest.dropFirst(digits)
      return Int(part)
    }
    func skip(_ any: String) -> Bool {
      guard let first = rest.first, any.contains(first) else { return false }
      rest = rest.dropFirst()
      return true
    }
    guard let year = number(4), skip("-"), let month = number(2), skip("-"), let day = number(2), skip("Tt "),
      let hour = number(2), skip(":"), let minute = number(2), skip(":"), let second = number(2),
      year >= 1970, (1...12).contains(month),
      (1...CivilCalendar.length(year: year, month: month)).contains(day), hour < 24, minute < 60, second < 60
    else { return nil }
    var micros: Int64 = 0
    if skip(".") {
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      guard !digits.isEmpty else { return nil }
      rest = rest.dropFirst(digits.count)
      micros = Int64((String(digits) + "000000").prefix(6)) ?? 0
    }
    var offset = 0
    if !skip("Zz"), !(isUTC && rest.isEmpty) {
      let sign: Int
      if skip("+") { sign = 1 } else if skip("-") { sign = -1 } else { return nil }
      guard let hours = number(2), skip(":"), let minutes = number(2), hours < 24, minutes < 60 else { return nil }
      offset = sign * (hours * 3600 + minutes * 60)
    }
    guard rest.isEmpty else { return nil }
    let days = CivilCalendar.days(year: year, month: month, day: day)
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset
    guard seconds >= 0 else { return nil }
    return Timestamp(microseconds: Int64(seconds) * 1_000_000 + micros)
  }
}
