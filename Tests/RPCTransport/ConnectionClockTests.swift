import NIOCore
import Testing

@testable import RPCTransport

struct ConnectionClockTests {
  private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

  private func clock() -> ConnectionClock {
    var clock = ConnectionClock(ServerConfiguration(), now: start, jitter: 0)
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
}
