import Engine
import Jobs
import Testing

/// Broken streams: what goes back, what is kept, who takes over.
struct ResumeTests {
  @Test func whatWasNotConfirmedGoesToOthersAtOnceAndCostsNothing() {
    let rig = Rig()
    let id = rig.enqueue()
    let worker = rig.connect("w1", window: .seconds(60))
    #expect(rig.jobs(worker).count == 1)
    let other = rig.connect("w2")
    rig.tick([.disconnect(worker)])
    #expect(rig.jobs(other).first?.lease.jobID == id)
    #expect(rig.jobs(other).first?.attempt == 1)
    #expect(rig.record(id)?.lost == 0)
  }

  @Test func whatWasConfirmedIsLostAtOnceWithoutAWindow() {
    let rig = Rig()
    let id = rig.enqueue()
    let worker = rig.connect("w1")
    rig.say(worker, WorkerMessage(ackSeq: 1))
    let other = rig.connect("w2")
    rig.tick([.disconnect(worker)])
    #expect(rig.jobs(other).first?.attempt == 2)
    #expect(rig.record(id)?.lost == 1)
  }

  @Test func whatWasConfirmedIsKeptForTheWindow() {
    let rig = Rig()
    let id = rig.enqueue()
    let worker = rig.connect("w1", window: .seconds(5))
    rig.say(worker, WorkerMessage(ackSeq: 1))
    let other = rig.connect("w2")
    rig.tick([.disconnect(worker)])
    #expect(rig.jobs(other).isEmpty)
    var heard: [Effect] = []
    for _ in 0..<49 { heard += rig.run(for: .milliseconds(100)) + rig.tick([.work(WorkerMessage(), other)]) }
    #expect(rig.jobs(other, in: heard).isEmpty)
    heard = rig.run(for: .milliseconds(101))
    #expect(rig.jobs(other, in: heard).first?.lease.jobID == id)
    #expect(rig.record(id)?.lost == 1)
  }

  @Test func aWorkerBackWithinItsWindowKeepsWhatItHolds() {
    let rig = Rig { $0.lease = .seconds(3) }
    let id = rig.enqueue()
    let first = rig.connect("w1", window: .seconds(20))
    let lease = rig.jobs(first).map(\.lease)
    rig.say(first, WorkerMessage(ackSeq: 1))
    rig.tick([.disconnect(first)])
    rig.run(for: .seconds(15))
    let second = rig.connect("w1", window: .seconds(20), held: lease)
    #expect(rig.updates(second).first?.welcome?.lost.isEmpty == true)
    #expect(rig.worker("w1")?.running == 1)
    rig.succeed(second, lease)
    #expect(rig.results(second).map(\.isStored) == [true])
    #expect(rig.state(id) == .succeeded)
  }

  @Test func aWorkerBackTooLateIsToldWhatItLost() {
    let rig = Rig()
    rig.enqueue()
    let first = rig.connect("w1", window: .seconds(5))
    let lease = rig.jobs(first).map(\.lease)
    rig.say(first, WorkerMessage(ackSeq: 1))
    rig.tick([.disconnect(first)])
    rig.run(for: .seconds(6))
    let second = rig.connect("w1", held: lease)
    #expect(rig.updates(second).first?.welcome?.lost == lease)
    #expect(rig.updates(second).first?.seq == 1)
    rig.succeed(second, lease)
    #expect(rig.results(second).map(\.isNotHeld) == [true])
  }

  @Test func theSameIdTakesOverFromAStreamThatStillHangs() {
    let rig = Rig()
    for _ in 0..<3 { rig.enqueue() }
    let first = rig.connect("w1", most: 3)
    let leases = rig.jobs(first).map(\.lease)
    rig.say(first, WorkerMessage(ackSeq: 1))
    let second = rig.connect("w1", most: 3, held: [leases[0], leases[1]])
    guard case .takenOver? = rig.end(first) else {
      Issue.record("the old stream goes on")
      return
    }
    #expect(rig.updates(second).first?.welcome?.lost.isEmpty == true)
    // What it does not name it does not run: that goes to others (here to itself) as lost.
    #expect(rig.jobs(second).map(\.lease.jobID) == [leases[2].jobID])
    #expect(rig.record(leases[2].jobID)?.lost == 1)
    #expect(rig.record(leases[0].jobID)?.lost == 0)
    // The old stream has no say any more.
    rig.succeed(first, [leases[0]])
    #expect(rig.state(leases[0].jobID) == .running)
    rig.tick([.disconnect(first)])
    #expect(rig.worker("w1")?.running == 3)
  }

