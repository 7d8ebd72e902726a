import Jobs
import Testing

@testable import Engine

/// The tick: what is asked goes to the store once, in order, and is answered after the commit.
struct TickTests {
  @Test func aJobGoesToAFreeWorkerInTheTickOfItsEnqueue() {
    let rig = Rig()
    let worker = rig.connect("w1")
    #expect(rig.updates(worker).first?.seq == 1)
    #expect(rig.updates(worker).first?.welcome?.workerID == "w1")
    let route = rig.route()
    rig.tick([.enqueue(EnqueueGroup(jobs: [NewJob(name: "n")]), nil, route)])
    #expect(rig.jobs(worker, in: rig.early).count == 1)
    #expect(rig.reply(to: route, in: rig.early) == nil)
    guard case .enqueued(let results, .synced)? = rig.reply(to: route), case .stored(let id, .ready, _)? = results.first
    else {
      Issue.record("not stored")
      return
    }
    #expect(rig.jobs(worker).first?.lease.jobID == id)
    #expect(rig.updates(worker).map(\.seq) == [2])
    #expect(rig.writes.last == .synced)

    rig.succeed(worker, rig.jobs(worker).map(\.lease))
    #expect(rig.results(worker).map(\.isStored) == [true])
    #expect(rig.results(worker, in: rig.early).isEmpty)
    #expect(rig.state(id) == .succeeded)
  }

  @Test func anOutcomeIsThePullForTheNextJobInTheSameTick() {
    let rig = Rig()
    for _ in 0..<3 { rig.enqueue() }
    let worker = rig.connect("w1")
    let first = rig.jobs(worker)
    #expect(first.count == 1)
    rig.succeed(worker, first.map(\.lease))
    #expect(rig.jobs(worker).count == 1)
    #expect(rig.results(worker).count == 1)
  }

  @Test func allThatProducersSendInOneTickIsOneCall() {
    let rig = Rig()
    let routes = (0..<64).map { _ in rig.route() }
    rig.tick(routes.map { .enqueue(EnqueueGroup(jobs: [NewJob(name: "n")]), nil, $0) })
    #expect(rig.writes.count == 1)
    for route in routes {
      guard case .enqueued(let results, _)? = rig.reply(to: route) else {
        Issue.record("no answer")
        return
      }
      #expect(results.count == 1)
    }
  }

  @Test func relaxedWorkIsNotSyncedAtOnceButSoon() {
    let rig = Rig { $0.durability = .relaxed }
    rig.enqueue()
    #expect(rig.writes.last == .relaxed)
    #expect(rig.syncs == 0)
    rig.run(for: .milliseconds(499))
    #expect(rig.syncs == 0)
    rig.run(for: .milliseconds(2))
    #expect(rig.syncs == 1)
  }

  @Test func oneThatWantsSyncedMakesTheCommitSynced() {
    let rig = Rig { $0.durability = .relaxed }
    let (a, b) = (rig.route(), rig.route())
    rig.tick([
      .enqueue(EnqueueGroup(jobs: [NewJob(name: "n")]), .relaxed, a),
      .enqueue(EnqueueGroup(jobs: [NewJob(name: "n")]), .synced, b),
    ])
    #expect(rig.writes.last == .synced)
    guard case .enqueued(_, .relaxed)? = rig.reply(to: a), case .enqueued(_, .synced)? = rig.reply(to: b) else {
      Issue.record("wrong durability told")
      return
    }
  }

  @Test func claimsAloneDoNotWaitForASync() {
    let rig = Rig()
    rig.enqueue()
    rig.connect("w1")
    #expect(rig.writes.last == .relaxed)
  }

  @Test func aDuplicateOfARelaxedJobIsSyncedBeforeItIsSaidToBe() {
    let rig = Rig()
    rig.enqueue(NewJob(id: "a", name: "n"), .relaxed)
    #expect(rig.syncs == 0)
    rig.enqueue(NewJob(id: "a", name: "n"), .synced)
    #expect(rig.syncs == 1)
  }

  @Test func anIdleEngineSleeps() {
    let rig = Rig()
    rig.run(for: .seconds(5))
    let before = rig.writes.count
    rig.run(for: .seconds(100))
    #expect(rig.writes.count == before)
    #expect(rig.engine.balancer.claims == 0)
  }

  @Test func aScheduledJobStartsAtItsTimeAndNotBefore() {
    let rig = Rig()
    let worker = rig.connect("w1")
    let due = rig.now + .milliseconds(1_234)
    rig.enqueue(NewJob(name: "n", runAt: due))
    #expect(rig.jobs(worker, in: rig.run(for: .microseconds(1_233_999))).isEmpty)
    #expect(rig.jobs(worker, in: rig.run(for: .microseconds(1))).count == 1)
  }
}

/// What a worker is told in one message: jobs that can wait for the results of its outcomes go with them.
struct OneMessageTests {
  @Test func whoHasJustSpokenAndHasSlotsToSpareHearsOfJobsWithTheResults() {
    let rig = Rig()
    let worker = rig.connect("w1", most: 4)
    rig.enqueue()
    let first = rig.jobs(worker)
    let outcomes = first.map { WorkerOutcome(lease: $0.lease, how: .success(result: [])) }
    rig.tick([
      .work(WorkerMessage(outcomes: outcomes), worker),
      .enqueue(EnqueueGroup(jobs: [NewJob(name: "n")]), nil, rig.route()),
    ])
    #expect(rig.updates(worker, in: rig.early).isEmpty)
    #expect(rig.updates(worker).map(\.seq) == [3])
    #expect(rig.updates(worker).first?.jobs.count == 1)
    #expect(rig.updates(worker).first?.results.map(\.isStored) == [true])
    rig.succeed(worker, rig.jobs(worker).map(\.lease))
    #expect(rig.results(worker).map(\.isStored) == [true])
  }

  @Test func whoHasNoSlotToSpareIsNotKeptWaiting() {
    let rig = Rig()
    for _ in 0..<8 { rig.enqueue() }
    let worker = rig.connect("w1", most: 4)
    rig.succeed(worker, rig.jobs(worker).map(\.lease))
    #expect(rig.jobs(worker, in: rig.early).count == 4)
    #expect(rig.results(worker).count == 4)
  }

  @Test func jobsThatWaitedForACommitThatFailedAreNeverHeardOf() {
    let rig = Rig()
    let worker = rig.connect("w1", most: 4)
    rig.enqueue()
    let outcomes = rig.jobs(worker).map { WorkerOutcome(lease: $0.lease, how: .success(result: [])) }
    rig.fail([.write])
    rig.tick([
      .work(WorkerMessage(outcomes: outcomes), worker),
      .enqueue(EnqueueGroup(jobs: [NewJob(name: "n")]), nil, rig.route()),
    ])
    #expect(rig.updates(worker).count == 1)
    #expect(rig.jobs(worker).isEmpty)
    #expect(rig.notices(worker).isEmpty)
    #expect(rig.results(worker).map(\.isFailed) == [true])
    rig.fail([])
    rig.recover()
    rig.say(worker, WorkerMessage(outcomes: outcomes))
    #expect(rig.results(worker).map(\.isStored) == [true])
    // What was never said counts for nothing: all four slots are free.
    rig.tick([.enqueue(EnqueueGroup(jobs: (0..<5).map { _ in NewJob(name: "n") }), nil, rig.route())])
    #expect(rig.jobs(worker).count == 4)
  }
}
