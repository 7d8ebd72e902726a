import Engine
import Jobs
import Testing

/// The store fails: nobody is told what is not so, and afterwards everything goes on.
struct FailureTests {
  private func isFailed(_ reply: Reply?) -> Bool { if case .failed? = reply { true } else { false } }

  @Test(arguments: [FlakyStore.Point.enqueue, .claim, .commit])
  func anEnqueueThatFailsIsSaidToHaveAndLeavesNothing(_ point: FlakyStore.Point) {
    let rig = Rig()
    let worker = rig.connect("w")
    rig.store.failing = [point]
    let route = rig.route()
    rig.tick([.enqueue(EnqueueGroup(jobs: [NewJob(id: "a", name: "n")]), nil, route)])
    #expect(isFailed(rig.reply(to: route)))
    #expect(rig.state("a") == nil)
    if point == .commit {
      // The assignment had left: it is taken back.
      #expect(rig.jobs(worker).count == 1)
      #expect(rig.notices(worker).map(\.isLost) == [true])
    } else {
      #expect(rig.jobs(worker).isEmpty)
    }
    #expect(rig.worker("w")?.running == 0)
    rig.store.failing = []
    rig.enqueue(NewJob(id: "a", name: "n"))
    #expect(rig.jobs(worker).map(\.lease.jobID) == ["a"])
  }

  @Test(arguments: [FlakyStore.Point.settle, .commit])
  func anOutcomeThatFailsKeepsItsSlotAndCanBeSaidAgain(_ point: FlakyStore.Point) {
    let rig = Rig()
    let id = rig.enqueue()
    rig.enqueue()
    let worker = rig.connect("w")
    let lease = rig.jobs(worker).map(\.lease)
    rig.store.failing = [point]
    rig.succeed(worker, lease)
    #expect(rig.results(worker).map(\.isFailed) == [true])
    #expect(rig.state(id) == .running)
    rig.store.failing = []
    rig.run(for: .seconds(1))
    #expect(rig.worker("w")?.running == 1)
    rig.succeed(worker, lease)
    #expect(rig.results(worker).map(\.isStored) == [true])
    #expect(rig.jobs(worker).count == 1)
  }

  @Test func aWorkerThatCannotBeConnectedIsToldSo() {
    let rig = Rig()
    rig.store.failing = [.settle, .extend, .claim, .prune]
    rig.enqueue()
    let worker = rig.connect("w", held: [Lease(jobID: "x", token: 3)])
    guard case .failed? = rig.end(worker) else {
      Issue.record("connected")
      return
    }
    #expect(rig.updates(worker).isEmpty)
    rig.store.failing = []
    #expect(rig.updates(rig.connect("w")).first?.welcome != nil)
  }

  @Test func aTakeoverThatFailsLosesNothing() {
    let rig = Rig()
    let id = rig.enqueue()
    let first = rig.connect("w")
    let lease = rig.jobs(first).map(\.lease)
    rig.say(first, WorkerMessage(ackSeq: 1))
    rig.store.failing = [.extend]
    rig.connect("w", held: lease)
    rig.store.failing = []
    let third = rig.connect("w", held: lease)
    #expect(rig.updates(third).first?.welcome?.lost.isEmpty == true)
    #expect(rig.state(id) == .running)
    #expect(rig.worker("w")?.running == 1)
  }

  @Test func whatABrokenStreamGivesBackIsTriedAgain() {
    let rig = Rig()
    let id = rig.enqueue()
    let worker = rig.connect("w")
    #expect(rig.jobs(worker).count == 1)
    rig.store.failing = [.settle]
    rig.tick([.disconnect(worker)])
    #expect(rig.state(id) == .running)
    rig.store.failing = []
    rig.run(for: .seconds(2))
    #expect(rig.state(id) == .ready)
    #expect(rig.record(id)?.lost == 0)
  }

  @Test func aStoreThatFailsIsNotAskedInALoop() {
    let rig = Rig()
    rig.enqueue(NewJob(name: "n", runAt: rig.now + .seconds(1)))
    rig.store.failing = [.promote, .prune]
    rig.run(for: .seconds(20))
    #expect((rig.store.calls[.promote] ?? 0) + (rig.store.calls[.prune] ?? 0) < 40)
    rig.store.failing = []
    let worker = rig.connect("w")
    #expect(rig.jobs(worker, in: rig.effects + rig.run(for: .seconds(2))).count == 1)
  }

  @Test func aFetchThatFailsIsAnsweredSoAndAWaitingOneWaitsOn() {
    let rig = Rig()
    let waiting = rig.route()
    let fetch = Fetch(
      workerID: "f", subscriptions: [Subscription(pattern: QueuePattern("*"))], maxJobs: 3, maxWait: .seconds(50))
    rig.tick([.fetch(fetch, waiting)])
    rig.store.failing = [.claim]
    rig.enqueue()
    #expect(rig.reply(to: waiting) == nil)
    let late = rig.route()
    rig.store.failing = [.extend, .prune, .claim, .enqueue]
    rig.tick([.fetch(fetch, late), .enqueue(EnqueueGroup(jobs: [NewJob(name: "n")]), nil, rig.route())])
    #expect(isFailed(rig.reply(to: late)))
    rig.store.failing = []
    rig.enqueue()
    guard case .fetched(let jobs, _)? = rig.reply(to: waiting) else {
      Issue.record("not answered")
      return
    }
    #expect(jobs.count == 1)
  }

  @Test func reportsControlsAndSweepsOfAFailedTickAreAnsweredSo() {
    let rig = Rig()
    rig.store.failing = [.commit]
    let routes = (0..<5).map { _ in rig.route() }
    rig.tick([
      .control(.cancel(jobID: "x", reason: ""), routes[0]), .report(Report(workerID: "f"), routes[1]),
      .pause(queue: "q", true, routes[2]),
      .sweep(Sweep(action: .delete, queue: "q", states: [.ready]), routes[3]), .statistics(routes[4]),
    ])
    for route in routes[0..<4] { #expect(isFailed(rig.reply(to: route))) }
    guard case .statistics? = rig.reply(to: routes[4]) else {
      Issue.record("figures need no store")
      return
    }
    #expect(rig.store.isPaused("q") == false)
  }

  @Test func aSyncThatFailsIsTriedAgain() {
    let rig = Rig { $0.durability = .relaxed }
    rig.store.failing = [.sync]
    rig.enqueue()
    rig.run(for: .seconds(3))
    let tried = rig.store.calls[.sync] ?? 0
    #expect(tried > 1 && tried < 20)
    rig.store.failing = []
    rig.run(for: .seconds(3))
    #expect(rig.store.calls[.sync] == tried + 1)
  }

  @Test func theEventsOfAWorkerAreRecordedOnceTheStoreIsBack() throws {
    let rig = Rig()
    rig.store.failing = [.commit]
    let worker = rig.connect("w")
    rig.store.failing = []
    rig.run(for: .seconds(1))
    rig.tick([.disconnect(worker)])
    rig.tick()
    guard case .events(let events, _) = try rig.store.reader.events(after: 0, limit: 10) else { return }
    #expect(events.map(\.kind) == [.workerConnected, .workerDisconnected])
  }
}