  @Test func aTakeoverKeepsAnAssignmentWhoseConfirmationNeverArrived() {
    let rig = Rig()
    rig.enqueue()
    rig.enqueue()
    let first = rig.connect("w1", most: 2)
    let leases = rig.jobs(first).map(\.lease)
    let second = rig.connect("w1", most: 2, held: [leases[0]])
    #expect(rig.record(leases[0].jobID)?.state == .running)
    #expect(rig.jobs(second).map(\.lease.jobID) == [leases[1].jobID])
    #expect(rig.jobs(second).first?.attempt == 1)
    #expect(rig.record(leases[1].jobID)?.lost == 0)
  }

  @Test func anotherWorkersLeaseIsNotGivenAway() {
    let rig = Rig()
    rig.enqueue()
    let first = rig.connect("w1")
    let lease = rig.jobs(first).map(\.lease)
    let thief = rig.connect("w2", held: lease)
    #expect(rig.updates(thief).first?.welcome?.lost == lease)
    rig.succeed(first, lease)
    #expect(rig.results(first).map(\.isStored) == [true])
  }

  @Test func aCancellationAskedForWhileTheWorkerWasAwayIsToldAtItsReturn() {
    let rig = Rig()
    let id = rig.enqueue()
    let first = rig.connect("w1", window: .seconds(20))
    let lease = rig.jobs(first).map(\.lease)
    rig.say(first, WorkerMessage(ackSeq: 1))
    rig.tick([.disconnect(first)])
    rig.tick([.control(.cancel(jobID: id, reason: "no need"), rig.route())])
    let second = rig.connect("w1", held: lease)
    #expect(rig.notices(second).map(\.isCanceled) == [true])
    #expect(rig.notices(second).map(\.lease) == lease)
  }

  @Test func comingAndBreakingOffInOneTickLosesNothingInTheWindow() {
    let rig = Rig()
    let id = rig.enqueue()
    let first = rig.connect("w1", window: .seconds(20))
    let lease = rig.jobs(first).map(\.lease)
    rig.say(first, WorkerMessage(ackSeq: 1))
    rig.tick([.disconnect(first)])
    let route = rig.route()
    rig.tick([.connect(rig.hello("w1", ["*"], [], 1, 0, .seconds(20), lease), address: "", route), .disconnect(route)])
    rig.tick()
    #expect(rig.state(id) == .running)
    let third = rig.connect("w1", held: lease)
    #expect(rig.updates(third).first?.welcome?.lost.isEmpty == true)
  }

  /// Also without a window, and what was never confirmed.
  @Test(arguments: [nil, Interval.seconds(20)], [true, false])
  func breakingOffAndComingBackInOneTickKeepsWhatTheWorkerHolds(window: Interval?, isConfirmed: Bool) {
    let rig = Rig()
    let id = rig.enqueue()
    let first = rig.connect("w1", window: window)
    let lease = rig.jobs(first).map(\.lease)
    if isConfirmed { rig.say(first, WorkerMessage(ackSeq: 1)) }
    let other = rig.connect("w2")
    let second = rig.route()
    rig.tick([.disconnect(first), .connect(rig.hello("w1", ["*"], [], 1, 0, window, lease), address: "", second)])
    #expect(rig.updates(second).first?.welcome?.lost.isEmpty == true)
    #expect(rig.worker("w1")?.running == 1)
    #expect(rig.jobs(other, in: rig.run(for: .seconds(1))).isEmpty)
    rig.succeed(second, lease)
    #expect(rig.results(second).map(\.isStored) == [true])
    #expect(rig.state(id) == .succeeded)
    #expect(rig.record(id)?.attempt == 1)
  }

  /// What it does not name goes to others all the same.
  @Test func breakingOffAndComingBackInOneTickLosesWhatTheWorkerDoesNotName() {
    let rig = Rig()
    let id = rig.enqueue()
    rig.enqueue()
    let first = rig.connect("w1", most: 2)
    let leases = rig.jobs(first).map(\.lease)
    rig.say(first, WorkerMessage(ackSeq: 1))
    let other = rig.connect("w2")
    let second = rig.route()
    rig.tick([.disconnect(first), .connect(rig.hello("w1", ["*"], [], 0, 0, nil, [leases[1]]), address: "", second)])
    let said = rig.effects + rig.run(for: .seconds(1))
    #expect(rig.jobs(other, in: said).map(\.lease.jobID) == [id])
    #expect(rig.record(id)?.lost == 1)
    #expect(rig.worker("w1")?.running == 1)
  }

