import Jobs
import Support
import Testing

@testable import Backlog

struct RateWindowTests {
  private let begin: Int64 = 1_700_000_000_000_000

  /// In no span of a period more than `count`.
  private func isKept(_ starts: [Int64], _ rate: Limit.Rate) -> Bool {
    let count = Int(rate.count)
    guard starts.count > count else { return true }
    for index in count..<starts.count where starts[index] - starts[index - count] <= rate.period.microseconds {
      return false
    }
    return true
  }

  private func rates(_ random: inout SeededGenerator) -> Limit.Rate {
    let counts: [UInt32] = [1, 2, 3, 10, 100, 127, 128, 129, 130, 200, 500, 1_000, 5_000, 20_000]
    let periods: [Interval] = [
      .milliseconds(1), .milliseconds(7), .milliseconds(100), .seconds(1), .seconds(3), .minutes(1), .hours(1),
      .days(31),
    ]
    return Limit.Rate(
      count: counts.randomElement(using: &random) ?? 1, period: periods.randomElement(using: &random) ?? .seconds(1))
  }

  /// Whatever the ticks, restarts from what was stored, steps of the clock ahead.
  @Test(arguments: 0..<60)
  func neverTooMany(seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed) &+ 11)
    let rate = rates(&random)
    var window = RateWindow(rate)
    var stored: [UInt8]?
    var starts: [Int64] = []
    var now = begin
    while starts.count < Int(rate.count) * 4 && starts.count < 30_000 {
      let free = window.available(at: Timestamp(microseconds: now))
      let wanted = random.chance(70) ? Int(free) : Int.random(in: 0...Int(free), using: &random)
      for _ in 0..<wanted {
        window.start(at: Timestamp(microseconds: now))
        starts.append(now)
      }
      if window.needsStoring { stored = window.encode() }
      if random.chance(3), let stored { window = try #require(RateWindow(stored)) }
      let next = window.next(after: Timestamp(microseconds: now)).microseconds
      #expect(next >= now)
      let part = max(1, rate.period.microseconds / 50)
      now = random.chance(50) ? max(next, now + 1) : now + Int64.random(in: 1...part, using: &random)
    }
    #expect(isKept(starts, rate), "seed \(seed), \(rate)")
  }

  /// A backlog gets at least 98 % of it, from the first period on.
  @Test(
    arguments: [
      (5, 1_000_000), (100, 1_000_000), (128, 10_000_000), (129, 1_000_000), (200, 60_000_000), (1_000, 1_000_000),
      (1_000, 3_600_000_000), (10_000, 1_000_000), (50_000, 60_000_000), (1_000_000, 86_400_000_000),
      (1_000_000, 31 * 86_400_000_000),
    ] as [(UInt32, Int64)])
  func isUsed(count: UInt32, period: Int64) {
    let rate = Limit.Rate(count: count, period: Interval(microseconds: period))
    var window = RateWindow(rate)
    var now = begin
    var started = 0
    var inTheFirst = 0
    let periods: Int64 = count > 100_000 ? 2 : 5
    while now < begin + periods * period {
      let time = Timestamp(microseconds: now)
      let free = window.available(at: time)
      for _ in 0..<free { window.start(at: time) }
      started += Int(free)
      if now < begin + period { inTheFirst = started }
      now = window.next(after: time).microseconds
      // As a server's clock ticks.
      now += max(0, min(period / 1_000, 500))
    }
    #expect(Double(started) >= 0.98 * Double(count) * Double(periods), "\(started)")
    #expect(Double(inTheFirst) >= 0.98 * Double(count), "\(inTheFirst)")
  }

  /// Of many per period, no tenth of it sees a fifth of them.
  @Test func manyAreSpread() {
    let rate = Limit.Rate(count: 6_000, period: .minutes(1))
    var window = RateWindow(rate)
    var tenths = Array(repeating: 0, count: 30)
    var now = begin
    while now < begin + 180_000_000 {
      let time = Timestamp(microseconds: now)
      let free = window.available(at: time)
      for _ in 0..<free { window.start(at: time) }
      tenths[Int((now - begin) / 6_000_000)] += Int(free)
      now += 1_000
    }
    #expect(tenths.allSatisfy { (540...660).contains($0) }, "\(tenths)")
  }

  /// After a stop, no more than before it at once.
  @Test func aBurstAfterIdlenessIsSpreadToo() {
    var window = RateWindow(Limit.Rate(count: 10_000, period: .seconds(100)))
    for second: Int64 in 0..<1_000 { _ = window.available(at: Timestamp(microseconds: begin + second * 1_000_000)) }
    #expect(window.available(at: Timestamp(microseconds: begin + 1_000_000_000)) < 200)
  }

  @Test(arguments: 0..<40)
  func changesHoldAtOnce(seed: Int) {
    var random = SeededGenerator(seed: UInt64(seed) &+ 900)
    let period = Interval.seconds(10)
    var rate = Limit.Rate(count: [50, 120, 400, 3_000].randomElement(using: &random) ?? 50, period: period)
    var window = RateWindow(rate)
    var now = begin
    func run(until end: Int64) -> [Int64] {
      var starts: [Int64] = []
      while now < end {
        let time = Timestamp(microseconds: now)
        for _ in 0..<window.available(at: time) {
          window.start(at: time)
          starts.append(now)
        }
        now = max(now + 1_000, window.next(after: time).microseconds)
      }
      return starts
    }
    let before = run(until: begin + 25_000_000)
    rate.count = [10, 100, 150, 700, 5_000].randomElement(using: &random) ?? 10
    let changed = now
    window.change(to: rate)
    let after = run(until: changed + 40_000_000)
    // Every window that ends after the change.
    let all = before + after
    var first = 0
    for (index, start) in all.enumerated() {
      while all[first] < start - period.microseconds { first += 1 }
      if index >= before.count { #expect(index - first + 1 <= Int(rate.count)) }
    }
  }

  @Test func aClockSetBackHoldsNothingLongerThanAPeriod() {
    for count: UInt32 in [10, 1_000] {
      var window = RateWindow(Limit.Rate(count: count, period: .seconds(10)))
      var now = begin
      while window.started(at: Timestamp(microseconds: now)) < UInt64(count) * 9 / 10 {
        let time = Timestamp(microseconds: now)
        for _ in 0..<window.available(at: time) { window.start(at: time) }
        now += 50_000
      }
      let back = Timestamp(microseconds: now - 3_600_000_000)
      #expect(window.available(at: back) <= count / 5)
      #expect(window.next(after: back) <= back + .seconds(11))
      var later = window
      #expect(later.started(at: back + .seconds(12)) == 0)
    }
  }

  @Test func whatIsStoredIsSmall() throws {
    for count: UInt32 in [128, 1_000_000] {
      var window = RateWindow(Limit.Rate(count: count, period: .hours(1)))
      var now = Timestamp(microseconds: begin)
      while now < Timestamp(microseconds: begin) + .hours(1) {
        for _ in 0..<window.available(at: now) { window.start(at: now) }
        now = max(now + .seconds(1), window.next(after: now))
      }
      let bytes = window.encode()
      #expect(bytes.count < 1_024)
      #expect(!window.needsStoring)
      var again = try #require(RateWindow(bytes))
      #expect(again.started(at: now) >= window.started(at: now))
    }
    // Many starts in one slot are stored once.
    var window = RateWindow(Limit.Rate(count: 1_000_000, period: .hours(1)))
    var stores = 0
    for index in 0..<5_000 {
      window.start(at: Timestamp(microseconds: begin + Int64(index) * 1_000))
      if window.needsStoring {
        _ = window.encode()
        stores += 1
      }
    }
    #expect(stores <= 3)
  }

  @Test func damagedBytesAreRefused() {
    var window = RateWindow(Limit.Rate(count: 5, period: .seconds(1)))
    for _ in 0..<5 { window.start(at: Timestamp(microseconds: begin)) }
    let bytes = window.encode()
    for count in 0..<bytes.count { #expect(RateWindow(Array(bytes.prefix(count))) == nil) }
    #expect(RateWindow(bytes + [0]) == nil)
    var random = SeededGenerator(seed: 3)
    for _ in 0..<2_000 {
      var damaged = bytes
      damaged[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      if var read = RateWindow(damaged) { _ = read.next(after: Timestamp(microseconds: begin)) }
    }
  }
}
