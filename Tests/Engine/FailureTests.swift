import Jobs
import Testing

@testable import Engine

/// The storage fails: nobody is told what is not so, and afterwards everything goes on.
struct FailureTests {
  private func isFailed(_ reply: Reply?) -> Bool { if case .failed? = reply { true } else { false } }

  @Test func anEnqueueThatIsNotStoredIsSaidToHaveFailedAndLeavesNothing() {
    let rig = Rig()
    let worker = rig.connect("w")
    rig.fail([.write])
    let route = rig.route()
    rig.tick([.enqueue(EnqueueGroup(jobs: [NewJob(id: "a", name: "n")]), nil, route)])
    #expect(isFailed(rig.reply(to: route)))
    #expect(rig.state("a") == nil)
    // The assignment had left: it is taken back once it is known that it is not stored.
    #expect(rig.jobs(worker).count == 1)
    rig.fail([])
    #expect(rig.notices(worker, in: rig.recover()).map(\.isLost) == [true])
    #expect(rig.worker("w")?.running == 0)
    rig.enqueue(NewJob(id: "a", name: "n"))
    #expect(rig.jobs(worker).map(\.lease.jobID) == ["a"])
  }

  @Test func whatWasStoredAlthoughItWasSaidToHaveFailedIsSo() {
    let rig = Rig()
    let worker = rig.connect("w")
    rig.unsteady.plan { $0 == .write ? .isInDoubt : nil }
    let route = rig.route()
    rig.tick([.enqueue(EnqueueGroup(jobs: [NewJob(id: "a", name: "n")]), nil, route)])
    #expect(isFailed(rig.reply(to: route)))
    rig.fail([])
    #expect(rig.notices(worker, in: rig.recover()).isEmpty)
    #expect(rig.state("a") == .running && rig.worker("w")?.running == 1)
    guard let lease = rig.lease(of: "a") else {
      Issue.record("not given out")
      return
    }
    rig.succeed(worker, [lease])
    #expect(rig.results(worker).map(\.isStored) == [true])
  }

  /// Who goes on putting jobs in must not keep those that run from ending, which makes room.
  @Test func aFullStorageTakesOutcomesWhileItRefusesNewJobs() {
    let rig = Rig()
    let id = rig.enqueue()
    let worker = rig.connect("w")
    let lease = rig.jobs(worker).map(\.lease)
    // As a storage does that has no room for a change set with new jobs.
    rig.unsteady.plan { $0 == .write ? .fails(.full) : nil }
    let first = rig.route()
    rig.tick([.enqueue(EnqueueGroup(jobs: [NewJob(name: "n")]), nil, first)])
    #expect(isFailed(rig.reply(to: first)))
    rig.unsteady.plan { _ in nil }
    rig.run(for: .milliseconds(300))
    let second = rig.route()
    rig.tick([
      .enqueue(EnqueueGroup(jobs: [NewJob(name: "n")]), nil, second),
      .work(WorkerMessage(outcomes: lease.map { WorkerOutcome(lease: $0, how: .success(result: [])) }), worker),
    ])
    #expect(isFailed(rig.reply(to: second)))
    #expect(rig.results(worker).map(\.isStored) == [true])
    #expect(rig.state(id) == .succeeded)
    rig.run(for: .seconds(1))
    rig.enqueue()
  }

  @Test func anOutcomeThatFailsKeepsItsSlotAndCanBeSaidAgain() {
    let rig = Rig()
    let id = rig.enqueue()
    rig.enqueue()
    let worker = rig.connect("w")
    let lease = rig.jobs(worker).map(\.lease)
    rig.fail([.write])
    rig.succeed(worker, lease)
    #expect(rig.results(worker).map(\.isFailed) == [true])
    #expect(rig.state(id) == .running)
    rig.fail([])
    rig.recover()
    #expect(rig.worker("w")?.running == 1)
    rig.succeed(worker, lease)
    #expect(rig.results(worker).map(\.isStored) == [true])
    #expect(rig.jobs(worker).count == 1)
  }

  @Test func soDoesOneOfAJobThatTheWorkerCameWithInTheSameTick() {
    let rig = Rig()
    rig.enqueue()
    rig.enqueue()
    let lease = rig.jobs(rig.connect("w", window: .seconds(10))).map(\.lease)
    rig.fail([.write])
    let worker = rig.route()
    let outcomes = lease.map { WorkerOutcome(lease: $0, how: .success(result: [])) }
    rig.tick([
      .connect(rig.hello("w", ["*"], [], 1, 0, .seconds(10), lease), address: "a", worker),
      .work(WorkerMessage(outcomes: outcomes), worker),
    ])
    #expect(rig.results(worker).map(\.isFailed) == [true])
    let early = rig.early
    rig.fail([])
    #expect(rig.jobs(worker, in: rig.recover()).isEmpty, "it can hold one")
    #expect(rig.notices(worker, in: early).isEmpty)
    #expect(rig.worker("w")?.running == 1)
    rig.succeed(worker, lease)
    #expect(rig.results(worker).map(\.isStored) == [true])
    #expect(rig.jobs(worker).count == 1)
  }

