public import NIOCore

/// How long to wait between attempts to connect (gRPC `doc/connection-backoff.md`): the wait after the n-th failure in a row is
/// `min(maximum, initial * multiplier^(n-1))`, spread by ±`jitter` of itself, counted from the start of the failed attempt.
public struct ConnectionBackoff: Sendable, Hashable {
  public var initial: TimeAmount = .seconds(1)
  public var multiplier: Double = 1.6
  public var maximum: TimeAmount = .seconds(120)
  /// 0...1.
  public var jitter: Double = 0.2
  /// One attempt's time at least (MIN_CONNECT_TIMEOUT): the connection must be ready for calls by then.
  public var connectTimeout: TimeAmount = .seconds(20)

  public init() {}

  /// The wait after `failures` (1, 2, ...) attempts in a row have failed.
  /// - Parameter draw: an even random number in 0..<1.
  func wait(afterFailures failures: Int, draw: Double) -> TimeAmount {
    let limit = Double(maximum.nanoseconds)
    var wait = Double(initial.nanoseconds)
    var step = 1
    while step < failures, wait < limit, wait > 0, multiplier > 1 {
      wait *= multiplier
      step += 1
    }
    let spread = min(wait, limit) * (1 + jitter * (2 * draw - 1))
    return .nanoseconds(Int64(max(0, min(spread, 9e18))))
  }
}
