import Engine
import Jobs
import Testing

/// A worker's stream: capacity, confirmation, heartbeats, silence, draining.
struct SessionTests {
  @Test func neverMoreThanMaxInFlight() {
    let rig = Rig()
    for _ in 0..<10 { rig.enqueue() }
    let worker = rig.connect("w1", most: 3)
    #expect(rig.jobs(worker).count == 3)
    rig.tick()
    #expect(rig.jobs(worker).isEmpty)
    #expect(rig.worker("w1")?.running == 3)
  }

  @Test func zeroCapacityMeansNoneUntilALaterMessageSays() {
    let rig = Rig()
    rig.enqueue()
    let worker = rig.connect("w1", most: 0)
    #expect(rig.jobs(worker).isEmpty)
    rig.say(worker, WorkerMessage(capacity: 2))
    #expect(rig.jobs(worker).count == 1)
  }

  @Test func loweredCapacityHoldsBackUntilEnoughIsReported() {
    let rig = Rig()
    for _ in 0..<10 { rig.enqueue() }
    let worker = rig.connect("w1", most: 4)
    let leases = rig.jobs(worker).map(\.lease)
    rig.say(worker, WorkerMessage(capacity: 2))
    rig.succeed(worker, Array(leases[0..<2]))
    #expect(rig.jobs(worker).isEmpty)
    rig.succeed(worker, [leases[2]])
    #expect(rig.jobs(worker).count == 1)
  }

  @Test func anAbsurdCapacityIsCut() {
    let rig = Rig { $0.maxInFlight = 5 }
    for _ in 0..<10 { rig.enqueue() }
    let worker = rig.connect("w1", most: 1_000_000_000)
    #expect(rig.jobs(worker).count == 5)
    #expect(rig.worker("w1")?.maxInFlight == 5)
  }

  @Test func theByteLimitHoldsButOneJobIsAlwaysAllowed() {
    let rig = Rig()
    for _ in 0..<3 { rig.enqueue(NewJob(name: "n", payloadSize: 600)) }
    let worker = rig.connect("w1", most: 10, bytes: 1_000)
    let first = rig.jobs(worker)
    #expect(first.count == 1)
    rig.tick()
    #expect(rig.jobs(worker).isEmpty)
    rig.succeed(worker, first.map(\.lease))
    #expect(rig.jobs(worker).count == 1)
    let small = rig.connect("w2", most: 10, bytes: 10)
    #expect(rig.jobs(small).count == 1)
  }

  @Test func aFullWorkerDoesNotMakeTheEngineSpin() {
    let rig = Rig()
    for _ in 0..<3 { rig.enqueue(NewJob(name: "n", payloadSize: 600)) }
    rig.connect("w1", most: 10, bytes: 1_000)
    rig.tick()
    #expect(rig.engine.nextWake.map { $0 > rig.elapsed } ?? true)
  }

  @Test func oneMessageHoldsAboutAMebibyteOfJobs() {
    let rig = Rig()
    for _ in 0..<5 {
      rig.enqueue(NewJob(name: "n", payloadSize: 400_000, body: [UInt8](repeating: 1, count: 400_000)))
    }
    let worker = rig.connect("w1", most: 10)
    #expect(rig.updates(worker).map(\.jobs.count) == [2, 1])
    #expect(rig.updates(worker).map(\.seq) == [1, 2])
    // The claim ended there, and the next one waits until that has left.
    rig.say(worker, WorkerMessage(capacity: 10))
    let rest = rig.updates(worker)
    #expect(rest.map(\.jobs.count) == [2] && rest.map(\.seq) == [3])
  }

  @Test func heartbeatsGoToIdleWorkersAndNeverLate() {
    let rig = Rig { $0.lease = .seconds(2) }
    let worker = rig.connect("w1")
    var last = rig.elapsed
    var beats = 0
    while beats < 20, let next = rig.engine.nextWake {
      rig.pass(next - rig.elapsed)
      // The worker beats too.
      rig.tick([.work(WorkerMessage(), worker)])
      for _ in rig.updates(worker) {
        #expect(rig.elapsed - last <= rig.engine.configuration.heartbeat)
        last = rig.elapsed
        beats += 1
      }
    }
    #expect(beats == 20)
  }

  @Test func aWorkerThatBeatsKeepsItsLeasesAndTheStorageHearsNothingOfIt() {
    let rig = Rig()
    let id = rig.enqueue()
    let worker = rig.connect("w1")
    #expect(rig.jobs(worker).count == 1)
    for _ in 0..<3_000 {
      rig.run(for: .milliseconds(100))
      rig.say(worker)
    }
    #expect(rig.state(id) == .running)
    #expect(rig.writes.count == 2)
  }

  @Test func anySignOfLifeCountsForAWholeLease() {
    let rig = Rig { $0.lease = .seconds(3) }
    let id = rig.enqueue()
    let worker = rig.connect("w1")
    rig.run(for: .milliseconds(900))
    rig.say(worker)
    rig.run(for: .milliseconds(2_999))
    #expect(rig.state(id) == .running)
    rig.run(for: .milliseconds(2))
    #expect(rig.record(id)?.lost == 1)
  }