  @Test func helloAndOutcomeInOneTick() {
    let rig = Rig()
    let id = rig.enqueue()
    let first = rig.connect("w1", window: .seconds(20))
    let lease = rig.jobs(first).map(\.lease)
    rig.say(first, WorkerMessage(ackSeq: 1))
    rig.tick([.disconnect(first)])
    let route = rig.route()
    rig.tick([
      .connect(rig.hello("w1", ["*"], [], 1, 0, nil, lease), address: "", route),
      .work(WorkerMessage(outcomes: [.init(lease: lease[0], how: .success(result: [1]))]), route),
    ])
    #expect(rig.results(route).map(\.isStored) == [true])
    #expect(rig.state(id) == .succeeded)
    #expect(rig.worker("w1")?.running == 0)
  }

  @Test func aWorkersJobsOutliveTheServer() {
    let rig = Rig()
    let id = rig.enqueue()
    let first = rig.connect("w1")
    let lease = rig.jobs(first).map(\.lease)
    // Another engine on the same store: the server was killed and started again.
    let next = Rig(storage: rig.storage, start: rig.now + .seconds(1))
    let second = next.connect("w1", held: lease)
    #expect(next.updates(second).first?.welcome?.lost.isEmpty == true)
    next.succeed(second, lease)
    #expect(next.state(id) == .succeeded)
  }

  /// The assignment never arrived, or the storage has lost the outcome: nobody waits for the whole window.
  @Test func whatAWorkerDoesNotNameAfterARestartGoesToOthersSoon() {
    let rig = Rig()
    let ids = (0..<3).map { _ in rig.enqueue() }
    let first = rig.connect("w1", most: 3, window: .seconds(60))
    let leases = rig.jobs(first).map(\.lease)
    #expect(leases.count == 3)
    let next = Rig(storage: rig.storage, start: rig.now + .seconds(1))
    _ = next.connect("w2", most: 3)
    let second = next.connect("w1", window: .seconds(60), held: [leases[1]])
    #expect(next.updates(second).first?.welcome?.lost.isEmpty == true)
    next.run(for: .milliseconds(1_900))
    #expect(next.worker("w2")?.running == 0)
    next.run(for: .milliseconds(200))
    #expect(next.worker("w2")?.running == 2)
    #expect(ids.map { next.record($0)?.lost } == [1, 0, 1])
    next.succeed(second, [leases[1]])
    #expect(next.state(ids[1]) == .succeeded)
  }

  /// The same when the server lives and its storage has forgotten the newest, as in a fail-over to a replica that lagged.
  @Test func whatAConnectedWorkerNoLongerRunsGoesToOthersSoonWhenTheStorageForgot() {
    let rig = Rig { $0.durability = .relaxed }
    let id = rig.enqueue(NewJob(name: "n"), .synced)
    let first = rig.connect("w1", window: .seconds(60))
    let leases = rig.jobs(first).map(\.lease)
    rig.enqueue(NewJob(queue: "other", name: "n"), .synced)
    rig.succeed(first, leases)
    #expect(rig.state(id) == .succeeded)
    rig.storage.losePower()
    rig.fail([.write])
    rig.enqueue(NewJob(queue: "other", name: "n"))
    rig.unsteady.heal()
    rig.run(for: .milliseconds(1_500))
    #expect(rig.loads == 1)
    #expect(rig.state(id) == .running)
    let start = rig.elapsed
    while rig.record(id)?.lost == 0, rig.elapsed < start + .seconds(5) { rig.run(for: .milliseconds(100)) }
    #expect(rig.record(id)?.lost == 1)
  }

  @Test func theWindowIsBounded() {
    let rig = Rig { $0.longestResumeWindow = .seconds(10) }
    let id = rig.enqueue()
    let worker = rig.connect("w1", window: .seconds(1_000_000_000))
    rig.say(worker, WorkerMessage(ackSeq: 1))
    rig.tick([.disconnect(worker)])
    rig.run(for: .seconds(11))
    #expect(rig.record(id)?.lost == 1)
  }
}
