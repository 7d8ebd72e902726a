import NIOCore

/// Everything about a server connection that has to do with time: a state machine that is told what happens, knows when it wants to be
/// asked next, and then says what to do. It reads no clock and sets no timer.
///
/// An action that ends the connection is given once and ends the machine with it: asking until nothing is due always comes to an end,
/// and what is due next is always later than now.
struct ConnectionClock {
  enum Action: Equatable {
    case ping
    /// The first GOAWAY of a graceful end, and a PING to know when it has arrived.
    case shutdownNotice
    /// The second GOAWAY. Close as soon as no stream is open.
    case goAway(String)
    /// GOAWAY, whatever is open, and close as soon as it is written; `close` follows if the peer does not take it.
    case terminate(String)
    /// Responses wait, and the peer did not read. Asked again and again: it matters only when others need the room.
    case makeRoom
    /// Close without a word: the peer does not listen.
    case close(String)
  }

  private enum Phase {
    case serving
    case noticed(until: NIODeadline, reason: String)
    case draining(until: NIODeadline?)
    /// GOAWAY is on its way: nothing counts any more but that it is written soon.
    case terminating(until: NIODeadline, reason: String)
    /// Nothing is ever due again.
    case over
  }

  private let configuration: ServerConfiguration
  private var phase = Phase.serving
  private var handshakeBy: NIODeadline?
  private var headersBy: NIODeadline?
  private var lastReceived: NIODeadline
  private var pongBy: NIODeadline?
  private var idleSince: NIODeadline?
  private var ageAt: NIODeadline?
  private var blockedSince: NIODeadline?
  private var stalledSince: NIODeadline?
  private var held: (bytes: Int, since: NIODeadline)?

  /// `jitter`: -1...1, how far of ten percent the maximum age is moved.
  init(_ configuration: ServerConfiguration, now: NIODeadline, jitter: Double) {
    self.configuration = configuration
    handshakeBy = now + configuration.handshakeTimeout
    lastReceived = now
    idleSince = now
    if let age = configuration.maxConnectionAge {
      ageAt = now + .nanoseconds(Int64(Double(age.nanoseconds) * (1 + 0.1 * jitter)))
    }
  }

  // MARK: - What happens

  mutating func received(now: NIODeadline) {
    lastReceived = now
    pongBy = nil
  }

  mutating func handshakeCompleted() { handshakeBy = nil }

  mutating func headerBlock(isOpen: Bool, now: NIODeadline) {
    if !isOpen {
      headersBy = nil
    } else if headersBy == nil {
      headersBy = now + configuration.headerTimeout
    }
  }

  mutating func streams(open: Int, now: NIODeadline) {
    if open > 0 {
      idleSince = nil
    } else if idleSince == nil {
      idleSince = now
    }
  }

  /// `blocked`: the socket takes nothing. `stalled`: response bytes wait for the peer's window. `progressed`: some went out.
  mutating func output(blocked: Bool, stalled: Bool, progressed: Bool, now: NIODeadline) {
    if !blocked {
      blockedSince = nil
    } else if progressed || blockedSince == nil {
      blockedSince = now
    }
    if !stalled {
      stalledSince = nil
    } else if progressed || stalledSince == nil {
      stalledSince = now
    }
  }

  /// Below so many waiting bytes a connection is not worth closing for the room.
  private static let worthwhile = 64 * 1024
  /// Less than so many bytes in `crowdedStallTimeout` is not reading.
  private static let readingPace = 4 * 1024

  /// So many response bytes wait now.
  mutating func held(bytes: Int, now: NIODeadline) {
    guard bytes > Self.worthwhile else { return held = nil }
    if let held, bytes > held.bytes - Self.readingPace {
      // More may have been added; what counts is that it gets less.
      self.held?.bytes = max(held.bytes, bytes)
    } else {
      held = (bytes, now)
    }
  }

  /// The graceful end begins. What to do, if it has not begun already.
  mutating func drain(reason: String, now: NIODeadline) -> Action? {
    guard case .serving = phase else { return nil }
    phase = .noticed(until: now + .seconds(1), reason: reason)
    return .shutdownNotice
  }

