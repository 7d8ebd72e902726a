import Engine
import Jobs
import Testing

@testable import CommandLineTool

@Suite struct SeriesTests {
  private func reading(_ enqueued: UInt64, waits: [Interval] = [], ready: UInt64 = 0) -> SeriesReading {
    var reading = SeriesReading()
    reading.enqueued = enqueued
    for wait in waits { reading.wait.record(wait) }
    reading.ready = ready
    return reading
  }

  @Test func aPointPerStepHasWhatHappenedInIt() {
    var series = Series(step: 60, limit: 10)
    series.take(reading(100), isStoreWell: true, now: 600)
    series.take(reading(130), isStoreWell: true, now: 630)
    #expect(series.count == 1)
    series.take(reading(150, waits: [.milliseconds(3)], ready: 7), isStoreWell: false, now: 661)
    #expect(series.latest?.at == 660 && series.latest?.enqueued == 50 && series.latest?.ready == 7)
    #expect(series.latest?.isStoreWell == false)
    // Half of the bucket from 2.5 to 5 ms.
    #expect(series.latest?.waitP50 == 0.00375)
    series.take(reading(150, waits: [.milliseconds(3)]), isStoreWell: true, now: 722)
    #expect(series.latest?.enqueued == 0 && series.latest?.waitP50 == nil)
  }

  @Test func itIsBounded() {
    var series = Series(step: 60, limit: 1_440)
    for minute in 0..<3_000 { series.take(reading(UInt64(minute)), isStoreWell: true, now: Int64(minute) * 60) }
    #expect(series.count == 1_440 && series.latest?.at == 2_999 * 60)
    #expect(series.json.text.utf8.count < 300_000)
  }

  @Test func aNewTermCountsFromItsBegin() {
    var series = Series(step: 60, limit: 10)
    series.take(reading(1_000), isStoreWell: true, now: 60)
    series.take(nil, isStoreWell: true, now: 120)
    #expect(series.latest == SeriesPoint(at: 120, leads: false))
    series.take(reading(40), isStoreWell: true, now: 180)
    #expect(series.latest?.enqueued == 40 && series.latest?.leads == true)
    series.take(reading(10), isStoreWell: true, now: 240)
    #expect(series.latest?.enqueued == 10)
  }

  @Test func aClockThatIsSetBackBeginsAnew() {
    var series = Series(step: 60, limit: 10)
    for minute in 10..<14 { series.take(reading(0), isStoreWell: true, now: Int64(minute) * 60) }
    series.take(reading(0), isStoreWell: true, now: 12 * 60)
    #expect(series.count == 3 && series.latest?.at == 720)
  }

  @Test func quantiles() {
    var histogram = EngineStatistics.Histogram()
    #expect(Series.quantile(0.5, histogram.counts) == nil)
    for _ in 0..<100 { histogram.record(.milliseconds(700)) }
    // Evenly spread from 0.5 to 1 s.
    #expect(Series.quantile(0.5, histogram.counts) == 0.75)
    #expect(Series.quantile(0.99, histogram.counts) == 0.995)
    histogram = EngineStatistics.Histogram()
    histogram.record(.hours(2))
    #expect(Series.quantile(0.5, histogram.counts) == EngineStatistics.buckets.last)
  }

  @Test func whatAPageIsGiven() {
    let desk = SeriesDesk()
    let standing = SeriesDesk.Standing(
      serverID: "a", leaderID: "b", leads: false, store: "redis", trouble: "it says \"no\"")
    desk.take(reading(1), standing, now: 60)
    #expect(
      desk.page("/series/now")
        == #"{"step":2,"point":{"at":60,"enqueued":0,"started":0,"finished":0,"failed":0,"ready":0,"scheduled":0,"#
        + #""running":0,"blocked":0,"dead":0,"workers":0,"leads":true,"storeWell":false},"server":{"serverId":"a","leaderId":"b","#
        + #""leads":false,"store":"redis","storeTrouble":"it says \"no\""}}"#)
    #expect(desk.page("/series/day")?.hasPrefix(#"{"step":60,"points":[{"at":60,"#) == true)
    #expect(desk.page("/series/week") == nil)
  }
}
