import Glibc
import Jobs
import NIOEmbedded
import RPC
import Support
import Synchronization
import Testing

@testable import Services

/// Who leads, and every time that it depends on, under a clock that only the test turns.
@Suite(.timeLimit(.minutes(1))) struct NamespaceClockTests {
  /// A storage's leadership that says what the test has it say, and keeps what it was asked, and when.
  private final class ScriptedLeadership: Leadership {
    struct Script {
      /// Who leads; nil: whoever asks may.
      var leader: String?
      var failure: StoreError?
      var isDeposed = false
      var asked: [(what: String, at: Int64)] = []
    }
    let script = Mutex(Script())
    let clock: TurnedClock

    init(_ clock: TurnedClock) { self.clock = clock }

    private func note(_ what: String) throws(StoreError) {
      let failure = script.withLock { script in
        script.asked.append((what, clock.now))
        return script.failure
      }
      if let failure { throw failure }
    }

    func secret() throws(StoreError) -> [UInt8] { [1, 2] }
    func announce(_ server: ServerRecord) throws(StoreError) { try note("announce") }
    func leave(_ serverID: String) throws(StoreError) { try note("leave") }

    func servers() throws(StoreError) -> [ServerRecord] {
      try note("servers")
      guard let leader = script.withLock({ $0.leader }) else { return [] }
      return [
        ServerRecord(
          id: leader, address: "\(leader):1", version: "1", startedAt: Timestamp(seconds: 1),
          lastSeenAt: Timestamp(seconds: 1), leads: true)
      ]
    }

    func seek(_ serverID: String, term: Interval) throws(StoreError) -> Leading {
      try note("seek \(term.microseconds / 1_000)")
      return script.withLock { script in
        if let leader = script.leader, leader != serverID {
          return .elsewhere(serverID: leader, address: leader + ":1")
        }
        script.leader = serverID
        return .here(Epoch(7))
      }
    }

    func renew(_ serverID: String, epoch: Epoch) throws(StoreError) {
      try note("renew")
      if script.withLock({ $0.isDeposed }) { throw StoreError(.deposed, "another epoch has begun") }
    }

    func resign(_ serverID: String, epoch: Epoch) throws(StoreError) {
      try note("resign")
      script.withLock { $0.leader = nil }
    }
  }

  private final class Term: LeadingTerm {
    let methods = MethodTable()
    let hangs = Atomic(false)
    let stops = Atomic(0)
    func standsStill(now: Int64) -> Bool { hangs.load(ordering: .relaxed) }
    func stop() async { stops.add(1, ordering: .relaxed) }
  }

  private final class NoChannel: LeaderChannel {
    func open(
      _ path: String, metadata: Metadata, options: CallOptions,
      _ makeHandler: @escaping @Sendable () -> any ClientCallHandler
    ) {}
    func close() {}
  }

  private final class Notes: Sendable {
    let told = Mutex<[String]>([])
    let cannotBegin = Atomic(false)
  }

  private final class Scene: Sendable {
    let clock = TurnedClock()
    let leadership: ScriptedLeadership
    let space: Namespace
    let term = Term()
    let notes = Notes()
    let loop = NIOAsyncTestingEventLoop()

    init() {
      let (clock, notes, term) = (clock, notes, term)
      leadership = ScriptedLeadership(clock)
      var configuration = Namespace.Configuration(serverID: "me", version: "1", startedAt: Timestamp(seconds: 1))
      configuration.clock = { clock.now }
      configuration.tell = { news in
        let word =
          switch news {
          case .follows(let id, _): "follows \(id)"
          case .starts: "starts"
          case .leads: "leads"
          case .cannotLead: "cannot lead"
          case .ended(let reason): "ended: \(reason)"
          case .failing: "failing"
          }
        notes.told.withLock { $0.append(word) }
      }
      space = Namespace(
        leadership: leadership, configuration: configuration, group: loop, connect: { _, _ in NoChannel() },
        begin: { _, _ in
          if notes.cannotBegin.load(ordering: .relaxed) { throw StoreError(.unusable, "damaged") }
          return term
        })
    }

    func start() {
      space.start(address: "me:1", ownAddress: "me:1")
      settle()
    }

    /// Until its thread sleeps.
    func settle() { while space.office.sleepsUntil == nil { sched_yield() } }

    /// Lets so much time pass, from one time at which the thread wakes to the next.
    func pass(milliseconds: Int64) {
      let end = clock.now + milliseconds * 1_000
      while true {
        settle()
        guard let next = space.office.sleepsUntil else { continue }
        clock.turn(to: min(next, end))
        if next > end { return }
        space.office.clockTurned()
        settle()
        if next == end { return }
      }
    }

    /// A term begins, or ends, in a task: it is told when it has.
    func wait(for word: String) async {
      while !Task.isCancelled, !notes.told.withLock({ $0.contains(word) }) { await Task.yield() }
      settle()
    }

    var asked: [(what: String, at: Int64)] { leadership.script.withLock { $0.asked } }
    func count(_ what: String, since time: Int64) -> Int {
      asked.count { $0.at > time && $0.what.hasPrefix(what) }
    }
    func say(_ change: (inout ScriptedLeadership.Script) -> Void) { leadership.script.withLock { change(&$0) } }
    func has(_ word: String) -> Int { notes.told.withLock { told in told.count { $0 == word } } }

    func stop() async {
      let task = Task { await space.stop() }
      // What a term's end takes is not measured.
      await task.value
      await loop.shutdownGracefully()
    }
  }

  @Test func aLeaderSaysSoFiveTimesASecond() async {
    let scene = Scene()
    scene.start()
    await scene.wait(for: "leads")
    let start = scene.clock.now
    scene.pass(milliseconds: 10_000)
    #expect((49...51).contains(scene.count("renew", since: start)))
    #expect((9...11).contains(scene.count("announce", since: start)))
    #expect(scene.count("seek", since: start) == 0)
    #expect(scene.space.status.leads)
    await scene.stop()
    #expect(scene.count("resign", since: 0) == 1)
    #expect(scene.count("leave", since: 0) == 1)
    #expect(scene.term.stops.load(ordering: .relaxed) == 1)
  }

  @Test func aLeaderThatCannotBeReachedIsSuspectedForThreeSeconds() async throws {
    let scene = Scene()
    scene.say { $0.leader = "other" }
    scene.start()
    #expect(scene.has("follows other") == 1)
    // Looked after at every beat, and given its whole term.
    let start = scene.clock.now
    scene.pass(milliseconds: 2_000)
    #expect((9...11).contains(scene.count("seek 2000", since: start)))
    let found = scene.clock.now
    scene.space.office.post(.lost(LeaderTarget(serverID: "other", address: "other:1", number: 1), true))
    scene.settle()
    scene.pass(milliseconds: 2_900)
    #expect(scene.count("seek 500", since: found - 1) >= 14)
    #expect(scene.count("seek 2000", since: found + 1_000) == 0)
    scene.pass(milliseconds: 400)
    let later = scene.clock.now
    scene.pass(milliseconds: 2_000)
    #expect(scene.count("seek 500", since: later) == 0)
    // One that is only slow, or somebody else's, is not suspected.
    scene.space.office.post(.lost(LeaderTarget(serverID: "nobody", address: "nobody:1", number: 1), true))
    scene.space.office.post(.lost(LeaderTarget(serverID: "other", address: "other:1", number: 1), false))
    scene.settle()
    scene.pass(milliseconds: 1_000)
    #expect(scene.count("seek 500", since: later) == 0)
    await scene.stop()
  }

  @Test func whoLooksForALeaderAsksTwentyTimesASecond() async {
    let scene = Scene()
    scene.say { $0.failure = StoreError(.unavailable, "away") }
    scene.start()
    let start = scene.clock.now
    scene.pass(milliseconds: 1_000)
    #expect((18...22).contains(scene.count("seek", since: start)))
    await scene.stop()
  }

  @Test func aLeaderWhoseStoreIsAwayLeadsOnUntilItHearsOfAnother() async {
    let scene = Scene()
    scene.start()
    await scene.wait(for: "leads")
    scene.say { $0.failure = StoreError(.unavailable, "away") }
    scene.pass(milliseconds: 60_000)
    #expect(scene.has("failing") == 1)
    #expect(scene.space.status.leads)
    #expect(scene.space.status.renewedAgo >= .seconds(59))
    scene.say {
      $0.failure = nil
      $0.isDeposed = true
      $0.leader = "other"
    }
    scene.pass(milliseconds: 300)
    await scene.wait(for: "ended: another epoch has begun")
    #expect(!scene.space.status.leads)
    while !Task.isCancelled, scene.term.stops.load(ordering: .relaxed) == 0 { await Task.yield() }
    // It follows as soon as nothing of its term is left.
    for _ in 0..<1_000 where scene.has("follows other") == 0 {
      scene.pass(milliseconds: 200)
      await Task.yield()
    }
    #expect(scene.has("follows other") == 1)
    await scene.stop()
  }

  @Test func anEngineThatHangsDoesNotKeepTheLead() async {
    let scene = Scene()
    scene.start()
    await scene.wait(for: "leads")
    scene.term.hangs.store(true, ordering: .relaxed)
    let start = scene.clock.now
    scene.say { $0.leader = "other" }
    scene.pass(milliseconds: 1_000)
    await scene.wait(for: "ended: the engine does not move")
    // It was not renewed once more: others may lead when its term is over.
    #expect(scene.count("renew", since: start) == 0)
    await scene.stop()
  }

  @Test func afterTheStoreWasAwayTheOneThatLedComesFirst() async {
    let scene = Scene()
    scene.say { $0.leader = "other" }
    scene.start()
    scene.say { $0.failure = StoreError(.unavailable, "away") }
    scene.pass(milliseconds: 10_000)
    scene.say { $0.failure = nil }
    let back = scene.clock.now
    scene.pass(milliseconds: 900)
    #expect(scene.count("seek", since: back) <= 1, "the one that found the store back")
    #expect(scene.count("servers", since: back) >= 3)
    scene.pass(milliseconds: 600)
    #expect(scene.count("seek", since: back + 900_000) >= 1)
    await scene.stop()
  }

  @Test func afterAnAttemptThatFailedAnotherMayTryFirst() async {
    let scene = Scene()
    scene.notes.cannotBegin.store(true, ordering: .relaxed)
    scene.start()
    await scene.wait(for: "cannot lead")
    #expect(scene.count("resign", since: 0) == 1)
    let start = scene.clock.now
    scene.pass(milliseconds: 900)
    #expect(scene.count("seek", since: start) == 0)
    scene.notes.cannotBegin.store(false, ordering: .relaxed)
    scene.pass(milliseconds: 200)
    #expect(scene.count("seek", since: start) == 1)
    await scene.wait(for: "leads")
    await scene.stop()
  }

  @Test func whoStepsDownDoesNotLeadAgain() async {
    let scene = Scene()
    scene.start()
    await scene.wait(for: "leads")
    async let down: Void = scene.space.stepDown()
    while !Task.isCancelled, scene.term.stops.load(ordering: .relaxed) == 0 { await Task.yield() }
    await down
    #expect(scene.count("resign", since: 0) == 1)
    let start = scene.clock.now
    // Nobody leads, and it only listens.
    scene.pass(milliseconds: 5_000)
    #expect(scene.count("seek", since: start) == 0)
    #expect(scene.count("servers", since: start) > 10)
    await scene.stop()
  }
}
