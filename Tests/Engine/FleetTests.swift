import Engine
import Jobs
import Testing

/// Several servers on one store: their workers, and what moves from one to another.
struct FleetTests {
  private let others = OtherServers()

  private func rig(_ configure: (inout EngineConfiguration) -> Void = { _ in }) -> Rig {
    Rig(configure, others: others)
  }

  private func worker(
    _ id: String, queues: [String] = ["*"], names: [String] = [], most: UInt32 = 1, running: UInt32 = 0,
    seen: Timestamp
  ) -> WorkerView {
    WorkerView(
      workerID: id, serverID: "s2", queues: queues, names: names, maxInFlight: most, running: running,
      connectedAt: seen, lastSeenAt: seen, address: "b")
  }

  private func reasons(_ rig: Rig, _ id: String) -> [String] {
    guard let record = rig.record(id) else { return ["no job"] }
    let route = rig.route()
    rig.tick([.explain(record, route)])
    guard case .explained(let explanation)? = rig.reply(to: route) else { return ["not explained"] }
    return explanation.reasons.map(\.text)
  }

  // MARK: Who is there

  @Test func theOthersKnowOfAWorkerBeforeItIsWelcomed() {
    let rig = rig()
    #expect(others.published.isEmpty, "a server without workers has nothing to tell")
    rig.connect("w1", most: 3)
    #expect(others.published.last?.map(\.workerID) == ["w1"])
    #expect(others.published.last?.first?.serverID == "s1")
    #expect(others.arrived == ["w1"])
  }

  @Test func whatIsToldIsNeverOlderThanASecond() {
    let rig = rig()
    let route = rig.connect("w1")
    rig.enqueue()
    let before = others.published.count
    rig.run(for: .seconds(1))
    #expect(others.published.count == before + 1)
    #expect(others.published.last?.first?.running == 1)
    rig.tick([.work(WorkerMessage(ackSeq: 1), route)])
    rig.tick([.disconnect(route)])
    rig.run(for: .seconds(1))
    #expect(others.published.last?.isEmpty == true)
    let after = others.published.count
    rig.run(for: .seconds(10))
    #expect(others.published.count == after, "and then there is nothing to tell")
  }

  @Test func aListThatCannotBeToldIsToldLaterAndWakesNobodyMeanwhile() {
    let rig = rig()
    others.isFailing = true
    rig.store.failing = [.settle, .claim, .promote, .prune, .commit]
    rig.connect("w1")
    rig.tick()
    for _ in 0..<20 {
      guard let wake = rig.engine.nextWake else { break }
      #expect(wake > rig.now, "it does not ask again and again")
      rig.pass(wake - rig.now)
      rig.tick()
    }
    others.isFailing = false
    rig.store.failing = []
    rig.connect("w1")
    rig.run(for: .seconds(3))
    #expect(others.published.last?.map(\.workerID) == ["w1"])
  }

  @Test func theListHasTheWorkersOfAllServersEachOnce() {
    let rig = rig()
    rig.connect("w1")
    others.workers = [
      worker("w2", seen: rig.now), worker("w1", seen: rig.now - .seconds(2)),
    ]
    let route = rig.route()
    rig.tick([.workers(route)])
    guard case .workers(let views)? = rig.reply(to: route) else {
      Issue.record("no list")
      return
    }
    #expect(views.map(\.workerID) == ["w1", "w2"])
    #expect(views.map(\.serverID) == ["s1", "s2"], "the one that died does not have it any more")
  }

  @Test func aWorkerOfAnotherServerIsDrainedThere() {
    let rig = rig()
    rig.connect("w1")
    others.workers = [worker("w2", seen: rig.now)]
    for (id, isKnown) in [("w1", true), ("w2", true), ("w3", false)] {
      let route = rig.route()
      rig.tick([.drainWorker(id: id, route)])
      switch rig.reply(to: route) {
      case .done?: #expect(isKnown)
      case .notFound?: #expect(!isKnown)
      default: Issue.record("\(id) is not answered")
      }
    }
    #expect(others.drained == ["w2"])
    let here = rig.connect("w4")
    rig.tick([.signal(.drain(workerID: "w4"))])
    guard case .drained? = rig.end(here) else {
      Issue.record("not ended")
      return
    }
  }

  // MARK: Why a job waits

  @Test func workersElsewhereCountForWhyAJobWaits() {
    let rig = rig()
    let id = rig.enqueue(NewJob(queue: "q", name: "n"))
    #expect(reasons(rig, id) == ["no worker takes queue \"q\""])
    others.workers = [worker("w2", queues: ["q"], names: ["m"], seen: rig.now)]
    #expect(reasons(rig, id) == ["no worker takes name \"n\" from queue \"q\""])
    others.workers = [worker("w2", queues: ["q"], most: 2, running: 2, seen: rig.now)]
    #expect(reasons(rig, id) == ["the only worker that takes it is busy: w2 (2 of 2)"])
    others.workers = [worker("w2", queues: ["q"], most: 2, running: 1, seen: rig.now)]
    #expect(reasons(rig, id).isEmpty)
  }

  // MARK: Moving

