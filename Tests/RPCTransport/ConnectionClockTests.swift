import NIOCore
import Support
import Testing

@testable import RPCTransport

struct ConnectionClockTests {
  private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

  private func clock(_ change: (inout ServerConfiguration) -> Void = { _ in }) -> ConnectionClock {
    var configuration = ServerConfiguration()
    change(&configuration)
    var clock = ConnectionClock(configuration, now: start, jitter: 0)
    clock.handshakeCompleted()
    return clock
  }

  @Test func whoHoldsResponsesAndDoesNotReadIsToMakeRoom() {
    var clock = clock()
    clock.held(bytes: 1_000_000, now: start)
    clock.held(bytes: 1_000_000 - 100, now: start + .milliseconds(400))
    #expect(clock.next(now: start + .milliseconds(499)) == nil)
    #expect(clock.deadline == start + .milliseconds(500))
    #expect(clock.next(now: start + .milliseconds(500)) == .makeRoom)
    #expect(clock.next(now: start + .milliseconds(500)) == nil)
    #expect(clock.deadline == start + .seconds(1))
  }

  @Test func whoReadsIsLeftAlone() {
    var clock = clock()
    for step in 0..<20 {
      let now = start + .milliseconds(Int64(step) * 400)
      clock.held(bytes: 1_000_000 - step * 5000, now: now)
      #expect(clock.next(now: now) == nil)
    }
    clock.held(bytes: 1000, now: start + .seconds(8))
    #expect(clock.next(now: start + .seconds(9)) == nil)
  }

  // MARK: - Every action, each to the end of the machine

  @Test func aHandshakeThatDoesNotEndIsClosed() {
    var clock = ConnectionClock(ServerConfiguration(), now: start, jitter: 0)
    expect(&clock, [.close("handshake timed out")])
  }

  @Test func aHeaderBlockThatDoesNotEndIsTerminatedOnce() {
    var clock = clock()
    clock.headerBlock(isOpen: true, now: start)
    #expect(clock.deadline == start + .seconds(10))
    expect(&clock, [.terminate("header block timed out"), .close("header block timed out")])
  }

  @Test func aWindowThatStaysShutIsTerminatedOnce() {
    var clock = clock()
    clock.output(blocked: false, stalled: true, progressed: true, now: start)
    #expect(clock.deadline == start + .seconds(120))
    expect(&clock, [.terminate("peer does not open its window"), .close("peer does not open its window")])
  }

  @Test func aSocketThatTakesNothingIsClosed() {
    var clock = clock()
    clock.output(blocked: true, stalled: true, progressed: true, now: start)
    expect(&clock, [.close("peer does not read")])
  }

  @Test func silenceIsAskedAboutAndThenClosed() {
    var clock = clock { $0.keepaliveInterval = .seconds(30) }
    expect(&clock, [.ping, .close("keepalive timed out")])
    var answered = self.clock { $0.keepaliveInterval = .seconds(30) }
    #expect(answered.next(now: start + .seconds(30)) == .ping)
    answered.received(now: start + .seconds(31))
    #expect(answered.deadline == start + .seconds(61))
  }

  @Test func anOldConnectionIsAskedToGoAndThenClosed() {
    var clock = clock {
      $0.maxConnectionAge = .seconds(60)
      $0.maxConnectionAgeGrace = .seconds(5)
    }
    expect(&clock, [.shutdownNotice, .goAway("max_age"), .close("grace period is over")])
  }

  @Test func anIdleConnectionIsAskedToGo() {
    var clock = clock {
      $0.maxConnectionIdle = .seconds(60)
      $0.keepaliveInterval = .seconds(3_600)
    }
    clock.streams(open: 1, now: start)
    #expect(clock.next(now: start + .seconds(600)) == nil)
    clock.streams(open: 0, now: start + .seconds(600))
    #expect(clock.next(now: start + .seconds(660)) == .shutdownNotice)
    #expect(clock.noticeArrived(now: start + .seconds(660)) == .goAway("max_idle"))
    #expect(clock.isDraining)
  }

