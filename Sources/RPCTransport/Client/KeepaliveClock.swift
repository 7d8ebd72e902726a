import NIOCore

/// Whether the server of a client's connection is still there: a state machine that is told what comes, knows when it wants to be asked
/// next, and then says what to do. It reads no clock and sets no timer.
struct KeepaliveClock {
  enum Action: Equatable {
    case ping
    /// The server is gone. Given once; nothing is due after it.
    case giveUp
  }

  private enum Phase {
    case quiet(since: NIODeadline)
    /// A PING is on its way.
    case asked(until: NIODeadline)
    case over
  }

  private let keepalive: ClientKeepalive
  private var phase: Phase

  /// nil: never asks.
  init(_ keepalive: ClientKeepalive?, now: NIODeadline) {
    self.keepalive = keepalive ?? ClientKeepalive()
    phase = keepalive == nil ? .over : .quiet(since: now)
  }

  /// Anything that comes proves as much as the answer to a PING.
  mutating func received(now: NIODeadline) {
    if case .over = phase { return }
    phase = .quiet(since: now)
  }

  /// When to call `next` again, at the latest; nil: never.
  var deadline: NIODeadline? {
    switch phase {
    case .quiet(let since): since + time
    case .asked(let until): until
    case .over: nil
    }
  }

  /// What is due; nil when nothing is. Call again until it is nil.
  mutating func next(now: NIODeadline, hasCalls: Bool) -> Action? {
    switch phase {
    case .quiet(let since):
      guard since + time <= now else { return nil }
      guard hasCalls || keepalive.withoutCalls else {
        phase = .quiet(since: now)
        return nil
      }
      phase = .asked(until: now + timeout)
      return .ping
    case .asked(let until):
      guard until <= now else { return nil }
      // Asked that late, this process has itself been away, suspended or busy: the answer may lie in its socket.
      if until + timeout <= now {
        phase = .asked(until: now + timeout)
        return nil
      }
      phase = .over
      return .giveUp
    case .over: return nil
    }
  }

  /// Some time, whatever was configured.
  private var time: TimeAmount { max(keepalive.time, .milliseconds(1)) }
  private var timeout: TimeAmount { max(keepalive.timeout, .milliseconds(1)) }
}
