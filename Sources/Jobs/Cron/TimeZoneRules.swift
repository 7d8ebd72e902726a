/// When a place's clocks differ by how much from UTC, as its file of the time zone database says (TZif, RFC 8536). Times are seconds
/// since 1970; an offset is what is added to UTC.
public final class TimeZoneRules: Sendable {
  /// A stretch of time with one offset.
  struct Span {
    var start: Int
    /// Not part of it.
    var end: Int
    var offset: Int
  }

  public let name: String
  /// The moments at which the offset changes ...
  private let changes: [Int]
  /// ... to these; `first` holds before all of them.
  private let offsets: [Int32]
  private let first: Int
  /// Holds after the last change.
  private let rule: TimeZoneRule?

  init(name: String, first: Int, changes: [Int], offsets: [Int32], rule: TimeZoneRule?) {
    self.name = name
    self.first = first
    self.changes = changes
    self.offsets = offsets
    self.rule = rule
  }

  /// A zone that there is no data of, known by its name only.
  public static func unknown(_ name: String) -> TimeZoneRules {
    TimeZoneRules(name: name, first: 0, changes: [], offsets: [], rule: nil)
  }

  public static let utc = TimeZoneRules(name: "", first: 0, changes: [], offsets: [], rule: nil)

  /// The stretch that `time` lies in.
  func span(at time: Int) -> Span {
    var low = 0
    var high = changes.count
    while low < high {
      let middle = (low + high) / 2
      if changes[middle] <= time { low = middle + 1 } else { high = middle }
    }
    if low == changes.count, let rule {
      return rule.span(at: time, from: changes.last ?? .min)
    }
    return Span(
      start: low == 0 ? .min : changes[low - 1], end: low == changes.count ? .max : changes[low],
      offset: low == 0 ? first : Int(offsets[low - 1]))
  }

  /// When a clock there shows `local` (seconds since 1970-01-01T00:00:00 there): the first time it does or, if it is set forward over it,
  /// the moment after.
  func time(ofLocal local: Int) -> Int {
    // No offset is longer than a day and two hours.
    var span = span(at: local - 93_600)
    while true {
      let time = local - span.offset
      if time < span.start { return span.start }
      if time < span.end { return time }
      span = self.span(at: span.end)
    }
  }

  /// Files beside the zones whose meaning each machine settles for itself, and so each server of a store.
  private static let local = ["localtime", "posixrules"]

  /// A name as the database has them: no path out of it.
  public static func isName(_ name: String) -> Bool {
    guard !name.isEmpty, name.utf8.count <= 64, !name.hasPrefix("/"), !name.hasSuffix("/") else { return false }
    return name.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { part in
      !part.isEmpty && part.first != "." && !local.contains(part.lowercased())
        && part.utf8.allSatisfy { byte in
          switch byte {
          case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "+"):
            true
          default: false
          }
        }
    }
  }
}

/// How a POSIX TZ string, the last line of a TZif file, says when clocks change in every year from then on.
struct TimeZoneRule {
  enum Day {
    /// Month 1...12, week 1...5 (5: the last), weekday 0...6.
    case weekday(month: Int, week: Int, day: Int)
    /// 1...365; the 29th of February is never counted.
    case julian(Int)
    /// 0...365.
    case ordinal(Int)
  }
  struct Change {
    var day: Day
    /// Seconds after that day's midnight, on the clock before the change.
    var time: Int

    /// In seconds since 1970, on that clock.
    func local(in year: Int) -> Int {
      let newYear = CivilCalendar.days(year: year, month: 1, day: 1)
      let days =
        switch day {
        case .julian(let number): newYear + number - 1 + (CivilCalendar.isLeap(year) && number >= 60 ? 1 : 0)
        case .ordinal(let number): newYear + number
        case .weekday(let month, let week, let weekday): Self.days(year, month, week, weekday)
        }
      return days * 86_400 + time
    }

    private static func days(_ year: Int, _ month: Int, _ week: Int, _ weekday: Int) -> Int {
      let first = CivilCalendar.days(year: year, month: month, day: 1)
      var day = (weekday - CivilCalendar.weekday(days: first) + 7) % 7 + 7 * (week - 1)
      if day >= CivilCalendar.length(year: year, month: month) { day -= 7 }
      return first + day
    }
  }

  var standard: Int
  var daylight: Int
  /// nil: standard time all year.
  var begin: Change?
  var end: Change?

  /// - Parameter start: of the time that the rule is for.
  func span(at time: Int, from start: Int) -> TimeZoneRules.Span {
    guard let begin, let end else { return TimeZoneRules.Span(start: start, end: .max, offset: standard) }
    let year = CivilCalendar.date(days: CivilCalendar.floorDivide(time, 86_400)).year
    var result = TimeZoneRules.Span(start: start, end: .max, offset: standard)
    var changes: [(at: Int, offset: Int)] = []
    for year in year - 1...year + 1 {
      changes.append((begin.local(in: year) - standard, daylight))
      changes.append((end.local(in: year) - daylight, standard))
    }
    // Daylight all year is written with an end after the next beginning: of two at once the beginning counts.
    changes.sort { $0.at == $1.at ? $0.offset != daylight && $1.offset == daylight : $0.at < $1.at }
    for change in changes {
      if change.at > time {
        result.end = change.at
        break
      }
      result.start = max(start, change.at)
      result.offset = change.offset
    }
    return result
  }
}
