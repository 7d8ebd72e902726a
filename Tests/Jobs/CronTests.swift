import Foundation
import Testing

@testable import Jobs

struct CronTests {
  private func times(_ text: String, after: Int64, _ count: Int, in zone: TimeZoneRules = .utc) throws -> [Int64] {
    let cron = try Cron(text)
    var time = Timestamp(seconds: after)
    var found: [Int64] = []
    while found.count < count, let next = cron.next(after: time, in: zone) {
      found.append(next.microseconds / 1_000_000)
      time = next
    }
    return found
  }

  @Test(arguments: [
    "", "* * * *", "* * * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 13 *", "* * * 0 *",
    "* * * * 8", "-1 * * * *", "*/0 * * * *", "5-1 * * * *", "1,,2 * * * *", ",1 * * * *", "1, * * * *", "a * * * *",
    "1- * * * *", "*/ * * * *", "*/5/5 * * * *", "* * * * FRI#6", "* * * * FRI#0", "* * * * FRI#", "* * L-3 * *",
    "* * W * *",
    "* * 32W * *", "* * * * L", "* * * * 8L", "L * * * *", "* * * L *", "@reboot", "@every 5m", "@hourly * * * *", "@",
    "* * * JANUARY *", "1.5 * * * *", "+5 * * * *", "99999999999999999999 * * * *", "* * * * * 2026",
  ])
  func refused(_ text: String) {
    #expect(throws: CronError.self) { try Cron(text) }
  }

  @Test(arguments: ["0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 31W 2 *"])
  func neverComes(_ text: String) throws {
    #expect(try Cron(text).next(after: Timestamp(seconds: 1_800_000_000), in: .utc) == nil)
  }

  @Test func rareDaysAreFound() throws {
    // The 29th of February that is a Sunday: both day fields must agree, as one of them begins with *.
    #expect(try times("0 0 29 2 */7", after: 1_769_904_000, 1) == [1_961_625_600])
    // Over 2100, which has no leap day.
    #expect(try times("0 0 29 2 *", after: 3_981_312_000, 1) == [4_233_686_400])
  }

  @Test func nicknames() throws {
    let start: Int64 = 1_767_225_600  // 2026-01-01T00:00:00Z, a Thursday
    #expect(try times("@hourly", after: start, 2) == [start + 3_600, start + 7_200])
    #expect(try times("@DAILY", after: start, 1) == [start + 86_400])
    #expect(try times("@midnight", after: start, 1) == [start + 86_400])
    #expect(try times("@weekly", after: start, 1) == [start + 3 * 86_400])
    #expect(try times("@monthly", after: start, 1) == [start + 31 * 86_400])
    #expect(try times("@yearly", after: start, 1) == [start + 365 * 86_400])
    #expect(try times("@annually", after: start, 1) == [start + 365 * 86_400])
  }

  @Test func lastAndNearestWeekdays() throws {
    let start: Int64 = 1_767_225_600
    func day(_ month: Int, _ day: Int) -> Int64 {
      Int64(CivilCalendar.days(year: 2026, month: month, day: day)) * 86_400
    }
    #expect(try times("0 0 L * *", after: start, 2) == [day(1, 31), day(2, 28)])
    // The 31st of January and the 28th of February are Saturdays.
    #expect(try times("0 0 LW * *", after: start, 3) == [day(1, 30), day(2, 27), day(3, 31)])
    // The 1st of February is a Sunday: never back into January.
    #expect(try times("0 0 1W 2 *", after: start, 1) == [day(2, 2)])
    // The 28th of February is a Saturday.
    #expect(try times("0 0 28W 2 *", after: start, 1) == [day(2, 27)])
    // The 31st of May is a Sunday: never on into June.
    #expect(try times("0 0 31W 5 *", after: start, 1) == [day(5, 29)])
    #expect(try times("0 0 ? * FRIL", after: start, 2) == [day(1, 30), day(2, 27)])
    #expect(try times("0 0 * * 5L", after: start, 2) == [day(1, 30), day(2, 27)])
    #expect(try times("0 0 * * FRI#3,MON#1", after: start, 3) == [day(1, 5), day(1, 16), day(2, 2)])
    // Either: the 15th, or a last Friday.
    #expect(try times("0 0 15 * FRIL", after: start, 3) == [day(1, 15), day(1, 30), day(2, 15)])
  }

  @Test func sundayIsZeroAndSeven() throws {
    let start: Int64 = 1_767_225_600
    let sundays = try times("0 0 * * 0", after: start, 5)
    #expect(try times("0 0 * * 7", after: start, 5) == sundays)
    #expect(try times("0 0 * * sun", after: start, 5) == sundays)
    #expect(try times("0 0 * * 6-7", after: start, 10) == times("0 0 * * SAT-SUN", after: start, 10))
  }

  @Test func timesAreLaterThanAsked() throws {
    let cron = try Cron("0 0 1 1 *")
    let newYear = Timestamp(seconds: 1_767_225_600)
    #expect(cron.next(after: newYear - .microseconds(1), in: .utc) == newYear)
    #expect(cron.next(after: newYear, in: .utc) == newYear + .days(365))
    #expect(cron.next(after: newYear + .microseconds(1), in: .utc) == newYear + .days(365))
  }

  @Test func endsWithTheYear9999() throws {
    let cron = try Cron("0 0 31 12 *")
    let last = Timestamp(seconds: 253_402_214_400)
    #expect(cron.next(after: last - .seconds(1), in: .utc) == last)
    #expect(cron.next(after: last, in: .utc) == nil)
    #expect(cron.next(after: .distantFuture, in: .utc) == nil)
  }

  /// croniter's next times, and those found by looking at every minute around the days on which clocks of 21 zones are set.
  @Test func agreesWithAnother() throws {
    let corpus = try String(contentsOf: Corpus.folder.appendingPathComponent("cron.txt"), encoding: .utf8)
    var checked = 0
    var zones: [String: TimeZoneRules] = [:]
    for line in corpus.split(separator: "\n") {
      let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
      let zone = try zones[fields[0]] ?? Corpus.zone(fields[0])
      zones[fields[0]] = zone
      var last = try #require(Int64(fields[1]))
      var expected: [Int64] = []
      for step in fields[3].split(separator: " ") {
        last += try #require(Int64(step))
        expected.append(last)
      }
      var found = try times(fields[2], after: #require(Int64(fields[1])), max(1, expected.count), in: zone)
      // Of a stretch of time: none of it is expected, so the first lies behind it.
      if expected.isEmpty { found = found.filter { $0 <= (Int64(fields[1]) ?? 0) + 54 * 3_600 } }
      #expect(found == expected, "\(line)")
      checked += 1
    }
    #expect(checked > 5_000)
  }
}

enum Corpus {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Corpus")

  static func zone(_ name: String) throws -> TimeZoneRules {
    if name == "UTC" { return .utc }
    let file = folder.appendingPathComponent("zoneinfo/" + name.replacingOccurrences(of: "/", with: "."))
    return try #require(TimeZoneRules(name: name, file: [UInt8](Data(contentsOf: file))))
  }
}
