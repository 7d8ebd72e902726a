import Backlog
import Jobs
import MemoryStorage
import Testing

@testable import Engine

/// Who is given large jobs is given some, and more when its loop says that these have left: what waits for a connection is bounded.
struct SatedTests {
  private func large(_ size: Int, _ count: Int, _ options: JobOptions = .standard) -> Command {
    let job = NewJob(
      name: "n", options: options, payloadSize: size, body: [UInt8](repeating: 1, count: size))
    return .enqueue(EnqueueGroup(jobs: [NewJob](repeating: job, count: count)), nil, Route(loop: 0, id: 1 << 40))
  }

  /// What its loop says when all of an update has left.
  private let left = WorkerMessage(capacity: 100)

  /// Jobs and marks of all updates until the engine rests.
  private func given(_ rig: Rig, _ worker: Route) -> (jobs: Int, isEnough: [Bool]) {
    let updates = rig.updates(worker, in: rig.effects + rig.run(for: .seconds(1))).filter { !$0.jobs.isEmpty }
    return (updates.reduce(0) { $0 + $1.jobs.count }, updates.map(\.isEnough))
  }

  @Test func aStreamIsGivenAboutAMebibyteUntilThatHasLeft() {
    let rig = Rig()
    let worker = rig.connect("w", most: 100)
    rig.tick([large(400_000, 7)])
    #expect(given(rig, worker) == (3, [false, true]))
    rig.say(worker, WorkerMessage(ackSeq: 1))
    #expect(given(rig, worker) == (0, []))
    rig.say(worker, left)
    #expect(given(rig, worker) == (3, [false, true]))
    rig.say(worker, left)
    // Nobody need say that this has left.
    #expect(given(rig, worker) == (1, [false]))
    rig.tick([large(400_000, 1)])
    #expect(given(rig, worker) == (1, [false]))
  }

  @Test func whatIsNotPayloadCountsToo() {
    let rig = Rig()
    let worker = rig.connect("w", most: 100)
    let job = NewJob(name: "n", payloadSize: 1, body: [UInt8](repeating: 1, count: 400_000))
    rig.tick([.enqueue(EnqueueGroup(jobs: [NewJob](repeating: job, count: 7)), nil, rig.route())])
    #expect(given(rig, worker).jobs == 3)
  }

  @Test func whatItReportsMakesNoRoomBeforeTheRestHasLeft() {
    let rig = Rig()
    let worker = rig.connect("w", most: 100)
    rig.tick([large(600_000, 6)])
    let first = rig.jobs(worker)
    #expect(first.count == 2)
    rig.succeed(worker, [first[0].lease])
    #expect(given(rig, worker) == (0, []))
    rig.say(worker, left)
    #expect(given(rig, worker).jobs == 2)
  }

  /// The mark comes in time although its worker is of a busy group: the others go on.
  @Test func theOthersOfItsGroupGoOn() {
    let rig = Rig()
    let slow = rig.connect("slow", most: 100)
    let quick = rig.connect("quick", most: 100)
    rig.tick([large(600_000, 8)])
    #expect(rig.jobs(slow).count == 2 && rig.jobs(quick).count == 2)
    for _ in 0..<2 {
      rig.say(quick, left)
      #expect(given(rig, quick).jobs == 2)
    }
    #expect(given(rig, slow).jobs == 0)
    rig.say(slow, left)
    #expect(given(rig, slow).jobs == 0)
    rig.tick([large(600_000, 1)])
    #expect(rig.jobs(slow).count + rig.jobs(quick).count == 1)
  }

  @Test func whoDoesNotReadIsGivenNoMore() {
    let rig = Rig()
    let worker = rig.connect("w", most: 100)
    rig.tick([large(900_000, 3)])
    #expect(rig.jobs(worker).count == 2)
    // Its loop says that nothing leaves, and later that it does.
    rig.tick([.work(WorkerMessage(capacity: 0), worker)])
    #expect(given(rig, worker).jobs == 0)
    rig.say(worker, left)
    #expect(given(rig, worker).jobs == 1)
  }