  @Test func aSilentWorkerLosesItsJobsIsToldAndThenEnded() {
    let rig = Rig { $0.lease = .seconds(3) }
    let id = rig.enqueue()
    let worker = rig.connect("w1")
    let other = rig.connect("w2")
    var heard: [Effect] = []
    for step in 0..<240 {
      heard += rig.run(for: .milliseconds(100))
      heard += rig.tick([.work(WorkerMessage(), other)])
      if step == 220 { #expect(rig.end(worker, in: heard) == nil, "ended before its silence was long enough") }
    }
    #expect(rig.notices(worker, in: heard).map(\.isLost) == [true])
    #expect(rig.jobs(worker, in: heard).isEmpty)
    #expect(rig.jobs(other, in: heard).first?.lease.jobID == id)
    guard case .silent? = rig.end(worker, in: heard) else {
      Issue.record("the session goes on")
      return
    }
  }

  @Test func aWorkerBackFromSilenceIsGivenJobsAgain() {
    let rig = Rig { $0.lease = .seconds(3) }
    let worker = rig.connect("w1")
    rig.run(for: .seconds(20))
    rig.enqueue()
    #expect(rig.jobs(worker).isEmpty)
    rig.say(worker)
    #expect(rig.jobs(worker).count == 1)
  }

  @Test func anEngineThatStoodStillDoesNotTakeItForSilence() {
    let rig = Rig { $0.lease = .seconds(3) }
    let id = rig.enqueue()
    let worker = rig.connect("w1")
    rig.pass(.seconds(60))
    #expect(rig.notices(worker, in: rig.tick()).isEmpty)
    #expect(rig.state(id) == .running)
    rig.run(for: .seconds(4))
    #expect(rig.record(id)?.lost == 1)
  }

  @Test func aDrainingWorkerGetsNothingAndIsEndedAfterItsLastResult() {
    let rig = Rig()
    for _ in 0..<3 { rig.enqueue() }
    let worker = rig.connect("w1", most: 2)
    let leases = rig.jobs(worker).map(\.lease)
    rig.say(worker, WorkerMessage(outcomes: [.init(lease: leases[0], how: .success(result: []))], drain: true))
    #expect(rig.jobs(worker).isEmpty)
    #expect(rig.end(worker) == nil)
    rig.succeed(worker, [leases[1]])
    guard case .toWorker(_, let update)? = rig.effects.dropLast().last,
      case .endSession(worker, .drained)? = rig.effects.last
    else {
      Issue.record("the end does not follow the result")
      return
    }
    #expect(update.results.count == 1)
    #expect(rig.worker("w1") == nil)
  }

  @Test func anIdleDrainingWorkerIsEndedAtOnce() {
    let rig = Rig()
    let worker = rig.connect("w1")
    rig.say(worker, WorkerMessage(drain: true))
    guard case .drained? = rig.end(worker) else {
      Issue.record("not ended")
      return
    }
  }

  @Test func anOperatorDrainsAWorker() {
    let rig = Rig()
    rig.enqueue()
    let worker = rig.connect("w1")
    let lease = rig.jobs(worker).map(\.lease)
    let route = rig.route()
    rig.tick([.drainWorker(id: "w1", route)])
    #expect(rig.updates(worker).map(\.drain) == [true])
    guard case .done? = rig.reply(to: route) else {
      Issue.record("not done")
      return
    }
    #expect(rig.worker("w1")?.draining == true)
    rig.succeed(worker, lease)
    #expect(rig.end(worker) != nil)
    rig.tick([.drainWorker(id: "nobody", route)])
    guard case .notFound? = rig.reply(to: route) else {
      Issue.record("found")
      return
    }
  }

  @Test func aDrainingServerTellsAllAndGivesOutNothing() {
    let rig = Rig()
    rig.enqueue()
    rig.enqueue()
    let busy = rig.connect("w1")
    let lease = rig.jobs(busy).map(\.lease)
    let idle = rig.connect("w2", queues: ["none"])
    let fetching = rig.route()
    rig.tick([
      .fetch(Fetch(workerID: "f", subscriptions: [.init(pattern: .init("none"))], maxWait: .seconds(60)), fetching)
    ])
    #expect(rig.reply(to: fetching) == nil)
    rig.tick([.drain(rig.route())])
    #expect(rig.updates(busy).last?.drain == true)
    #expect(rig.end(idle) != nil)
    #expect(rig.end(busy) == nil)
    guard case .fetched(let jobs, _)? = rig.reply(to: fetching), jobs.isEmpty else {
      Issue.record("the fetch waits on")
      return
    }
    rig.succeed(busy, lease)
    #expect(rig.jobs(busy).isEmpty)
    #expect(rig.end(busy) != nil)
  }

  @Test func aSecondHelloOnAStreamIsRefused() {
    let rig = Rig()
    let worker = rig.connect("w1")
    rig.tick([.connect(rig.hello("w2"), address: "", worker)])
    guard case .protocolError? = rig.end(worker) else {
      Issue.record("allowed")
      return
    }
    #expect(rig.worker("w1") == nil)
  }

  @Test func theEngineNamesAWorkerThatHasNoName() {
    let rig = Rig()
    let worker = rig.connect("")
    #expect(rig.updates(worker).first?.welcome?.workerID.isEmpty == false)
  }

  @Test func comingAndGoingAreEvents() throws {
    let rig = Rig()
    let worker = rig.connect("w1")
    rig.tick([.disconnect(worker)])
    rig.tick()
    guard case .events(let events, _) = try rig.storage.reader.events(after: 0, limit: 10) else { return }
    #expect(events.map(\.kind) == [.workerConnected, .workerDisconnected])
    #expect(events.map(\.workerID) == ["w1", "w1"])
  }

  @Test func countsOfAWorker() {
    let rig = Rig()
    for _ in 0..<3 { rig.enqueue() }
    let worker = rig.connect("w1", most: 3)
    let leases = rig.jobs(worker).map(\.lease)
    rig.say(
      worker,
      WorkerMessage(outcomes: [
        .init(lease: leases[0], how: .success(result: [])),
        .init(lease: leases[1], how: .failure(Failure(type: "t", message: "m"))),
      ]))
    let view = rig.worker("w1")
    #expect(view?.succeededTotal == 1)
    #expect(view?.failedTotal == 1)
    #expect(view?.running == 1)
  }
}