  @Test func aWorkerThatWentToAnotherServerKeepsWhatItTookAlong() {
    let rig = rig()
    let kept = rig.enqueue()
    let left = rig.enqueue()
    let route = rig.connect("w1", most: 2, window: .seconds(60))
    rig.say(route, WorkerMessage(ackSeq: rig.updates(route).last?.seq ?? 1))
    guard let lease = rig.lease(of: kept) else {
      Issue.record("not running")
      return
    }
    // What the other server does when it has said hello there with one of its two jobs.
    rig.pass(.seconds(1))
    _ = rig.store.base.extend([Extension(lease: lease, until: rig.now + .seconds(300))], now: rig.now)
    _ = rig.store.base.commit(.relaxed)
    rig.tick([.signal(.arrived(workerID: "w1", at: rig.now))])
    guard case .takenOver? = rig.end(route) else {
      Issue.record("not ended")
      return
    }
    rig.run(for: .milliseconds(10))
    #expect(rig.state(kept) == .running)
    #expect(rig.record(kept)?.leaseUntil ?? .distantPast > rig.now + .seconds(200))
    #expect(rig.state(left) == .ready)
    #expect(rig.record(left)?.lost == 1)
    #expect(rig.worker("w1") == nil)
  }

  @Test func aBrokenStreamDoesNotTakeAwayWhatAnotherServerHasRenewed() {
    let rig = rig()
    let id = rig.enqueue()
    let route = rig.connect("w1")
    rig.say(route, WorkerMessage(ackSeq: 1))
    guard let lease = rig.lease(of: id) else {
      Issue.record("not running")
      return
    }
    rig.pass(.seconds(1))
    _ = rig.store.base.extend([Extension(lease: lease, until: rig.now + .seconds(300))], now: rig.now)
    _ = rig.store.base.commit(.relaxed)
    rig.tick([.disconnect(route)])
    rig.tick()
    #expect(rig.state(id) == .running)
  }

  @Test func aStreamThatCameLaterThanTheOtherServersStays() {
    let rig = rig()
    let route = rig.connect("w1")
    rig.tick([.signal(.arrived(workerID: "w1", at: rig.now - .seconds(1)))])
    if rig.end(route) != nil { Issue.record("ended") }
    #expect(rig.worker("w1") != nil)
  }

  // MARK: Standing still

  @Test func afterAPauseLeasesWaitForTheirWorkersToBeHeard() {
    let rig = rig { $0.lease = .seconds(3) }
    let heard = rig.enqueue()
    let first = rig.connect("w1")
    rig.say(first, WorkerMessage(ackSeq: 1))
    let silent = rig.enqueue()
    let second = rig.connect("w2")
    rig.say(second, WorkerMessage(ackSeq: 1))
    // Beyond the lease; what the workers said meanwhile is read a little later.
    rig.pass(.seconds(5))
    rig.tick()
    #expect(rig.state(heard) == .running && rig.state(silent) == .running)
    rig.pass(.milliseconds(20))
    rig.say(first)
    rig.run(for: .seconds(1))
    #expect(rig.record(heard)?.lost == 0)
    #expect(rig.state(heard) == .running)
    #expect(rig.record(silent)?.lost == 1)
  }

  @Test(arguments: [true, false]) func afterAPauseOldNewsOfAWorkerThatHasGoneTakesNothingAway(isTold: Bool) {
    let rig = rig { $0.lease = .seconds(3) }
    let id = rig.enqueue()
    let route = rig.connect("w1")
    rig.say(route, WorkerMessage(ackSeq: 1))
    guard let lease = rig.lease(of: id) else {
      Issue.record("not running")
      return
    }
    // Meanwhile the worker went to another server.
    rig.pass(.seconds(2))
    let moved = rig.now
    _ = rig.store.base.extend([Extension(lease: lease, until: moved + .seconds(3))], now: moved)
    _ = rig.store.base.commit(.relaxed)
    rig.pass(.seconds(2))
    rig.tick()
    // What it said before that is read first ...
    rig.pass(.milliseconds(10))
    rig.say(route)
    rig.pass(.milliseconds(10))
    // ... and then that it has gone.
    rig.tick([isTold ? .signal(.arrived(workerID: "w1", at: moved)) : .disconnect(route)])
    rig.tick()
    #expect(rig.state(id) == .running)
    #expect(rig.record(id)?.lost == 0)
  }

  @Test func whatAnotherServerGaveToOthersMeanwhileIsToldAsLost() {
    let rig = rig { $0.lease = .seconds(3) }
    let id = rig.enqueue()
    let route = rig.connect("w1")
    rig.say(route, WorkerMessage(ackSeq: 1))
    guard let lease = rig.lease(of: id) else {
      Issue.record("not running")
      return
    }
    rig.pass(.seconds(5))
    _ = rig.store.base.settle([Settlement(lease: lease, outcome: .lost)], now: rig.now)
    _ = rig.store.base.commit(.relaxed)
    var heard = rig.tick()
    rig.pass(.milliseconds(20))
    heard += rig.tick([.work(WorkerMessage(), route)])
    heard += rig.run(for: .seconds(1))
    #expect(rig.notices(route, in: heard).map(\.lease) == [lease])
    rig.succeed(route, [lease])
    #expect(rig.results(route).map(\.isNotHeld) == [true])
  }
}