  @Test func noJobIsGivenOutWhileTheStorageTakesNoWrites() {
    let rig = Rig()
    let worker = rig.connect("w", most: 100)
    for number in 0..<20 {
      rig.enqueue(NewJob(id: "j\(number)", queue: "later", name: "n", runAt: rig.now + .seconds(5)))
    }
    rig.fail([.write, .sync])
    var said: [Effect] = []
    for _ in 0..<12 {
      said += rig.run(for: .seconds(5))
      rig.say(worker)
      said += rig.effects
    }
    // One tick may have been decided before the storage was known to fail.
    #expect(rig.jobs(worker, in: said).count <= 20)
    #expect(rig.engine.storageFailure != nil)
    let tries = rig.loads
    #expect(tries > 10 && tries < 80)
    rig.fail([])
    let after = rig.recover()
    #expect(rig.engine.storageFailure == nil)
    let tokens = (rig.jobs(worker, in: said) + rig.jobs(worker, in: after)).map(\.lease.token)
    #expect(Set(tokens).count == tokens.count, "a token was given twice")
    #expect(rig.worker("w")?.running == 20)
  }

  @Test func whileTheStorageIsAwayEverythingFailsAtOnceAndWorkersAreKept() {
    let rig = Rig()
    let worker = rig.connect("w")
    let id = rig.enqueue()
    rig.say(worker, WorkerMessage(ackSeq: 2))
    let lease = rig.jobs(worker).map(\.lease) + [rig.lease(of: id)].compactMap { $0 }
    rig.fail([.write, .load])
    rig.enqueue()
    for _ in 0..<30 {
      rig.run(for: .seconds(4))
      rig.say(worker)
    }
    let routes = (0..<7).map { _ in rig.route() }
    rig.tick([
      .control(.cancel(jobID: "x", reason: ""), routes[0]), .report(Report(workerID: "f"), routes[1]),
      .pause(queue: "q", true, routes[2]), .sweep(Sweep(action: .delete, queue: "q", states: [.ready]), routes[3]),
      .fetch(Fetch(workerID: "f", subscriptions: []), routes[4]),
      .enqueue(EnqueueGroup(jobs: [NewJob(name: "n")]), nil, routes[5]), .statistics(routes[6]),
    ])
    for route in routes[0..<6] { #expect(isFailed(rig.reply(to: route))) }
    guard case .statistics? = rig.reply(to: routes[6]) else {
      Issue.record("figures need no storage")
      return
    }
    let other = rig.connect("v")
    guard case .failed? = rig.end(other) else {
      Issue.record("connected")
      return
    }
    rig.fail([])
    rig.recover()
    #expect(rig.record(id)?.lost == 0 && rig.state(id) == .running)
    rig.succeed(worker, Array(lease.prefix(1)))
    #expect(rig.results(worker).map(\.isStored) == [true])
    #expect(rig.updates(rig.connect("v")).first?.welcome != nil)
  }

  @Test func whatABrokenStreamGivesBackIsTriedAgain() {
    let rig = Rig()
    let id = rig.enqueue()
    let worker = rig.connect("w")
    #expect(rig.jobs(worker).count == 1)
    rig.fail([.write])
    rig.tick([.disconnect(worker)])
    #expect(rig.state(id) == .running)
    rig.fail([])
    rig.recover()
    #expect(rig.state(id) == .ready)
    #expect(rig.record(id)?.lost == 0)
  }

  @Test func rowsThatCannotBeReadFailTheTickAndAreReadLater() {
    let rig = Rig()
    rig.enqueue(NewJob(name: "n", runAt: rig.now + .seconds(1)))
    rig.run(for: .milliseconds(100))
    rig.fail([.rows])
    rig.run(for: .seconds(20))
    rig.fail([])
    rig.recover()
    #expect(rig.jobs(rig.connect("w")).count == 1)
  }

  /// A tick that reads as it goes and cannot be decided to its end: nobody who speaks in it is forgotten, and all speak on afterwards.
  @Test func aTickThatFailsInItsMiddleAnswersEverybodyOnce() {
    let rig = Rig(readsAside: false)
    rig.enqueue(NewJob(id: "later", name: "n", runAt: rig.now + .seconds(60)))
    rig.enqueue(NewJob(id: "a", name: "n"))
    let worker = rig.connect("w")
    let lease = rig.jobs(worker).map(\.lease)
    rig.fail([.rows])
    let routes = (0..<9).map { _ in rig.route() }
    // To decide it the one that waits for its time must be read.
    rig.tick([
      .work(WorkerMessage(outcomes: lease.map { WorkerOutcome(lease: $0, how: .release(delay: nil)) }), worker),
      .enqueue(EnqueueGroup(jobs: [NewJob(id: "b", name: "n")]), nil, routes[0]),
      .control(.cancel(jobID: "later", reason: ""), routes[1]), .pause(queue: "q", true, routes[2]),
      .deleteQueue("q", routes[3]), .flow(.limits(after: nil, limit: 1), routes[4]), .queues(routes[5]),
      .sweep(Sweep(action: .delete, queue: "x", states: [.ready]), routes[6]),
      .report(Report(workerID: "p"), routes[7]),
      .takeIn([], routes[8]),
    ])
    for (number, route) in routes.enumerated() where number != 6 {
      let replies = rig.effects.filter { $0.route == route }
      #expect(replies.count == 1 && isFailed(rig.reply(to: route)), "\(number)")
    }
    #expect(rig.results(worker).map(\.isFailed) == [true])
    rig.fail([])
    // A sweep that was only begun goes on.
    guard case .swept(0)? = rig.reply(to: routes[6], in: rig.recover()) else {
      Issue.record("not swept")
      return
    }
    rig.succeed(worker, lease)
    #expect(rig.results(worker).map(\.isStored) == [true])
    rig.enqueue(NewJob(id: "b", name: "n"))
    #expect(rig.jobs(worker).map(\.lease.jobID) == ["b"])
  }

  @Test func whoConnectsInATickThatFailsComesAgainWithItsJobs() {
    let rig = Rig(readsAside: false)
    rig.enqueue(NewJob(id: "later", name: "n", runAt: rig.now + .seconds(60)))
    rig.enqueue(NewJob(id: "a", name: "n"))
    let lease = rig.jobs(rig.connect("w", window: .seconds(10))).map(\.lease)
    rig.fail([.rows])
    let second = rig.route()
    rig.tick([
      .connect(rig.hello("w", ["*"], [], 1, 0, .seconds(10), lease), address: "a", second),
      .control(.cancel(jobID: "later", reason: ""), rig.route()),
    ])
    guard case .failed? = rig.end(second) else {
      Issue.record("not sent away")
      return
    }
    #expect(rig.updates(second).isEmpty)
    rig.fail([])
    #expect(rig.updates(second, in: rig.recover()).isEmpty, "nothing is said to a stream that has ended")
    let third = rig.connect("w", window: .seconds(10), held: lease)
    #expect(rig.updates(third).first?.welcome?.lost == [])
    #expect(rig.worker("w")?.running == 1)
    rig.succeed(third, lease)
    #expect(rig.results(third).map(\.isStored) == [true])
  }

  @Test func aFetchThatIsGivenJobsInATickThatFailsIsAnswered() {
    let rig = Rig()
    rig.enqueue(NewJob(id: "first", name: "n", runAt: rig.now + .seconds(60)))
    rig.enqueue(NewJob(id: "a", queue: "q", name: "n"))
    guard let record = rig.record("first") else { return }
    rig.fail([.rows])
    let (route, explain) = (rig.route(), rig.route())
    // The job is still at hand when it is claimed; what is asked afterwards has to be read.
    rig.tick([
      .fetch(
        Fetch(workerID: "f", subscriptions: [Subscription(pattern: QueuePattern("q"))], maxWait: .seconds(20)), route),
      .explain(record, explain), .control(.cancel(jobID: "first", reason: ""), rig.route()),
    ])
    rig.fail([])
    let said = rig.effects + rig.run(for: .seconds(25))
    #expect(said.filter { $0.route == route }.count == 1)
  }

  @Test func aSweepWhoseSliceCannotBeReadFails() {
    let rig = Rig()
    rig.fail([.rows])
    let route = rig.route()
    rig.tick([.sweep(Sweep(action: .delete, queue: "q", states: [.ready]), route)])
    #expect(isFailed(rig.reply(to: route)))
    rig.fail([])
    #expect(rig.reply(to: route, in: rig.recover()) == nil, "answered once")
  }

  @Test func aSyncThatFailsIsTriedAgain() {
    let rig = Rig { $0.durability = .relaxed }
    rig.fail([.sync])
    rig.enqueue()
    rig.run(for: .milliseconds(600))
    #expect(rig.syncs >= 1 && rig.engine.storageFailure != nil)
    rig.fail([])
    rig.recover()
    #expect(rig.engine.storageFailure == nil)
  }

  @Test func theEventsOfAWorkerAreRecordedOnceTheStorageIsBack() throws {
    let rig = Rig()
    rig.fail([.write])
    let worker = rig.connect("w")
    rig.fail([])
    rig.recover()
    rig.tick([.disconnect(worker)])
    rig.tick()
    guard case .events(let events, _) = try rig.storage.reader.events(after: 0, limit: 10) else { return }
    #expect(events.map(\.kind) == [.workerConnected, .workerDisconnected])
  }
}

/// The next tick is decided while the last ones are being stored.
struct PipelineTests {
  @Test func nothingIsAcknowledgedBeforeItIsStoredButWorkersRunAhead() {
    let rig = Rig()
    let worker = rig.connect("w", most: 10)
    rig.isSlow = true
    let (first, second) = (rig.route(), rig.route())
    rig.tick([.enqueue(EnqueueGroup(jobs: [NewJob(id: "a", name: "n")]), nil, first)])
    #expect(rig.jobs(worker).map(\.lease.jobID) == ["a"])
    rig.succeed(worker, rig.jobs(worker).map(\.lease))
    rig.tick([.enqueue(EnqueueGroup(jobs: [NewJob(id: "a", name: "n")]), nil, second)])
    #expect(rig.reply(to: first) == nil && rig.reply(to: second) == nil && rig.results(worker).isEmpty)
    #expect(rig.waiting.count == 2 && rig.engine.ticksInFlight == 3)
    let one = rig.store(1)
    #expect(rig.reply(to: first, in: one) != nil && rig.reply(to: second, in: one) == nil)
    #expect(rig.results(worker, in: one).isEmpty)
    let two = rig.store()
    #expect(rig.results(worker, in: two).map(\.isStored) == [true])
    guard case .enqueued(let results, _)? = rig.reply(to: second, in: two),
      case .duplicate("a", .succeeded, _)? = results.first
    else {
      Issue.record("not a duplicate")
      return
    }
    #expect(rig.state("a") == .succeeded)
  }

