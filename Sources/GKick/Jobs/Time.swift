#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif
import Jobs

extension Duration {
  /// In microseconds, held to ±100 years.
  package var interval: Interval {
    let limit = Int64(3_155_760_000)
    let seconds = max(-limit, min(limit, components.seconds))
    return Interval(microseconds: seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000)
  }
}

extension Interval {
  package var duration: Duration { .microseconds(microseconds) }
}

extension Date {
  /// Held to years 1970 to 9999.
  package var timestamp: Timestamp {
    let limit = Double(Timestamp.distantFuture.microseconds) / 1e6
    let seconds = max(0, min(limit, timeIntervalSince1970))
    return Timestamp(microseconds: Int64((seconds * 1e6).rounded()))
  }

  package init(_ timestamp: Timestamp) {
    self.init(timeIntervalSince1970: Double(timestamp.microseconds) / 1e6)
  }
}
