import Backlog
import Jobs
import MemoryStorage
import Support
import Testing

@testable import Engine

/// Rows that come late, while more is asked for: nobody waits for what others came to ask, and nothing old is taken for new.
struct LateRowsTests {
  /// A job that is not at hand: scheduled, stored and let go.
  private func distantJob(
    _ rig: Rig, in interval: Interval = .hours(1), queue: String = "default", key: String? = nil, body: [UInt8] = []
  ) -> String {
    let options = JobOptions(unique: key.map { Uniqueness(key: $0, onConflict: .replace) })
    let id = rig.enqueue(
      NewJob(queue: queue, name: "n", runAt: rig.now + interval, options: options, payloadSize: body.count, body: body))
    rig.tick()
    return id
  }

  /// One that is ready and not at hand.
  private func distantReady(_ rig: Rig, queue: String = "default", key: String? = nil, body: [UInt8] = []) -> String {
    let id = distantJob(rig, in: .seconds(1), queue: queue, key: key, body: body)
    rig.pass(.seconds(2))
    rig.tick()
    rig.tick()
    return id
  }

  private func take(_ rig: Rig) -> [RowReading] {
    defer { rig.forgetReadings() }
    return rig.reading
  }

  private func answer(_ rig: Rig, _ reading: RowReading) throws -> [Effect] {
    arrive(rig, reading, try reading.request.read(rig.storage.rows))
  }

  private func arrive(_ rig: Rig, _ reading: RowReading, _ answer: RowAnswer) -> [Effect] {
    rig.engine.arrived(reading, .success(answer), now: rig.moment) + rig.tick()
  }

  private func withKey(_ key: String) -> EnqueueGroup {
    EnqueueGroup(jobs: [NewJob(name: "n", options: JobOptions(unique: Uniqueness(key: key, onConflict: .keep)))])
  }

  @Test func whoCameLaterAndWantsOtherRowsHoldsUpNobody() throws {
    let rig = Rig()
    for number in 0..<4 { _ = distantJob(rig, key: "k\(number)") }
    rig.readsSlowly = true
    let routes = (0..<4).map { _ in rig.route() }
    rig.tick([.enqueue(withKey("k0"), nil, routes[0])])
    for number in 1..<4 {
      let readings = take(rig)
      // With each row that comes, somebody else is there who wants another.
      rig.tick([.enqueue(withKey("k\(number)"), nil, routes[number])])
      try #require(readings.count == 1, "round \(number)")
      let effects = try answer(rig, readings[0])
      #expect(rig.reply(to: routes[number - 1], in: effects) != nil, "round \(number)")
      #expect(rig.engine.nextWake == rig.elapsed)
      rig.tick()
    }
    #expect(rig.engine.backlog.openReadings == 1)
    _ = try answer(rig, take(rig)[0])
    #expect(rig.reply(to: routes[3]) != nil)
    #expect(!rig.engine.waitsForRows && rig.engine.backlog.openReadings == 0)
  }

  @Test func peopleDoNotWaitForOthersEither() throws {
    let rig = Rig()
    let ids = (0..<3).map { _ in distantJob(rig) }
    rig.readsSlowly = true
    let routes = (0..<3).map { _ in rig.route() }
    rig.tick([.control(.cancel(jobID: ids[0], reason: ""), routes[0])])
    for number in 1..<3 {
      let readings = take(rig)
      rig.tick([.control(.cancel(jobID: ids[number], reason: ""), routes[number])])
      let effects = try answer(rig, readings[0])
      #expect(rig.reply(to: routes[number - 1], in: effects) != nil)
      rig.tick()
    }
  }

  @Test func whatIsDueIsNotHeldUpByWhatIsDueLater() throws {
    let rig = Rig()
    let ids = (0..<4).map { distantJob(rig, in: .seconds(1) + .milliseconds(100 * Int64($0))) }
    rig.readsSlowly = true
    rig.pass(.seconds(1))
    rig.tick()
    for number in 0..<3 {
      let readings = take(rig)
      try #require(readings.count == 1, "round \(number)")
      rig.pass(.milliseconds(100))
      _ = try answer(rig, readings[0])
      #expect(rig.state(ids[number]) == .ready, "round \(number)")
      rig.tick()
    }
    #expect(rig.engine.backlog.openReadings == 1)
  }