  @Test func aFailedWriteFailsAllThatWasDecidedOnIt() {
    let rig = Rig()
    let worker = rig.connect("w", most: 10)
    rig.isSlow = true
    let routes = (0..<5).map { _ in rig.route() }
    for (number, route) in routes.enumerated() {
      rig.tick([.enqueue(EnqueueGroup(jobs: [NewJob(id: "j\(number)", name: "n")]), nil, route)])
    }
    rig.store(2)
    rig.fail([.write])
    let said = rig.store()
    for route in routes[2...] {
      guard case .failed? = rig.reply(to: route, in: said) else {
        Issue.record("not failed")
        return
      }
    }
    rig.fail([])
    rig.isSlow = false
    let notices = rig.notices(worker, in: rig.recover())
    #expect(notices.map(\.lease.jobID) == ["j2", "j3", "j4"] && notices.allSatisfy(\.isLost))
    #expect(rig.worker("w")?.running == 2)
    #expect(rig.state("j1") == .running && rig.state("j2") == nil)
  }

  /// Jobs may wait for the results that they go with. What the worker says meanwhile is right for them too.
  @Test(arguments: [WorkerMessage(capacity: 1), WorkerMessage(capacity: 0), WorkerMessage(drain: true)])
  func noJobIsSentToAWorkerThatSaidMeanwhileThatItTakesFewer(_ message: WorkerMessage) {
    let rig = Rig()
    let worker = rig.connect("w", most: 5)
    rig.enqueue(NewJob(id: "a", name: "n"))
    let lease = rig.jobs(worker).map(\.lease)
    rig.isSlow = true
    rig.tick([
      .enqueue(EnqueueGroup(jobs: [NewJob(id: "b", name: "n"), NewJob(id: "c", name: "n")]), nil, rig.route()),
      .work(WorkerMessage(outcomes: lease.map { WorkerOutcome(lease: $0, how: .success(result: [])) }), worker),
    ])
    #expect(rig.jobs(worker).isEmpty, "they wait for the result")
    rig.say(worker, message)
    rig.isSlow = false
    let said = rig.effects + rig.store()
    #expect(rig.results(worker, in: said).map(\.isStored) == [true])
    #expect(rig.jobs(worker, in: said).count == Int(message.capacity ?? 0))
    let other = rig.connect("v", most: 3)
    rig.tick()
    #expect(rig.state("c") == .running && rig.record("c")?.attempt == 1 && rig.record("c")?.workerID == "v")
    rig.tick([.disconnect(other)])
  }