  /// The PING sent with the notice came back.
  mutating func noticeArrived(now: NIODeadline) -> Action? {
    guard case .noticed(_, let reason) = phase else { return nil }
    phase = .draining(until: configuration.maxConnectionAgeGrace.map { now + $0 })
    return .goAway(reason)
  }

  /// GOAWAY was submitted for what the peer did, and nothing is asked of it any more. False: the end was there before.
  mutating func terminated(reason: String, now: NIODeadline) -> Bool {
    switch phase {
    case .terminating, .over: return false
    case .serving, .noticed, .draining:
      phase = .terminating(until: now + Self.goodbye, reason: reason)
      return true
    }
  }

  var isDraining: Bool {
    if case .draining = phase { return true }
    return false
  }

  // MARK: - Time

  /// When to call `next` again, at the latest.
  var deadline: NIODeadline? {
    var earliest: NIODeadline?
    func consider(_ deadline: NIODeadline?) {
      guard let deadline else { return }
      earliest = earliest.map { min($0, deadline) } ?? deadline
    }
    switch phase {
    case .over: return nil
    case .terminating(let until, _): return until
    case .serving:
      consider(ageAt)
      if let limit = configuration.maxConnectionIdle { consider(idleSince.map { $0 + limit }) }
    case .noticed(let until, _): consider(until)
    case .draining(let until): consider(until)
    }
    consider(handshakeBy)
    consider(headersBy)
    consider(pongBy ?? lastReceived + configuration.keepaliveInterval)
    consider(blockedSince.map { $0 + configuration.writeTimeout })
    consider(held.map { $0.since + crowdedStallTimeout })
    if let limit = configuration.stallTimeout { consider(stalledSince.map { $0 + limit }) }
    return earliest
  }

  /// What is due; nil when nothing is. Call again until it is nil.
  mutating func next(now: NIODeadline) -> Action? {
    guard let action = due(now: now) else { return nil }
    // The only way out of this machine, so that no action that ends a connection can be given twice.
    switch action {
    case .ping: pongBy = now + configuration.keepaliveTimeout
    case .shutdownNotice, .goAway: break
    case .makeRoom: held?.since = now
    case .terminate(let reason): phase = .terminating(until: now + Self.goodbye, reason: reason)
    case .close: phase = .over
    }
    return action
  }

  /// How long a peer gets to take the last GOAWAY.
  private static let goodbye = TimeAmount.seconds(1)

  /// Asked again after that, so it must be some time.
  private var crowdedStallTimeout: TimeAmount { max(configuration.crowdedStallTimeout, .milliseconds(1)) }

  private mutating func due(now: NIODeadline) -> Action? {
    switch phase {
    case .over: return nil
    case .terminating(let until, let reason): return until <= now ? .close(reason) : nil
    case .serving, .noticed, .draining: break
    }
    if let handshakeBy, handshakeBy <= now { return .close("handshake timed out") }
    if let headersBy, headersBy <= now { return .terminate("header block timed out") }
    if let pongBy, pongBy <= now { return .close("keepalive timed out") }
    if let blockedSince, blockedSince + configuration.writeTimeout <= now { return .close("peer does not read") }
    if let limit = configuration.stallTimeout, let stalledSince, stalledSince + limit <= now {
      return .terminate("peer does not open its window")
    }
    if let held, held.since + crowdedStallTimeout <= now { return .makeRoom }
    switch phase {
    case .serving:
      if let ageAt, ageAt <= now { return drain(reason: "max_age", now: now) }
      if let limit = configuration.maxConnectionIdle, let idleSince, idleSince + limit <= now {
        return drain(reason: "max_idle", now: now)
      }
    case .noticed(let until, _):
      if until <= now { return noticeArrived(now: now) }
    case .draining(let until):
      if let until, until <= now { return .close("grace period is over") }
    case .terminating, .over: break
    }
    return pongBy == nil && lastReceived + configuration.keepaliveInterval <= now ? .ping : nil
  }
}