  @Test func whatEndsForAnotherReasonIsClosedSoonAndAsksNothingMore() {
    var clock = clock()
    clock.headerBlock(isOpen: true, now: start)
    #expect(clock.terminated(reason: "too_many_pings", now: start) == true)
    #expect(clock.terminated(reason: "again", now: start) == false)
    expect(&clock, [.close("too_many_pings")])
    #expect(clock.terminated(reason: "again", now: start + .seconds(60)) == false)
    #expect(clock.drain(reason: "late", now: start + .seconds(60)) == nil)
  }

  /// All limits at once, zero ones among them, and anything that can happen in any order: asking always comes to an end, the next time
  /// that something is due lies ahead, and the machine ends within the longest of its limits once the peer does nothing.
  @Test func noOrderOfEventsMakesItSpin() {
    var random = SeededGenerator(seed: 9)
    for _ in 0..<3_000 {
      var configuration = ServerConfiguration()
      func time(_ range: ClosedRange<Int64>) -> TimeAmount { .milliseconds(.random(in: range, using: &random)) }
      configuration.handshakeTimeout = time(0...20)
      configuration.headerTimeout = time(0...20)
      configuration.writeTimeout = time(0...20)
      configuration.stallTimeout = Bool.random(using: &random) ? time(0...40) : nil
      configuration.keepaliveInterval = time(0...30)
      configuration.keepaliveTimeout = time(0...10)
      configuration.crowdedStallTimeout = time(0...10)
      configuration.maxConnectionIdle = Bool.random(using: &random) ? time(0...50) : nil
      configuration.maxConnectionAge = Bool.random(using: &random) ? time(0...100) : nil
      configuration.maxConnectionAgeGrace = Bool.random(using: &random) ? time(0...30) : nil
      var now = start
      var clock = ConnectionClock(configuration, now: now, jitter: .random(in: -1...1, using: &random))
      var ends = 0
      for _ in 0..<60 {
        now = now + time(0...15)
        switch Int.random(in: 0..<9, using: &random) {
        case 0: clock.received(now: now)
        case 1: clock.handshakeCompleted()
        case 2: clock.headerBlock(isOpen: .random(using: &random), now: now)
        case 3: clock.streams(open: .random(in: 0...1, using: &random), now: now)
        case 4:
          clock.output(
            blocked: .random(using: &random), stalled: .random(using: &random), progressed: .random(using: &random),
            now: now)
        case 5: clock.held(bytes: .random(in: 0...200_000, using: &random), now: now)
        case 6: _ = clock.drain(reason: "test", now: now)
        case 7: _ = clock.noticeArrived(now: now)
        default: break
        }
        ends += ask(&clock, now: now).count { if case .close = $0 { true } else { false } }
      }
      #expect(ends <= 1)
      let rest = run(&clock, from: now)
      ends += rest.count { if case .close = $0 { true } else { false } }
      #expect(ends == 1)
    }
  }

  private func expect(_ clock: inout ConnectionClock, _ actions: [ConnectionClock.Action]) {
    let done = run(&clock)
    #expect(done == actions)
  }

  /// What is due now, asked for as the connection does.
  private func ask(_ clock: inout ConnectionClock, now: NIODeadline) -> [ConnectionClock.Action] {
    var actions: [ConnectionClock.Action] = []
    while let action = clock.next(now: now) {
      actions.append(action)
      guard actions.count <= 8 else {
        Issue.record("spins: \(actions)")
        break
      }
    }
    if let deadline = clock.deadline, deadline <= now { Issue.record("due at once again: \(actions)") }
    return actions
  }

  /// All actions of a connection whose peer does nothing any more, until nothing is due.
  private func run(_ clock: inout ConnectionClock, from: NIODeadline? = nil) -> [ConnectionClock.Action] {
    var actions = from.map { ask(&clock, now: $0) } ?? []
    while let deadline = clock.deadline {
      // Making room is asked for again and again; others that wait decide.
      for action in ask(&clock, now: deadline) where action != .makeRoom || actions.last != .makeRoom {
        actions.append(action)
      }
      guard actions.count < 12 else {
        Issue.record("does not end: \(actions)")
        break
      }
    }
    return actions
  }
}
