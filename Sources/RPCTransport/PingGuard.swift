import NIOCore

/// Counts the PINGs of a peer that come too often (gRFC A8).
struct PingGuard {
  private let interval: TimeAmount
  private let intervalWithoutCalls: TimeAmount
  private let maxStrikes: Int
  private var last: NIODeadline?
  private var strikes = 0

  init(_ configuration: ServerConfiguration) {
    interval = configuration.minPingInterval
    intervalWithoutCalls = configuration.minPingIntervalWithoutCalls
    maxStrikes = configuration.maxPingStrikes
  }

  /// We sent HEADERS or DATA: the peer may ask about the connection's health again.
  mutating func sent() {
    last = nil
    strikes = 0
  }

  /// False when that was one PING too many.
  mutating func received(now: NIODeadline, hasCalls: Bool) -> Bool {
    defer { last = now }
    guard let last, now < last + (hasCalls ? interval : intervalWithoutCalls) else { return true }
    strikes += 1
    return strikes <= maxStrikes
  }
}