  @Test func leasesEndWhileRowsAreRead() {
    let rig = Rig({ $0.lease = .seconds(10) })
    let worker = rig.connect("w")
    rig.enqueue(NewJob(queue: "q", name: "n"))
    #expect(rig.jobs(worker, in: rig.early).count == 1)
    _ = distantJob(rig, in: .seconds(5))
    rig.readsSlowly = true
    rig.run(for: .seconds(30))
    #expect(!rig.reading.isEmpty)
    #expect(rig.engine.backlog.queues().first { $0.name == "q" }?.running == 0)
  }

  @Test func aQueueWhoseRowsAreReadHoldsUpNoOther() {
    let rig = Rig()
    let far = distantReady(rig, queue: "far")
    rig.readsSlowly = true
    let slow = rig.connect("slow", queues: ["far"])
    #expect(rig.jobs(slow).isEmpty && rig.reading.count == 1)
    let quick = rig.connect("quick", queues: ["near"])
    let near = rig.enqueue(NewJob(queue: "near", name: "n"))
    #expect(rig.jobs(quick, in: rig.early).map(\.lease.jobID) == [near])
    #expect(rig.reading.count == 1, "nothing is read twice")
    #expect(rig.jobs(slow, in: rig.read()).map(\.lease.jobID) == [far])
  }

  @Test func aLongBacklogIsReadInPieces() {
    let before = Rig()
    for _ in 0..<300 { before.enqueue(NewJob(name: "n", payloadSize: 100, body: [UInt8](repeating: 1, count: 100))) }
    before.tick()
    let rig = Rig(storage: before.storage)
    let worker = rig.connect("w")
    var done = 0
    var said = rig.effects
    while let job = rig.jobs(worker, in: said).first {
      done += 1
      rig.succeed(worker, [job.lease])
      said = rig.effects
    }
    #expect(done == 300)
    #expect(rig.reads <= 4, "a worker that takes one at a time does not have each read by itself")
  }

  @Test func aPageOfASweepWhoseCallerHasGoneIsNotAnothers() throws {
    let rig = Rig()
    for _ in 0..<300 { _ = rig.enqueue(NewJob(queue: "many", name: "n", runAt: rig.now + .hours(1))) }
    _ = rig.enqueue(NewJob(queue: "few", name: "n", runAt: rig.now + .hours(1)))
    rig.readsSlowly = true
    let gone = rig.route()
    let stays = rig.route()
    rig.tick([.sweep(Sweep(action: .delete, queue: "few", states: []), gone)])
    let page = try #require(take(rig).first)
    rig.tick([.sweep(Sweep(action: .delete, queue: "many", states: []), stays), .forget(gone)])
    var effects = try answer(rig, page)
    while let next = rig.reading.first {
      rig.forgetReadings()
      effects += try answer(rig, next)
      effects += rig.tick()
    }
    guard case .swept(let count)? = rig.reply(to: stays, in: effects) else {
      Issue.record("the sweep has not ended")
      return
    }
    #expect(count == 300)
  }

