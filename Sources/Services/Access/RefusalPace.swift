import NIOCore

/// When callers that nobody knows are told so. A few at once; of more than that each has to wait for its turn, so that a flood of bad tokens comes
/// no faster than they are told, and costs those with good ones nothing they would notice.
struct RefusalPace {
  /// On one event loop.
  static let perSecond: Int64 = 100
  /// So many are told at once after a while without any.
  static let atOnce: Int64 = 50
  /// Nobody waits longer.
  static let longestWait = TimeAmount.seconds(2)
  /// Turns are rounded up to this: one timer serves those of one connection.
  private static let grain: Int64 = 20_000_000

  /// The turn of the next one.
  private var next = NIODeadline.uptimeNanoseconds(0)

  /// The turn of one more; in the past: at once.
  mutating func turn(_ now: NIODeadline) -> NIODeadline {
    let step = TimeAmount.nanoseconds(1_000_000_000 / Self.perSecond)
    let turn = max(next, now - .nanoseconds(step.nanoseconds * Self.atOnce))
    next = min(turn + step, now + Self.longestWait)
    guard turn > now else { return turn }
    let rounded = (Int64(clamping: turn.uptimeNanoseconds) + Self.grain - 1) / Self.grain * Self.grain
    return .uptimeNanoseconds(UInt64(rounded))
  }

  /// Waiting holds no more of them back, or hardly any.
  func isFull(_ now: NIODeadline) -> Bool { next >= now + Self.longestWait - .milliseconds(100) }
}