  @Test func aClaimThatEndedEarlyDoesNotHideWhatStillFitsTheWorkersOwnBytes() {
    let rig = Rig()
    let worker = rig.connect("w", most: 100, bytes: 3_000_000)
    rig.tick([large(800_000, 5)])
    #expect(given(rig, worker).jobs == 2)
    rig.say(worker, left)
    // Three hold 2,400,000 bytes: a fourth has no room.
    #expect(given(rig, worker).jobs == 1)
    rig.say(worker, left)
    #expect(given(rig, worker).jobs == 0)
  }

  @Test func whatARateLetsStartIsMarkedWhenItIsSaid() {
    let rig = Rig()
    rig.tick([.flow(.putLimit(Limit(.queue("default"), rate: .init(count: 50, period: .seconds(60)))), rig.route())])
    let worker = rig.connect("w", most: 100)
    rig.isSlow = true
    rig.tick([large(600_000, 6)])
    // Not before it is stored, and no more meanwhile.
    #expect(rig.jobs(worker).isEmpty)
    #expect(given(rig, worker) == (0, []))
    rig.isSlow = false
    let updates = rig.updates(worker, in: rig.store()).filter { !$0.jobs.isEmpty }
    #expect(updates.map(\.jobs.count) == [1, 1] && updates.map(\.isEnough) == [false, true])
    rig.say(worker, left)
    #expect(given(rig, worker).jobs == 2)
  }

  /// Nobody would ever say that it has left.
  @Test func whatCouldNotBeStoredIsNotWaitedFor() {
    let rig = Rig()
    rig.tick([.flow(.putLimit(Limit(.queue("default"), rate: .init(count: 50, period: .seconds(60)))), rig.route())])
    rig.tick([large(600_000, 6)])
    rig.fail([.write])
    let worker = rig.connect("w", most: 100)
    #expect(rig.jobs(worker).isEmpty)
    rig.fail([])
    #expect(rig.jobs(worker, in: rig.recover()).count == 2)
  }

  /// The storage fails while an update is on its way; its loop says in the outage, or after it, that it has left.
  @Test(arguments: [true, false]) func anOutageForgetsNobody(_ isSaidMeanwhile: Bool) {
    let rig = Rig()
    let worker = rig.connect("w", most: 100)
    rig.tick([large(600_000, 6)])
    #expect(rig.jobs(worker).count == 2)
    rig.fail([.write])
    rig.enqueue()
    #expect(rig.engine.storageFailure != nil)
    if isSaidMeanwhile { rig.say(worker, left) }
    rig.fail([])
    var jobs = rig.jobs(worker, in: rig.recover()).count
    if !isSaidMeanwhile {
      rig.say(worker, left)
      jobs += given(rig, worker).jobs
    }
    #expect(jobs >= 2)
  }

  @Test func whoComesBackIsNotWaitedFor() {
    let rig = Rig()
    let worker = rig.connect("w", most: 100, window: .seconds(30))
    rig.tick([large(600_000, 6)])
    let first = rig.updates(worker)
    rig.say(worker, WorkerMessage(ackSeq: first.last?.seq ?? 0))
    rig.tick([.disconnect(worker)])
    let again = rig.connect("w", most: 100, window: .seconds(30), held: first.flatMap(\.jobs).map(\.lease))
    #expect(given(rig, again).jobs == 2)
  }

  /// It takes none, and then some again: by then what it was given has left.
  @Test func aWorkerThatGoesQuietIsGivenMoreWhenItSaysSo() {
    let rig = Rig()
    let worker = rig.connect("w", most: 100)
    rig.tick([large(600_000, 4)])
    rig.say(worker, WorkerMessage(capacity: 0))
    #expect(given(rig, worker).jobs == 0)
    rig.say(worker, WorkerMessage(capacity: 10))
    #expect(given(rig, worker).jobs == 2)
  }

  @Test func peopleAreToldWhatItWaitsFor() {
    let rig = Rig()
    let worker = rig.connect("w", most: 100)
    rig.tick([large(2_000_000, 1)])
    #expect(rig.jobs(worker).count == 1)
    let id = rig.enqueue()
    let route = rig.route()
    guard let record = rig.record(id) else {
      Issue.record("not stored")
      return
    }
    rig.tick([.explain(record, route)])
    guard case .explained(let explanation)? = rig.reply(to: route) else {
      Issue.record("not explained")
      return
    }
    #expect(explanation.reasons.contains { $0.text.contains("w (has not read what it was given)") })
  }
}