  @Test func aJobWhoseTimeIsOverBeforeItWasSentIsNotSent() {
    let rig = Rig { $0.lease = .seconds(10) }
    let worker = rig.connect("w", most: 5)
    rig.enqueue(NewJob(id: "a", name: "n"))
    let lease = rig.jobs(worker).map(\.lease)
    rig.isSlow = true
    let options = JobOptions(retry: RetryPolicy(initialBackoff: .hours(1)), timeout: .seconds(1))
    rig.tick([
      .enqueue(EnqueueGroup(jobs: [NewJob(id: "b", name: "n", options: options)]), nil, rig.route()),
      .work(WorkerMessage(outcomes: lease.map { WorkerOutcome(lease: $0, how: .success(result: [])) }), worker),
    ])
    rig.run(for: .seconds(9))
    rig.isSlow = false
    let said = rig.store()
    #expect(rig.results(worker, in: said).map(\.isStored) == [true])
    #expect(rig.jobs(worker, in: said).isEmpty)
    rig.enqueue(NewJob(id: "d", name: "n"))
    #expect(rig.jobs(worker).map(\.lease.jobID) == ["d"])
  }

  @Test func aDrainedWorkerIsNotSentAwayBeforeItsResults() {
    let rig = Rig()
    rig.enqueue()
    let worker = rig.connect("w")
    rig.isSlow = true
    let outcomes = rig.jobs(worker).map { WorkerOutcome(lease: $0.lease, how: .success(result: [])) }
    rig.say(worker, WorkerMessage(outcomes: outcomes, drain: true))
    rig.tick([.enqueue(EnqueueGroup(jobs: [NewJob(name: "n")]), nil, rig.route())])
    #expect(rig.end(worker) == nil)
    let said = rig.store()
    #expect(rig.results(worker, in: said).map(\.isStored) == [true])
    guard case .drained? = rig.end(worker, in: said) else {
      Issue.record("not ended")
      return
    }
  }
}

/// Somebody sets the wall clock.
struct ClockTests {
  @Test(arguments: [-1_000_000, -3_600, 3_600, 7_200, 100_000_000]) func aStepEndsNoLeaseOfAWorkerThatSpeaks(
    seconds: Int
  ) {
    let rig = Rig { $0.lease = .seconds(3) }
    let id = rig.enqueue(NewJob(name: "n", options: JobOptions(timeout: .seconds(60))))
    let worker = rig.connect("w")
    let leases = rig.jobs(worker).map(\.lease)
    var said: [Effect] = []
    for step in 0..<40 {
      if step == 10 { rig.setClock(by: .seconds(Int64(seconds))) }
      said += rig.run(for: .seconds(1))
      rig.say(worker)
      said += rig.effects
    }
    #expect(rig.notices(worker, in: said).isEmpty)
    #expect(rig.state(id) == .running && rig.record(id)?.lost == 0)
    rig.succeed(worker, leases)
    #expect(rig.results(worker).map(\.isStored) == [true])
  }

