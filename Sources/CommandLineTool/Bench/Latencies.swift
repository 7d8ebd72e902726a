import Histogram
import NIOCore

/// Times in microseconds, in a histogram with two significant digits (HdrHistogram).
struct Latencies: Sendable {
  private var histogram = Histogram<UInt32>(highestTrackableValue: 3_600_000_000, numberOfSignificantValueDigits: .two)

  mutating func record(since start: NIODeadline) {
    let nanoseconds = max(0, (NIODeadline.now() - start).nanoseconds)
    // What lasted longer than an hour counts as an hour.
    _ = histogram.record(min(UInt64(nanoseconds) / 1_000, 3_600_000_000))
  }

  mutating func add(_ other: Latencies) { histogram.add(other.histogram) }

  var count: Int { Int(histogram.totalCount) }

  /// Microseconds.
  func percentile(_ percent: Double) -> Int64 { Int64(clamping: histogram.valueAtPercentile(percent)) }
  var highest: Int64 { count == 0 ? 0 : Int64(clamping: histogram.max) }
}
