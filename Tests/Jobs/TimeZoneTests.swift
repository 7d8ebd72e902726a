import Foundation
import Support
import Testing

@testable import Jobs

struct TimeZoneTests {
  private func rule(_ text: String) -> TimeZoneRule? { TimeZoneRule(Array(text.utf8)[...]) }

  @Test func rulesOfTheFileEnd() throws {
    let berlin = try #require(rule("CET-1CEST,M3.5.0,M10.5.0/3"))
    // 2051-03-26T01:00:00Z and 2051-10-29T01:00:00Z.
    let summer = berlin.span(at: 2_570_000_000, from: 0)
    #expect(summer.offset == 7_200)
    #expect(summer.start == 2_563_405_200)
    #expect(summer.end == 2_582_154_000)
    #expect(berlin.span(at: summer.end, from: 0).offset == 3_600)
    #expect(berlin.span(at: summer.start - 1, from: 0).offset == 3_600)
    // Winter is summer's opposite in Dublin, and the south has summer over New Year.
    #expect(try #require(rule("IST-1GMT0,M10.5.0,M3.5.0/1")).span(at: 2_570_000_000, from: 0).offset == 3_600)
    #expect(try #require(rule("AEST-10AEDT,M10.1.0,M4.1.0/3")).span(at: 2_556_144_000, from: 0).offset == 39_600)
    // Names in brackets, no daylight time.
    let kathmandu = try #require(rule("<+0545>-5:45"))
    #expect(kathmandu.span(at: 2_570_000_000, from: 7).offset == 20_700)
    #expect(kathmandu.span(at: 2_570_000_000, from: 7).start == 7)
    // Daylight all year.
    let always = try #require(rule("XXX3EDT4,0/0,J365/23"))
    for time in stride(from: 2_556_144_000, to: 2_556_144_000 + 800 * 86_400, by: 43_200) {
      #expect(always.span(at: time, from: 0).offset == -14_400)
    }
    // Hours before the day and after its end (Greenland, Gaza).
    #expect(rule("<-02>2<-01>,M3.5.0/-1,M10.5.0/0") != nil)
    #expect(rule("EET-2EEST,M3.4.4/50,M10.4.4/50") != nil)
  }

  @Test(arguments: [
    "", "X", "CET", "CET-", "CET-1CEST,", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0", "CET-1CEST,M3.6.0,M10.5.0",
    "CET-1CEST,M3.5.7,M10.5.0", "CET-1CEST,J0,J5", "CET-1CEST,J366,J5", "<CET-1", "CET-1CEST,M3.5.0,M10.5.0 ",
    "CET-168",
  ])
  func badRules(_ text: String) {
    #expect(rule(text) == nil)
  }

  @Test func gapAndOverlap() throws {
    let berlin = try Corpus.zone("Europe/Berlin")
    let local = { (day: Int, month: Int, minutes: Int) in
      CivilCalendar.days(year: 2026, month: month, day: day) * 86_400 + minutes * 60
    }
    // 2026-03-29 02:30 is not there: 03:00, which is 01:00Z.
    #expect(berlin.time(ofLocal: local(29, 3, 150)) == local(29, 3, 60))
    // 2026-10-25 02:30 is there twice: the first time is 00:30Z.
    #expect(berlin.time(ofLocal: local(25, 10, 150)) == local(25, 10, 30))
    #expect(berlin.time(ofLocal: local(25, 10, 180)) == local(25, 10, 120))
  }

  @Test func aWholeDayIsLeftOut() throws {
    // Samoa had no 30 December 2011.
    let apia = try Corpus.zone("Pacific/Apia")
    let noon = CivilCalendar.days(year: 2011, month: 12, day: 30) * 86_400 + 43_200
    let midnight = CivilCalendar.days(year: 2011, month: 12, day: 31) * 86_400
    #expect(apia.time(ofLocal: noon) == midnight - 14 * 3_600)
  }

  @Test func namesStayInTheFolder() {
    for name in ["Europe/Berlin", "UTC", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "EST5EDT"] {
      #expect(TimeZoneRules.isName(name))
    }
    for name in [
      "", "/etc/passwd", "../x", "Europe/../../x", "Europe//Berlin", "a/", ".", "Europe/Ber lin", "a\0b", "é",
      "localtime", "posixrules", "posix/localtime", "LocalTime",
    ] {
      #expect(!TimeZoneRules.isName(name))
    }
  }

  /// Whatever is in the file.
  @Test func filesWithLeapSecondsAreRefused() {
    func file(leaps: UInt8) -> [UInt8] {
      // One type, UTC, with its name; no changes.
      Array("TZif".utf8) + Array(repeating: 0, count: 16) + [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, leaps]
        + [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 4] + Array(repeating: 0, count: 6) + Array("UTC\0".utf8)
        + Array(repeating: 0, count: 8 * Int(leaps))
    }
    #expect(TimeZoneRules(name: "x", file: file(leaps: 0)) != nil)
    #expect(TimeZoneRules(name: "x", file: file(leaps: 1)) == nil)
  }

  @Test func damagedFilesAreRefusedOrHarmless() throws {
    let file = Corpus.folder.appendingPathComponent("zoneinfo/Europe.Berlin")
    let bytes = [UInt8](try Data(contentsOf: file))
    for count in 0..<bytes.count { #expect(TimeZoneRules(name: "x", file: Array(bytes.prefix(count))) == nil) }
    var random = SeededGenerator(seed: 7)
    for _ in 0..<3_000 {
      var damaged = bytes
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        damaged[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      if let zone = TimeZoneRules(name: "x", file: damaged), let cron = try? Cron("30 2 * * *") {
        var time = Timestamp(seconds: 1_700_000_000)
        for _ in 0..<5 { time = cron.next(after: time, in: zone) ?? time }
      }
    }
  }
}
