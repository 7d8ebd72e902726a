import NIOCore
import Testing

@testable import Services

@Suite struct RefusalPaceTests {
  private let begin = NIODeadline.uptimeNanoseconds(1_000_000_000_000)

  @Test func aFewAreToldAtOnce() {
    var pace = RefusalPace()
    for _ in 0...RefusalPace.atOnce { #expect(pace.turn(begin) <= begin) }
    #expect(pace.turn(begin) > begin)
  }

  /// Whoever is refused no more often than they are told waits for nothing.
  @Test func aSteadyTrickleWaitsForNothing() {
    var pace = RefusalPace()
    for step in 0..<10_000 {
      let now = begin + .milliseconds(Int64(step) * 10)
      #expect(pace.turn(now) <= now)
    }
  }

  @Test func manyAreToldOneAfterTheOtherAndNobodyWaitsForLong() {
    var pace = RefusalPace()
    let turns = (0..<1_000).map { _ in pace.turn(begin) }
    // As many as said, in the first second and in all.
    let first = turns.filter { $0 <= begin + .seconds(1) }.count
    #expect(first <= Int(RefusalPace.atOnce + RefusalPace.perSecond) + 2 && first > 100)
    #expect(turns.allSatisfy { $0 <= begin + RefusalPace.longestWait + .milliseconds(20) })
    #expect(turns == turns.sorted())
    #expect(pace.isFull(begin))
    // A while without any, and all is as before.
    let later = begin + .seconds(3)
    #expect(!pace.isFull(later))
    #expect(pace.turn(later) <= later)
  }
}
