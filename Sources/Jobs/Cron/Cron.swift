/// Times of a calendar as Vixie's cron writes them: minute, hour, day of the month, month, day of the week, with seconds first if there
/// are six fields.
///
/// Names (JAN, mon), ranges, steps, lists, `?` for `*`; in the day of the month L (last), LW (last weekday) and 15W (the weekday
/// nearest to the 15th); in the day of the week 5L or FRIL (last Friday) and FRI#3 (third). If both day fields are restricted (do not begin
/// with `*` or `?`), a day that either of them means is meant; else one that both mean.
public struct Cron: Hashable, Sendable {
  /// As it was written.
  public let text: String
  /// Bit n: second, minute, hour n.
  let seconds: UInt64
  let minutes: UInt64
  let hours: UInt64
  /// Bit n: month n, 1...12.
  let months: UInt64
  let days: Days
  /// Hour and minute are written without `*`, `?` or a step: a time on the clock that comes once a day, however the clock is set.
  let isFixed: Bool

  /// The day fields.
  struct Days: Hashable, Sendable {
    /// Bit n: day n of the month, 1...31.
    var ofMonth: UInt64 = 0
    var last = false
    var lastWeekday = false
    /// Bit n: the weekday nearest to day n.
    var nearest: UInt64 = 0
    /// Bit n: weekday n, 0...6, 0 is Sunday.
    var ofWeek: UInt64 = 0
    /// Bit n: the last weekday n of the month.
    var lastOfWeek: UInt64 = 0
    /// Bit 8 * n + w: the w-th weekday n, w 1...5.
    var numbered: UInt64 = 0
    /// Either field is enough.
    var isEither = false

    /// The days of a month that are meant; bit n: day n.
    func days(year: Int, month: Int) -> UInt64 {
      let length = CivilCalendar.length(year: year, month: month)
      let all: UInt64 = (1 << UInt64(length + 1)) - 2
      // The weekday of day 0, so that day n has weekday (base + n) % 7.
      let base = CivilCalendar.weekday(days: CivilCalendar.days(year: year, month: month, day: 1)) + 6
      var first = ofMonth & all
      if last { first |= 1 << UInt64(length) }
      if lastWeekday { first |= 1 << UInt64(Self.weekday(nearest: length, length, base)) }
      if nearest != 0 {
        for day in 1...length where nearest & 1 << UInt64(day) != 0 {
          first |= 1 << UInt64(Self.weekday(nearest: day, length, base))
        }
      }
      var second: UInt64 = 0
      for day in 1...length {
        let weekday = (base + day) % 7
        let number = (day - 1) / 7 + 1
        if ofWeek & 1 << UInt64(weekday) != 0 || numbered & 1 << UInt64(8 * weekday + number) != 0
          || (lastOfWeek & 1 << UInt64(weekday) != 0 && day + 7 > length)
        {
          second |= 1 << UInt64(day)
        }
      }
      return isEither ? first | second : first & second
    }

    /// Monday to Friday, in the same month.
    private static func weekday(nearest day: Int, _ length: Int, _ base: Int) -> Int {
      switch (base + day) % 7 {
      case 6: day > 1 ? day - 1 : day + 2
      case 0: day < length ? day + 1 : day - 2
      default: day
      }
    }
  }
}

extension Cron {
  /// The first time after `time` that is meant, on the clocks of a place; nil: none comes in a hundred years, or before the year 9999 is over.
  ///
  /// Where a clock is set forward, a time of fixed hour and minute inside the gap comes at the first moment after it; where it is set back,
  /// once, the first time. Other times are whenever a clock there shows them.
  public func next(after time: Timestamp, in zone: TimeZoneRules) -> Timestamp? {
    let after = CivilCalendar.floorDivide(Int(time.microseconds), 1_000_000)
    guard after < Self.end else { return nil }
    let found = isFixed ? nextFixed(after: after, zone) : nextReal(after: after, zone)
    guard let found, found <= Self.end else { return nil }
    return Timestamp(seconds: Int64(found))
  }

  private static let end = 253_402_300_799

  private func nextFixed(after time: Int, _ zone: TimeZoneRules) -> Int? {
    var local = time + zone.span(at: time).offset
    while let next = nextLocal(after: local) {
      // The clock is set back: it showed this before.
      let found = zone.time(ofLocal: next)
      if found > time { return found }
      local = next
    }
    return nil
  }

  private func nextReal(after time: Int, _ zone: TimeZoneRules) -> Int? {
    var span = zone.span(at: time + 1)
    var after = time
    let horizon = time + 100 * 366 * 86_400
    while after < horizon {
      guard let next = nextLocal(after: after + span.offset) else { return nil }
      if next - span.offset < span.end { return next - span.offset }
      after = span.end - 1
      span = zone.span(at: span.end)
    }
    return nil
  }

  /// The next time that a clock which is never set shows.
  private func nextLocal(after local: Int) -> Int? {
    let start = local + 1
    let day = CivilCalendar.floorDivide(start, 86_400)
    let second = start - day * 86_400
    let date = CivilCalendar.date(days: day)
    let first = CivilCalendar.days(year: date.year, month: date.month, day: 1)
    var year = date.year
    var month = date.month
    if months & 1 << UInt64(month) != 0 {
      var left = Self.bits(days.days(year: year, month: month), from: date.day)
      if left & 1 << UInt64(date.day) != 0 {
        if let time = timeOfDay(from: second) { return day * 86_400 + time }
        left &= ~(1 << UInt64(date.day))
      }
      if left != 0, let time = timeOfDay(from: 0) {
        return (first + left.trailingZeroBitCount - 1) * 86_400 + time
      }
    }
    for _ in 0..<1_200 {
      month += 1
      if month > 12 {
        month = 1
        year += 1
      }
      guard months & 1 << UInt64(month) != 0 else { continue }
      let found = days.days(year: year, month: month)
      if found != 0, let time = timeOfDay(from: 0) {
        return (CivilCalendar.days(year: year, month: month, day: 1) + found.trailingZeroBitCount - 1) * 86_400 + time
      }
    }
    return nil
  }

  /// The first second of a day, from `second` on.
  private func timeOfDay(from start: Int) -> Int? {
    let (hour, minute, second) = (start / 3_600, start / 60 % 60, start % 60)
    if hours & 1 << UInt64(hour) != 0 {
      if minutes & 1 << UInt64(minute) != 0, let second = Self.bit(seconds, from: second) {
        return hour * 3_600 + minute * 60 + second
      }
      if let minute = Self.bit(minutes, from: minute + 1) {
        return hour * 3_600 + minute * 60 + seconds.trailingZeroBitCount
      }
    }
    guard let hour = Self.bit(hours, from: hour + 1) else { return nil }
    return hour * 3_600 + minutes.trailingZeroBitCount * 60 + seconds.trailingZeroBitCount
  }

  private static func bit(_ mask: UInt64, from start: Int) -> Int? {
    let rest = bits(mask, from: start)
    return rest == 0 ? nil : rest.trailingZeroBitCount
  }

  private static func bits(_ mask: UInt64, from start: Int) -> UInt64 { (mask >> UInt64(start)) << UInt64(start) }
}
