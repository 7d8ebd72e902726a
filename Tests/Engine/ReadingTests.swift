import Backlog
import Jobs
import MemoryStorage
import Support
import Testing

@testable import Engine

/// Rows are read beside the engine: what does not need them goes on, and none that is out of date is believed.
struct ReadingTests {
  /// A job that is not at hand: scheduled, stored and let go.
  private func distantJob(_ rig: Rig, in interval: Interval = .hours(1), name: String = "n") -> String {
    let id = rig.enqueue(NewJob(name: name, runAt: rig.now + interval))
    rig.tick()
    return id
  }

  private func controlled(_ effects: [Effect], _ route: Route) -> ControlResult? {
    for case .reply(let to, .controlled(let result)) in effects where to == route { return result }
    return nil
  }

  @Test func whatWaitsForRowsHoldsUpNobodyElse() {
    let rig = Rig()
    let id = distantJob(rig)
    rig.readsSlowly = true
    let person = rig.route()
    let producer = rig.route()
    let worker = rig.connect("w")
    let effects = rig.tick([
      .control(.cancel(jobID: id, reason: ""), person),
      .enqueue(EnqueueGroup(jobs: [NewJob(name: "m")]), nil, producer),
    ])
    #expect(controlled(effects, person) == nil && rig.reading.count == 1)
    #expect(effects.contains { if case .reply(producer, .enqueued) = $0 { true } else { false } })
    #expect(rig.jobs(worker).isEmpty == false || !rig.reading.isEmpty)
    #expect(controlled(rig.read(), person) == .done(.canceled))
    #expect(rig.engine.waitsForRows == false)
  }

  @Test func theOrderOfWhatWaitsIsKept() {
    let rig = Rig()
    let id = distantJob(rig)
    rig.readsSlowly = true
    let first = rig.route()
    let second = rig.route()
    rig.tick([.control(.cancel(jobID: id, reason: ""), first)])
    rig.tick([.control(.delete(jobID: id), second)])
    #expect(rig.reading.count == 1, "nothing is read twice")
    let effects = rig.read()
    #expect(controlled(effects, first) == .done(.canceled))
    #expect(controlled(effects, second) == .done(.canceled))
    rig.tick([.control(.delete(jobID: id), first)])
    #expect(controlled(rig.read() + rig.effects, first) == .notFound)
  }

  @Test func whoFetchesWithoutWaitingIsGivenWhatIsBeingRead() {
    let rig = Rig()
    _ = distantJob(rig, in: .seconds(1))
    rig.run(for: .milliseconds(500))
    rig.readsSlowly = true
    rig.pass(.seconds(1))
    rig.tick()
    rig.read()
    let poller = rig.route()
    var effects = rig.tick([
      .fetch(Fetch(workerID: "p", subscriptions: [Subscription(pattern: QueuePattern("*"))], maxJobs: 1), poller)
    ])
    effects += rig.read()
    var given: [Int] = []
    for case .reply(poller, .fetched(let jobs, _)) in effects { given.append(jobs.count) }
    #expect(given == [1])
  }

  /// The row says that the job is scheduled; it is canceled by the time that the row comes.
  @Test func aRowThatIsOutOfDateIsNotBelieved() throws {
    let rig = Rig()
    let id = distantJob(rig, in: .seconds(5))
    rig.readsSlowly = true
    let person = rig.route()
    rig.tick([.control(.cancel(jobID: id, reason: ""), person)])
    let stale = try #require(rig.reading.first)
    let row = try stale.request.read(rig.storage.rows)
    // Meanwhile the job's time comes: what is due has rows of its own, is stored and let go.
    rig.pass(.seconds(6))
    rig.tick()
    var others = Array(rig.reading.dropFirst())
    rig.forgetReadings()
    while let next = others.first {
      others.removeFirst()
      _ = rig.engine.arrived(next, .success(try next.request.read(rig.storage.rows)), now: rig.moment)
      rig.tick()
      others += rig.reading
      rig.forgetReadings()
    }
    #expect(try rig.storage.reader.job(id: id)?.state == .ready)
    rig.readsSlowly = false
    _ = rig.engine.arrived(stale, .success(row), now: rig.moment)
    rig.tick()
    #expect(try rig.storage.reader.job(id: id)?.state == .canceled)
    let queue = rig.engine.backlog.queues()[0]
    #expect(queue.ready == 0 && queue.scheduled == 0)
    #expect(rig.jobs(rig.connect("w")).isEmpty)
  }