  @Test func aLeaseOfASilentWorkerEndsInItsTimeWhateverTheWallClockShows() {
    let rig = Rig { $0.lease = .seconds(3) }
    let id = rig.enqueue()
    rig.connect("w")
    rig.setClock(by: .hours(-5))
    rig.run(for: .milliseconds(2_900))
    #expect(rig.state(id) == .running)
    rig.run(for: .milliseconds(200))
    #expect(rig.record(id)?.lost == 1)
  }

  @Test func afterAStepBackANewJobIsNotOlderThanItself() {
    let rig = Rig()
    rig.enqueue()
    rig.setClock(by: .hours(-1))
    let id = rig.enqueue(NewJob(name: "n", runAt: rig.now + .seconds(600)))
    #expect(rig.state(id) == .scheduled)
    #expect(rig.record(id).map { $0.runAt - $0.createdAt } == .seconds(600))
    rig.run(for: .seconds(599))
    #expect(rig.state(id) == .scheduled)
    rig.run(for: .seconds(2))
    #expect(rig.state(id) == .ready)
  }

  @Test func aStepForwardIsNoticedSoon() {
    let rig = Rig()
    let worker = rig.connect("w")
    rig.enqueue(NewJob(name: "n", runAt: rig.now + .hours(1)))
    rig.run(for: .seconds(5))
    rig.setClock(by: .hours(1))
    #expect(rig.jobs(worker, in: rig.run(for: .seconds(2))).count == 1)
  }
}
