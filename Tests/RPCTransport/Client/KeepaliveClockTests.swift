import NIOCore
import Support
import Testing

@testable import RPCTransport

struct KeepaliveClockTests {
  private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

  @Test func asksAfterSilenceAndGivesUpOnce() {
    var clock = KeepaliveClock(ClientKeepalive(time: .seconds(20), timeout: .seconds(10)), now: start)
    #expect(clock.deadline == start + .seconds(20))
    #expect(clock.next(now: start + .seconds(19), hasCalls: true) == nil)
    #expect(clock.next(now: start + .seconds(20), hasCalls: true) == .ping)
    #expect(clock.next(now: start + .seconds(20), hasCalls: true) == nil)
    #expect(clock.deadline == start + .seconds(30))
    #expect(clock.next(now: start + .seconds(30), hasCalls: true) == .giveUp)
    #expect(clock.next(now: start + .seconds(30), hasCalls: true) == nil)
    #expect(clock.deadline == nil)
    clock.received(now: start + .seconds(31))
    #expect(clock.deadline == nil)
  }

  @Test func whateverComesProvesThatTheServerIsThere() {
    var clock = KeepaliveClock(ClientKeepalive(time: .seconds(20), timeout: .seconds(10)), now: start)
    #expect(clock.next(now: start + .seconds(20), hasCalls: true) == .ping)
    clock.received(now: start + .seconds(25))
    #expect(clock.next(now: start + .seconds(30), hasCalls: true) == nil)
    #expect(clock.deadline == start + .seconds(45))
  }

  @Test func withoutCallsItAsksOnlyIfToldTo() {
    var quiet = KeepaliveClock(ClientKeepalive(withoutCalls: false), now: start)
    #expect(quiet.next(now: start + .seconds(20), hasCalls: false) == nil)
    #expect(quiet.deadline == start + .seconds(40))
    var asking = KeepaliveClock(ClientKeepalive(), now: start)
    #expect(asking.next(now: start + .seconds(20), hasCalls: false) == .ping)
    #expect(KeepaliveClock(nil, now: start).deadline == nil)
  }

  @Test func aProcessThatWasSuspendedReadsFirst() {
    var clock = KeepaliveClock(ClientKeepalive(time: .seconds(20), timeout: .seconds(10)), now: start)
    #expect(clock.next(now: start + .seconds(20), hasCalls: true) == .ping)
    let late = start + .seconds(3_600)
    #expect(clock.next(now: late, hasCalls: true) == nil)
    #expect(clock.deadline == late + .seconds(10))
    #expect(clock.next(now: late + .seconds(10), hasCalls: true) == .giveUp)
  }

  @Test func noOrderOfEventsMakesItSpin() {
    var random = SeededGenerator(seed: 3)
    for _ in 0..<2_000 {
      let keepalive = ClientKeepalive(
        time: .milliseconds(.random(in: 0...20, using: &random)),
        timeout: .milliseconds(.random(in: 0...20, using: &random)), withoutCalls: .random(using: &random))
      var now = start
      var clock = KeepaliveClock(keepalive, now: now)
      var ends = 0
      for _ in 0..<40 {
        now = now + .milliseconds(.random(in: 0...30, using: &random))
        if Bool.random(using: &random) { clock.received(now: now) }
        var asked = 0
        while let action = clock.next(now: now, hasCalls: .random(using: &random)) {
          asked += 1
          if action == .giveUp { ends += 1 }
          guard asked < 4 else { break }
        }
        #expect(asked < 4)
        #expect(ends <= 1)
        if let deadline = clock.deadline { #expect(deadline > now) }
      }
    }
  }
}
