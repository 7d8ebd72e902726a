import Jobs
import Support
import Synchronization
import Testing

@testable import RedisStorage

/// When a connection that was lost is made anew, under a clock that only the test turns.
@Suite(.needsRedis, .aside) struct RedisLineClockTests {
  /// A way to Redis that the test cuts.
  private final class Way: Sendable {
    let isCut = Atomic(true)
    let dials = Atomic(0)
    var isOpen: Bool { !isCut.load(ordering: .relaxed) }
  }

  private let way = Way()
  private let clock = TurnedClock(0)
  private let redis: RedisProcess
  private let line: RedisLine

  init() throws {
    redis = try RedisProcess([])
    let (way, clock) = (way, clock)
    var options = RedisOptions()
    options.reconnectDelay = .milliseconds(50)...(.milliseconds(300))
    options.makeTransport = { (target, _, deadline) throws(RedisTransportError) in
      way.dials.add(1, ordering: .relaxed)
      if !way.isOpen { throw .failed("cut") }
      return try SocketTransport(target, until: deadline)
    }
    let url = try #require(RedisURL(redis.url))
    let start = ContinuousClock.now
    line = RedisLine(RedisDialer(url: url, options: options), KnownStore(Layout(prefix: "{gkick}:"))) {
      start + .microseconds(clock.now)
    }
  }

  /// How often it was tried to connect for it.
  private func use(works: Bool) -> Int {
    let before = way.dials.load(ordering: .relaxed)
    var worked = true
    do {
      _ = try line.use { (session) throws(RedisFailure) in try session.ask(RedisCommand("PING")) }
    } catch { worked = false }
    #expect(worked == works)
    return way.dials.load(ordering: .relaxed) - before
  }

  private func turn(milliseconds: Int64) { clock.turn(to: clock.now + milliseconds * 1_000) }

  @Test func attemptsToConnectAreEverFurtherApart() {
    for _ in 0..<2 {
      way.isCut.store(true, ordering: .relaxed)
      #expect(use(works: false) == 1)
      for delay in [50, 100, 200, 300, 300] as [Int64] {
        // Whoever comes before the time is told what the last attempt found.
        turn(milliseconds: delay - 1)
        for _ in 0..<3 { #expect(use(works: false) == 0) }
        turn(milliseconds: 1)
        #expect(use(works: false) == 1)
      }
      way.isCut.store(false, ordering: .relaxed)
      turn(milliseconds: 299)
      #expect(use(works: false) == 0)
      turn(milliseconds: 1)
      #expect(use(works: true) == 1)
      // A connection that is there stays, however late; and the next loss begins with the shortest time again.
      turn(milliseconds: 3_600_000)
      #expect(use(works: true) == 0)
      redis.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
      #expect(use(works: false) == 0)
    }
  }

  @Test func repliesThatNobodyTookAreNotTheNextOnes() throws {
    way.isCut.store(false, ordering: .relaxed)
    #expect(throws: StoreError.self) {
      try line.use { (session) throws(RedisFailure) in
        try session.send([RedisCommand("ECHO", "first"), RedisCommand("ECHO", "second")])
        _ = try session.receive(1)
        throw .refused("GKTORN what came first made no sense")
      }
    }
    let heard = try line.use { (session) throws(RedisFailure) in
      var reply = try session.ask(RedisCommand("ECHO", "third"))
      return try reply.string()
    }
    #expect(heard == "third")
  }

  @Test func aClosedLineDoesNotConnect() {
    way.isCut.store(false, ordering: .relaxed)
    line.close()
    turn(milliseconds: 3_600_000)
    #expect(use(works: false) == 0)
  }
}
