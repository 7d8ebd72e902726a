/// What is wrong with a cron expression, for the person who wrote it.
public struct CronError: Error, Hashable, Sendable {
  public let message: String
}

extension Cron {
  /// Does not say whether such a time ever comes; `next` does.
  public init(_ text: String) throws(CronError) {
    guard text.utf8.count <= 1_024 else { throw CronError(message: "at most 1,024 bytes") }
    var fields = text.split { $0 == " " || $0 == "\t" }.map { $0.uppercased() }
    if let first = fields.first, first.hasPrefix("@") {
      guard fields.count == 1, let meaning = Self.nicknames[first] else {
        throw CronError(
          message:
            "\(first.lowercased()): known are @yearly, @annually, @monthly, @weekly, @daily, @midnight and @hourly")
      }
      fields = meaning.split(separator: " ").map(String.init)
    }
    if fields.count == 5 { fields.insert("0", at: 0) }
    guard fields.count == 6 else {
      throw CronError(message: "5 fields (minute hour day month weekday), or 6 with seconds first")
    }
    self.text = text
    seconds = try CronField.second.read(fields[0]).values
    let minute = try CronField.minute.read(fields[1])
    let hour = try CronField.hour.read(fields[2])
    let day = try CronField.day.read(fields[3])
    months = try CronField.month.read(fields[4]).values
    let weekday = try CronField.weekday.read(fields[5])
    minutes = minute.values
    hours = hour.values
    isFixed = minute.isFixed && hour.isFixed
    days = Days(
      ofMonth: day.values, last: day.last, lastWeekday: day.lastWeekday, nearest: day.nearest,
      ofWeek: (weekday.values | weekday.values >> 7) & 0x7F, lastOfWeek: weekday.lastOfWeek,
      numbered: weekday.numbered, isEither: !day.isStarred && !weekday.isStarred)
  }

  private static let nicknames = [
    "@YEARLY": "0 0 1 1 *", "@ANNUALLY": "0 0 1 1 *", "@MONTHLY": "0 0 1 * *", "@WEEKLY": "0 0 * * 0",
    "@DAILY": "0 0 * * *", "@MIDNIGHT": "0 0 * * *", "@HOURLY": "0 * * * *",
  ]
}

/// One of the fields, in the order in which they are written.
private enum CronField {
  case second, minute, hour, day, month, weekday

  struct Values {
    var values: UInt64 = 0
    var last = false
    var lastWeekday = false
    var nearest: UInt64 = 0
    var lastOfWeek: UInt64 = 0
    var numbered: UInt64 = 0
    /// No `*`, `?` or step.
    var isFixed = true
    /// Begins with `*` or `?`.
    var isStarred = false
  }

  var name: String {
    switch self {
    case .second: "second"
    case .minute: "minute"
    case .hour: "hour"
    case .day: "day of the month"
    case .month: "month"
    case .weekday: "day of the week"
    }
  }

  var range: ClosedRange<Int> {
    switch self {
    case .second, .minute: 0...59
    case .hour: 0...23
    case .day: 1...31
    case .month: 1...12
    case .weekday: 0...7
    }
  }

  private static let months = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
  private static let weekdays = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]

  func read(_ text: String) throws(CronError) -> Values {
    var result = Values()
    result.isStarred = text.hasPrefix("*") || text.hasPrefix("?")
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard !part.isEmpty else { throw error(text) }
      if try !readSpecial(part, into: &result) { try readRange(part, into: &result) }
    }
    return result
  }

  /// L, LW, 15W, 5L, FRI#3.
  private func readSpecial(_ part: Substring, into result: inout Values) throws(CronError) -> Bool {
    switch self {
    case .day:
      if part == "L" {
        result.last = true
      } else if part == "LW" {
        result.lastWeekday = true
      } else if part.hasSuffix("W") {
        result.nearest |= 1 << UInt64(try value(part.dropLast()))
      } else {
        return false
      }
    case .weekday:
      if part.hasSuffix("L") {
        result.lastOfWeek |= 1 << UInt64(try value(part.dropLast()) % 7)
      } else if let hash = part.firstIndex(of: "#") {
        guard let number = Self.number(part[part.index(after: hash)...]), (1...5).contains(number) else {
          throw error(part)
        }
        result.numbered |= 1 << UInt64(8 * (try value(part[..<hash]) % 7) + number)
      } else {
        return false
      }
    default: return false
    }
    return true
  }

  private func readRange(_ part: Substring, into result: inout Values) throws(CronError) {
    let pieces = part.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    var step = 1
    if pieces.count == 2 {
      guard let number = Self.number(pieces[1]), number > 0 else { throw error(part) }
      step = number
      result.isFixed = false
    }
    let bounds = pieces[0]
    var low = range.lowerBound
    // Not twice Sunday.
    let highest = self == .weekday ? 6 : range.upperBound
    var high = highest
    if bounds == "*" || bounds == "?" {
      result.isFixed = false
    } else if let dash = bounds.firstIndex(of: "-") {
      low = try value(bounds[..<dash])
      high = try value(bounds[bounds.index(after: dash)...])
      // Up to Sunday, the week's end.
      if self == .weekday, high == 0, low > 0 { high = 7 }
      guard low <= high else { throw CronError(message: "\(name): \(part.lowercased()) ends before it begins") }
    } else {
      low = try value(bounds)
      // From there on, with a step; else that one only.
      high = pieces.count == 2 ? max(low, highest) : low
    }
    for value in stride(from: low, through: high, by: step) { result.values |= 1 << UInt64(value) }
  }

  private func value(_ text: Substring) throws(CronError) -> Int {
    let names =
      switch self {
      case .month: Self.months
      case .weekday: Self.weekdays
      default: [String]()
      }
    if let index = names.firstIndex(where: { $0 == text }) { return index + range.lowerBound }
    guard let number = Self.number(text), range.contains(number) else { throw error(text) }
    return number
  }

  private static func number(_ text: Substring) -> Int? {
    guard !text.isEmpty, text.utf8.count <= 4, text.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }) else { return nil }
    return Int(text)
  }

  private func error(_ text: some StringProtocol) -> CronError {
    CronError(
      message: "\(name): \"\(text.lowercased())\" is none (\(range.lowerBound) to \(range.upperBound))")
  }
}
