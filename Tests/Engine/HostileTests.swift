import Engine
import Jobs
import Support
import Testing

/// Nothing that anyone says brings the engine down or gets it out of step.
@Suite(.aside) struct HostileTests {
  @Test func confirmationsFromTheFutureConfirmOnlyWhatWasSent() {
    let rig = Rig()
    let worker = rig.connect("w", window: .seconds(60))
    rig.say(worker, WorkerMessage(ackSeq: .max))
    let id = rig.enqueue()
    #expect(rig.jobs(worker).count == 1)
    let other = rig.connect("v")
    rig.tick([.disconnect(worker)])
    #expect(rig.jobs(other).first?.lease.jobID == id)
    #expect(rig.jobs(other).first?.attempt == 1)
  }

  @Test func messagesFromNowhereDoNothing() {
    let rig = Rig()
    let nowhere = rig.route()
    rig.tick([
      .work(WorkerMessage(outcomes: [.init(lease: Lease(jobID: "", token: 0), how: .canceled)], drain: true), nowhere),
      .disconnect(nowhere), .forget(nowhere),
    ])
    #expect(rig.effects.isEmpty)
  }

  @Test func aHundredThousandHeldLeasesAreAnsweredAsLost() {
    let rig = Rig()
    let held = (0..<100_000).map { Lease(jobID: "x", token: UInt64($0)) }
    let worker = rig.connect("w", held: held)
    #expect(rig.updates(worker).first?.welcome?.lost.count == 100_000)
  }

  @Test func theSameLeaseHeldManyTimesIsHeldOnce() {
    let rig = Rig()
    rig.enqueue()
    let first = rig.connect("w")
    let lease = rig.jobs(first)[0].lease
    let second = rig.connect("w", most: 10, held: Array(repeating: lease, count: 1_000))
    #expect(rig.updates(second).first?.welcome?.lost.isEmpty == true)
    #expect(rig.worker("w")?.running == 1)
  }

  @Test func extremesOfEveryNumber() {
    let rig = Rig()
    let route = rig.route()
    let extreme = Interval(microseconds: .max)
    rig.tick([
      .connect(
        WorkerHello(
          workerID: "w",
          subscriptions: [.init(pattern: .init("*"), weight: .max), .init(pattern: .init("a"), weight: .max)],
          maxInFlight: .max, maxInFlightBytes: .max, resumeWindow: extreme), address: "", route),
      .enqueue(EnqueueGroup(jobs: (0..<20).map { _ in NewJob(name: "n", payloadSize: .max) }), nil, rig.route()),
    ])
    let jobs = rig.jobs(route)
    rig.say(
      route,
      WorkerMessage(
        ackSeq: .max, capacity: .max,
        outcomes: jobs.map { .init(lease: $0.lease, how: .release(delay: Interval(microseconds: .min))) }))
    for _ in 0..<3 { rig.tick() }
    rig.tick([
      .fetch(
        Fetch(workerID: "f", subscriptions: [], maxJobs: .max, maxWait: extreme, lease: Interval(microseconds: .min)),
        rig.route()),
      .fetch(
        Fetch(workerID: "f", subscriptions: [], maxJobs: 0, maxWait: Interval(microseconds: .min), lease: extreme),
        rig.route()),
      .pullEvents(EventPull(filter: EventFilter(), after: .max, limit: .max), rig.route()),
      .pullEvents(EventPull(filter: EventFilter(), after: .min, limit: .min), rig.route()),
    ])
    rig.tick([.disconnect(route)])
    rig.run(for: .seconds(1))
  }

  @Test func aWorkerWithoutQueuesGetsNothing() {
    let rig = Rig()
    rig.enqueue()
    #expect(rig.jobs(rig.connect("w", queues: [])).isEmpty)
  }

  @Test func aThousandWorkersWithSubscriptionsOfTheirOwn() {
    let rig = Rig()
    let workers = (0..<1_000).map { rig.connect("w\($0)", queues: ["q\($0)", "shared"]) }
    rig.enqueue(NewJob(queue: "q77", name: "n"))
    #expect(rig.jobs(workers[77]).count == 1)
    rig.tick([
      .enqueue(EnqueueGroup(jobs: (0..<512).map { _ in NewJob(queue: "shared", name: "n") }), .relaxed, rig.route())
    ])
    #expect(workers.reduce(0) { $0 + rig.jobs($1).count } == 512)
  }
}