  /// What was read before a job was replaced is not its body any more, also when the new one was let go meanwhile.
  @Test func aBodyThatWasReplacedIsNotGivenOut() throws {
    let rig = Rig()
    let id = distantReady(rig, key: "k", body: [1])
    rig.readsSlowly = true
    let worker = rig.connect("w")
    let late = try #require(take(rig).first)
    let old = try late.request.read(rig.storage.rows)
    let unique = Uniqueness(key: "k", onConflict: .replace)
    rig.tick([
      .enqueue(
        EnqueueGroup(jobs: [NewJob(name: "n", options: JobOptions(unique: unique), payloadSize: 1, body: [2])]), nil,
        rig.route())
    ])
    let effects = try answer(rig, try #require(take(rig).first))
    let given = try #require(rig.jobs(worker, in: effects).first)
    #expect(given.lease.jobID == id && given.job.body == [2])
    rig.tick()
    var said = arrive(rig, late, old)
    said += rig.tick([
      .work(WorkerMessage(ackSeq: 9, outcomes: [WorkerOutcome(lease: given.lease, how: .release(delay: nil))]), worker)
    ])
    rig.readsSlowly = false
    said += rig.tick()
    said += rig.read()
    #expect(rig.jobs(worker, in: said).map(\.job.body) == [[2]])
  }

  /// An engine on what another has stored: no job that waits is at hand. Reading in line ends it.
  private func anew(_ rig: Rig) -> Rig {
    let again = Rig(storage: rig.storage)
    again.readsSlowly = true
    again.fail([.rows])
    return again
  }

  private func read(_ rig: Rig) -> [Effect] {
    rig.fail([])
    defer { rig.fail([.rows]) }
    return rig.read()
  }

  @Test func thoseThatWaitForOthersAreReadAside() throws {
    let before = Rig()
    before.enqueue(NewJob(id: "first", name: "n"))
    for number in 0..<3 {
      before.enqueue(NewJob(id: "w\(number)", name: "m", options: JobOptions(dependsOn: ["first"])))
    }
    before.tick()
    let rig = anew(before)
    let worker = rig.connect("w", names: ["n"])
    let given = try #require(rig.jobs(worker, in: read(rig)).first)
    rig.succeed(worker, [given.lease])
    #expect(rig.reading.count == 1 && rig.state("w0") == .blocked)
    _ = read(rig)
    #expect((0..<3).map { rig.state("w\($0)") } == [.ready, .ready, .ready])
    #expect(rig.engine.storageFailure == nil && rig.engine.backlog.openReadings == 0)
  }

  @Test func whatCallbacksAndRecurringJobsMeetIsReadAside() throws {
    let before = Rig()
    before.enqueue(NewJob(id: "there", name: "m", runAt: before.now + .hours(1)))
    before.enqueue(NewJob(id: "one", name: "n", options: JobOptions(batchID: "b")))
    before.tick([
      .flow(
        .putBatch(BatchTerms(id: "b", onFinished: NewJob(id: "there", name: "callback"), isClosed: true)),
        before.route()),
      .flow(
        .putRecurring(
          RecurringJob(
            id: "r", schedule: .every(.hours(10)),
            job: NewJob(name: "m", options: JobOptions(unique: Uniqueness(key: "k", onConflict: .keep))))),
        before.route()),
    ])
    before.enqueue(
      NewJob(
        id: "holder", name: "m", runAt: before.now + .hours(1),
        options: JobOptions(unique: Uniqueness(key: "k", onConflict: .keep))))
    before.tick()
    let rig = anew(before)
    let worker = rig.connect("w", names: ["n"])
    let given = try #require(rig.jobs(worker, in: read(rig)).first)
    rig.succeed(worker, [given.lease])
    #expect(rig.reading.count == 1)
    _ = read(rig)
    let batch = rig.route()
    rig.tick([.flow(.batch("b"), batch)])
    guard case .flow(.batch(let view))? = rig.reply(to: batch) else {
      Issue.record("no batch")
      return
    }
    #expect(view.onFinishedJobID == "there")
    let trigger = rig.route()
    rig.tick([.flow(.triggerRecurring("r"), trigger)])
    guard case .flow(.triggered(let id))? = rig.reply(to: trigger, in: read(rig)) else {
      Issue.record("not triggered")
      return
    }
    #expect(id == "holder")
    #expect(rig.engine.storageFailure == nil && rig.engine.backlog.openReadings == 0)
  }

  @Test func aJobThatEndedWhileThePageWasReadIsForgottenInTime() throws {
    let rig = Rig()
    let first = rig.enqueue(NewJob(name: "n", options: JobOptions(retention: .seconds(1))))
    let second = rig.enqueue(NewJob(name: "n", options: JobOptions(retention: .seconds(0))))
    rig.tick([.control(.cancel(jobID: first, reason: ""), rig.route())])
    rig.readsSlowly = true
    rig.run(for: .seconds(3))
    let page = try #require(take(rig).first { $0.request.isPage })
    let rows = try page.request.read(rig.storage.rows)
    // It has ended by the time that the page was asked for, and is stored only afterwards.
    rig.setClock(by: .milliseconds(-3_000))
    rig.tick([.control(.cancel(jobID: second, reason: ""), rig.route())])
    rig.setClock(by: .milliseconds(3_000))
    rig.tick()
    _ = arrive(rig, page, rows)
    rig.readsSlowly = false
    rig.run(for: .minutes(2))
    #expect(rig.record(first) == nil && rig.record(second) == nil)
  }
}
