import Jobs

/// A moment as RFC 3339 text in UTC, to the millisecond.
enum UTCText {
  /// - Parameter milliseconds: since 1970, not negative.
  static func format(milliseconds: Int64) -> String {
    let (days, rest) = Int(milliseconds).quotientAndRemainder(dividingBy: 86_400_000)
    let (year, month, day) = CivilCalendar.date(days: days)
    let seconds = rest / 1_000
    return "\(year)-\(two(month))-\(two(day))T\(two(seconds / 3_600)):\(two(seconds / 60 % 60)):\(two(seconds % 60))"
      + ".\(String(1_000 + rest % 1_000).dropFirst())Z"
  }

  private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
