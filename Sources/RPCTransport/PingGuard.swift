import NIOCore

/// Counts the PINGs of a peer that come too often (gRFC A8).
struct PingGuard {
  private let interval: TimeAmount
  private let maxStrikes: Int
  private var last: NIODeadline?
  private var strikes = 0

  init(_ configuration: ServerConfiguration) {
    // Who keeps to the interval by its own clock is sometimes early by ours.
    interval = .nanoseconds(configuration.minPingInterval.nanoseconds / 10 * 9)
    maxStrikes = configuration.maxPingStrikes
  }

  /// We sent HEADERS or DATA: the peer may ask about the connection's health again.
  mutating func sent() {
    last = nil
    strikes = 0
  }

  /// False when that was one PING too many.
  mutating func received(now: NIODeadline) -> Bool {
    defer { last = now }
    guard let last, now < last + interval else { return true }
    strikes += 1
    return strikes <= maxStrikes
  }
}
