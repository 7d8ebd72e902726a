import Testing

@testable import CommandLineTool

struct StandstillClockTests {
  private func clock(limit: Int64? = 60_000) -> StandstillClock { StandstillClock(patience: 10_000, limit: limit) }

  /// Looks every second until `end`.
  private func watch(
    _ clock: inout StandstillClock, from start: Int64, to end: Int64, _ beats: (Int64) -> [UInt64]
  ) -> [StandstillClock.Finding] {
    stride(from: start, through: end, by: 1_000).flatMap { clock.look(beats($0), now: $0) }
  }

  @Test func whoStandsIsToldOnceAndAtLastGivenUpOnce() {
    var clock = clock()
    let findings = watch(&clock, from: 0, to: 300_000) { now in
      [UInt64(now), 7]
    }
    #expect(findings == [.stands(1, seconds: 10), .hopeless(1, seconds: 60)])
  }

  @Test func whoMovesAgainIsToldToo() {
    var clock = clock()
    _ = watch(&clock, from: 0, to: 20_000) { _ in [1] }
    #expect(clock.standing(now: 20_000).map(\.seconds) == [20])
    #expect(clock.look([2], now: 21_000) == [.moves(0, after: 21)])
    #expect(clock.standing(now: 21_000).isEmpty)
    #expect(watch(&clock, from: 22_000, to: 80_000) { _ in [2] } == [.stands(0, seconds: 10)])
  }

  @Test func aProcessThatWasSuspendedIsNotGivenUp() {
    var clock = clock()
    #expect(watch(&clock, from: 0, to: 3_000) { _ in [1] } == [])
    // Suspended for an hour; the threads it watches were too.
    #expect(clock.look([1], now: 3_603_000) == [])
    #expect(watch(&clock, from: 3_604_000, to: 3_606_000) { _ in [2] } == [])
  }

  @Test func withoutALimitItIsOnlyTold() {
    var clock = clock(limit: nil)
    #expect(
      watch(&clock, from: 0, to: 3_600_000) { _ in [1] } == [.stands(0, seconds: 10)])
  }
}
