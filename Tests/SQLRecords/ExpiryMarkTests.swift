import Jobs
import SQLRecords
import Testing

struct ExpiryMarkTests {
  private func at(_ seconds: Int64) -> Timestamp { Timestamp(seconds: seconds) }

  @Test func aSearchBeginsWhereTheLastOneEnded() {
    let mark = ExpiryMark()
    mark.move(to: at(5), after: mark.begin(by: at(10)))
    #expect(mark.begin(by: at(11)).time == at(5))
  }

  @Test func aClockThatWasSetBackBeginsAnew() {
    let mark = ExpiryMark()
    mark.move(to: at(5), after: mark.begin(by: at(10)))
    #expect(mark.begin(by: at(4)).time == .distantPast)
    #expect(mark.begin(by: at(11)).time == .distantPast)
  }

  @Test func aSearchThatBeganBeforeTheStateWasLoadedAnewIsNotBelieved() {
    let mark = ExpiryMark()
    let begun = mark.begin(by: at(10))
    mark.reset()
    mark.move(to: at(10), after: begun)
    #expect(mark.begin(by: at(20)).time == .distantPast)
  }
}