  @Test func rowsThatCannotBeReadFailWhoWaitsForThem() {
    let rig = Rig()
    let id = distantJob(rig)
    rig.readsSlowly = true
    let person = rig.route()
    rig.tick([.control(.cancel(jobID: id, reason: ""), person)])
    rig.fail([.rows])
    #expect(rig.read().contains { if case .reply(person, .failed) = $0 { true } else { false } })
    rig.fail([])
    rig.readsSlowly = false
    rig.recover()
    #expect(controlled(rig.tick([.control(.cancel(jobID: id, reason: ""), person)]), person) == .done(.canceled))
  }

  @Test func rowsOfAStateThatIsGoneAreNotTakenIn() throws {
    let rig = Rig()
    let id = distantJob(rig)
    rig.readsSlowly = true
    let person = rig.route()
    rig.tick([.control(.cancel(jobID: id, reason: ""), person)])
    let late = try #require(rig.reading.first)
    let row = try late.request.read(rig.storage.rows)
    rig.forgetReadings()
    rig.fail([.write])
    rig.enqueue()
    rig.fail([])
    rig.readsSlowly = false
    rig.recover()
    #expect(rig.engine.arrived(late, .success(row), now: rig.moment).isEmpty)
    rig.tick()
    #expect(controlled(rig.tick([.control(.cancel(jobID: id, reason: ""), person)]), person) == .done(.canceled))
  }

  /// Many kinds of things at once, with rows that come late and in any order: the state stays what the storage says.
  @Test(arguments: 1...40) func anyOrderOfRowsGivesTheSameState(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let rig = Rig()
    rig.readsSlowly = true
    var ids: [String] = []
    let worker = rig.connect("w", most: 5)
    for step in 0..<400 {
      var commands: [Command] = []
      switch Int.random(in: 0..<10, using: &random) {
      case 0...3:
        let delay = Interval.milliseconds(Int64.random(in: -1_000...3_000, using: &random))
        let id = "j\(ids.count)"
        ids.append(id)
        let options = JobOptions(
          retention: .seconds(Int64.random(in: 1...20, using: &random)),
          unique: Bool.random(using: &random) ? Uniqueness(key: "k\(step % 7)", onConflict: .replace) : nil)
        commands.append(
          .enqueue(
            EnqueueGroup(jobs: [
              NewJob(id: id, queue: "q\(step % 3)", name: "n", runAt: rig.now + delay, options: options)
            ]),
            nil, rig.route()))
      case 4:
        if let id = ids.randomElement(using: &random) {
          commands.append(.control(.cancel(jobID: id, reason: "no"), rig.route()))
        }
      case 5:
        if let id = ids.randomElement(using: &random) {
          commands.append(.control(.retry(jobID: id, resetAttempts: true), rig.route()))
        }
      case 6:
        if let id = ids.randomElement(using: &random) { commands.append(.control(.delete(jobID: id), rig.route())) }
      case 7:
        commands.append(
          .sweep(
            Sweep(action: .retry(resetAttempts: false), queue: "q\(step % 3)", states: [.dead, .canceled]), rig.route())
        )
      default: break
      }
      rig.pass(.milliseconds(Int64.random(in: 0...300, using: &random)))
      rig.tick(commands)
      for case .toWorker(_, let update) in rig.effects {
        var message = WorkerMessage()
        message.ackSeq = update.seq
        for job in update.jobs {
          let how: WorkerOutcome.How =
            Bool.random(using: &random)
            ? .success(result: []) : .failure(Failure(type: "E", message: "", retryable: Bool.random(using: &random)))
          message.outcomes.append(WorkerOutcome(lease: job.lease, how: how))
        }
        rig.tick([.work(message, worker)])
      }
      // Some of what is being read comes, in any order, each row as it was when its reading began or as it is now.
      rig.arriveAtRandom(using: &random)
    }
    rig.readsSlowly = false
    rig.arriveAll()
    rig.tick()
    rig.run(for: .milliseconds(10))
    #expect(!rig.engine.waitsForRows)
    let again = Backlog(rows: rig.storage.rows, seed: 3)
    try again.load(rig.storage, Epoch(1), now: rig.moment)
    #expect(rig.engine.backlog.queues().map(\.counts) == again.queues().map(\.counts))
  }
}

extension QueueStatistics {
  fileprivate var counts: [UInt64] { [ready, scheduled, running, blocked, dead] }
}
