import Synchronization

/// Spans on their way out: bounded, in order. What has no room is dropped and counted.
final class SpanQueue: Sendable {
  private struct State {
    var spans: [Span] = []
    var sent: UInt64 = 0
    var dropped: UInt64 = 0
    var rejected: UInt64 = 0
  }

  private let state = Mutex(State())
  private let limit: Int

  init(limit: Int) { self.limit = limit }

  /// - Returns: how many wait now.
  @discardableResult func add(_ spans: [Span]) -> Int {
    state.withLock {
      let room = max(0, limit - $0.spans.count)
      $0.spans += spans.prefix(room)
      $0.dropped += UInt64(max(0, spans.count - room))
      return $0.spans.count
    }
  }

  /// The oldest, which still take their room until `finish`.
  func peek(_ most: Int) -> [Span] { state.withLock { Array($0.spans.prefix(most)) } }

  /// The oldest are through, or never will be.
  func finish(_ count: Int, rejected: UInt64 = 0, dropped: UInt64 = 0) {
    state.withLock {
      $0.spans.removeFirst(min(count, $0.spans.count))
      let failed = min(rejected + dropped, UInt64(count))
      $0.sent += UInt64(count) - failed
      $0.rejected += min(rejected, failed)
      $0.dropped += failed - min(rejected, failed)
    }
  }

  /// Counts what never became a span.
  func drop(_ count: UInt64) { state.withLock { $0.dropped += count } }

  var count: Int { state.withLock { $0.spans.count } }

  var figures: TelemetryFigures {
    state.withLock {
      TelemetryFigures(waiting: $0.spans.count, sent: $0.sent, dropped: $0.dropped, rejected: $0.rejected)
    }
  }
}

/// For /metrics.
public struct TelemetryFigures: Equatable, Sendable {
  /// Spans that wait to be sent.
  public var waiting: Int
  public var sent: UInt64
  /// For lack of room, or because the collector refused a whole batch for good.
  public var dropped: UInt64
  /// That the collector took delivery of and did not keep, as it said.
  public var rejected: UInt64
}
