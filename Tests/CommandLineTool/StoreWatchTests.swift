import Jobs
import Testing

@testable import CommandLineTool

struct StoreWatchTests {
  @Test func aStoreThatFailsIsToldOnceAndOnceWhenItIsWellAgain() {
    var watch = StoreWatch()
    let start = ContinuousClock.now
    let error = StoreError(.unavailable, "no space")
    #expect(StoreWatch.interval <= .seconds(1))
    #expect(watch.look(nil, at: start) == nil)
    #expect(watch.look(error, at: start + .seconds(1)) == .fails(error))
    for second in 2...60 {
      let another = StoreError(.unavailable, "still, \(second)")
      #expect(watch.look(another, at: start + .seconds(second)) == nil)
    }
    #expect(watch.look(nil, at: start + .seconds(61)) == .isWell(after: .seconds(60)))
    #expect(watch.look(nil, at: start + .seconds(62)) == nil)
    // It fails again: that is news.
    #expect(watch.look(error, at: start + .seconds(63)) == .fails(error))
  }
}
