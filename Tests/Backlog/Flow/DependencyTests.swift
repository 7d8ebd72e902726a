import Jobs
import Support
import Testing

@testable import Backlog

struct DependencyTests {
  @Test func waitsForAllToSucceed() throws {
    let rig = try FlowRig()
    try rig.enqueue("a")
    try rig.enqueue("b", queue: "other")
    guard case .stored(_, .blocked, _) = try rig.enqueue("c", after("a", "b")) else {
      Issue.record("not blocked")
      return
    }
    #expect(rig.backlog.openDependencies(ofJob: "c") == 2)
    try rig.end(rig.claim(5))
    try rig.settleAll()
    #expect(try rig.state("c") == .blocked)
    try rig.restart()
    try rig.settleAll()
    #expect(rig.backlog.openDependencies(ofJob: "c") == 1)
    try rig.end(rig.claim(5, queues: ["other"]))
    try rig.settleAll()
    #expect(try rig.state("c") == .ready)
    // One that has succeeded counts at once; then its own time.
    guard case .stored(_, .scheduled, _) = try rig.enqueue("d", runAt: rig.now.wall + .hours(1), after("a")) else {
      Issue.record("not scheduled")
      return
    }
    let kinds = rig.events.filter { $0.jobID == "c" }.map(\.kind)
    #expect(kinds == [.blocked, .enqueued])
  }

  @Test func failureGoesDownTheTree() throws {
    let rig = try FlowRig()
    try rig.enqueue("a")
    try rig.enqueue("b", after("a"))
    try rig.enqueue("c", after("b"))
    try rig.enqueue("anyway", after("b", run: true))
    try rig.fail(rig.claim())
    #expect(try rig.state("b") == .canceled)
    #expect(try rig.state("c") == .canceled)
    #expect(try rig.state("anyway") == .ready)
    let failure = try #require(rig.storage.reader.job(id: "c")?.failures.last)
    #expect(failure.type == "dependency")
    #expect(failure.message.contains("job a,"))
    // Final already: at once, with the id that began it.
    guard case .stored(_, .canceled, _) = try rig.enqueue("late", after("c")) else {
      Issue.record("not canceled")
      return
    }
    #expect(try rig.storage.reader.job(id: "late")?.failures.last?.message.contains("job a,") == true)
  }

  @Test func whatIsRefused() throws {
    let rig = try FlowRig()
    #expect(try rig.enqueue("x", after("nobody")) == .refused(.unknownDependency(id: "nobody")))
    #expect(try rig.enqueue("x", after("x")) == .refused(.circle))
    // In a batch: earlier ones; with all or nothing any.
    let forward = [
      NewJob(id: "f1", queue: "q", name: "n", options: after("f2")), NewJob(id: "f2", queue: "q", name: "n"),
    ]
    #expect(try rig.enqueue(forward)[0] == .refused(.unknownDependency(id: "f2")))
    let again = try rig.enqueue(
      [NewJob(id: "g1", queue: "q", name: "n", options: after("g2")), NewJob(id: "g2", queue: "q", name: "n")],
      allOrNothing: true)
    guard case .stored("g1", .blocked, _) = again[0], case .stored("g2", .ready, _) = again[1] else {
      Issue.record("\(again)")
      return
    }
    let circle = try rig.enqueue(
      [
        NewJob(id: "h1", queue: "q", name: "n", options: after("h3")),
        NewJob(id: "h2", queue: "q", name: "n", options: after("h1")),
        NewJob(id: "h3", queue: "q", name: "n", options: after("h2")), NewJob(id: "h4", queue: "q", name: "n"),
      ], allOrNothing: true)
    #expect(circle == [.refused(.circle), .refused(.circle), .refused(.circle), .withdrawn])
    #expect(try rig.state("h4") == nil)
  }

  /// A group that is taken in another order than it is asked for in has ids of its own all the same.
  @Test func jobsOfAGroupInAnotherOrderAreFoundByTheIDsThatTheyWereGiven() throws {
    let rig = try FlowRig()
    func job(_ id: String, _ body: UInt8, _ options: JobOptions = .standard) -> NewJob {
      NewJob(id: id, queue: "q", name: "n", options: options, body: [body])
    }
    let results = try rig.enqueue(
      [job("", 0, after("x")), job("", 1), job("y", 2), job("", 3, after("y")), job("x", 4), job("", 5)],
      allOrNothing: true)
    let ids = results.map { if case .stored(let id, _, _) = $0 { id } else { "" } }
    #expect(Set(ids).count == 6)
    for (place, id) in ids.enumerated() {
      #expect(try rig.storage.reader.job(id: id)?.job.body == [UInt8(place)], "\(ids)")
      #expect(rig.events.filter { $0.jobID == id }.count == 1)
    }
    try rig.restart()
    for (place, id) in ids.enumerated() { #expect(try rig.storage.reader.job(id: id)?.job.body == [UInt8(place)]) }
    guard case .stored(let next, _, _) = try rig.enqueue("") else { throw StoreError(.unavailable, "not stored") }
    #expect(!ids.contains(next))
  }

  @Test func aCircleByReplacingIsRefused() throws {
    let rig = try FlowRig()
    let unique = Uniqueness(key: "k", onConflict: .replace)
    try rig.enqueue("a", JobOptions(unique: unique))
    try rig.enqueue("b", after("a"))
    try rig.enqueue("c", after("b"))
    #expect(try rig.enqueue("", JobOptions(unique: unique, dependsOn: ["c"])) == .refused(.circle))
    try rig.enqueue("other")
    guard case .duplicate("a", .blocked, _) = try rig.enqueue("", JobOptions(unique: unique, dependsOn: ["other"]))
    else {
      Issue.record("not replaced")
      return
    }
  }

  @Test func deletedOnesCountAsFailed() throws {
    let rig = try FlowRig()
    try rig.enqueue("a")
    for index in 0..<300 { try rig.enqueue("b\(index)", after("a")) }
    #expect(try rig.control(.delete(jobID: "a")) == .done(.ready))
    // The server ends before all are told.
    _ = try rig.backlog.workAndPromote(now: rig.now, limit: 100)
    try rig.tick()
    try rig.restart()
    try rig.settleAll()
    for index in 0..<300 { #expect(try rig.state("b\(index)") == .canceled) }
    #expect(try rig.storage.reader.job(id: "b7")?.failures.last?.message.contains("job a,") == true)
    // Whoever has succeeded before does not.
    try rig.enqueue("c")
    try rig.enqueue("d")
    try rig.enqueue("e", after("c", "d"))
    try rig.end(rig.claim())
    try rig.settleAll()
    _ = try rig.control(.delete(jobID: "c"))
    try rig.restart()
    try rig.settleAll()
    #expect(try rig.state("e") == .blocked)
    try rig.end(rig.claim())
    try rig.settleAll()
    #expect(try rig.state("e") == .ready)
  }

  @Test func aCrashInTheMiddleOfACascade() throws {
    let rig = try FlowRig()
    try rig.enqueue("a")
    for index in 0..<300 { try rig.enqueue("b\(index)", after("a")) }
    try rig.end(rig.claim())
    _ = try rig.backlog.workAndPromote(now: rig.now, limit: 120)
    try rig.tick()
    try rig.restart()
    try rig.settleAll()
    for index in 0..<300 { #expect(try rig.state("b\(index)") == .ready) }
  }

  @Test func retriesByHandWaitForWhatIsUnfinished() throws {
    let rig = try FlowRig()
    try rig.enqueue("a")
    try rig.enqueue("x")
    try rig.enqueue("b", after("a", "x"))
    try rig.fail([rig.claim()[0]])
    #expect(try rig.state("b") == .canceled)
    // a has failed and does not hold it any more, x does.
    #expect(try rig.control(.retry(jobID: "b", resetAttempts: false)) == .done(.blocked))
    try rig.restart()
    try rig.settleAll()
    #expect(try rig.state("b") == .blocked)
    try rig.end(rig.claim())
    try rig.settleAll()
    #expect(try rig.state("b") == .ready)
  }

  @Test func dependenciesAreKeptUntilTheirDependentsAreOver() throws {
    let rig = try FlowRig(retention: .seconds(10))
    try rig.enqueue("a")
    try rig.enqueue("b", runAt: rig.now.wall + .seconds(500), after("a"))
    try rig.end(rig.claim())
    for _ in 0..<40 {
      try rig.pass(.seconds(10))
      _ = try rig.backlog.forget(now: rig.now, limit: 100)
      try rig.tick()
    }
    #expect(try rig.state("a") == .succeeded)
    try rig.pass(.seconds(120))
    try rig.end(rig.claim())
    for _ in 0..<20 {
      try rig.pass(.seconds(10))
      _ = try rig.backlog.forget(now: rig.now, limit: 100)
      try rig.tick()
    }
    #expect(try rig.state("a") == nil)
    #expect(rig.backlog.graph.isEmpty)
  }

  /// Random graphs, outcomes, deletions and crashes against what the states of the jobs say.
  @Test(arguments: 0..<12)
  func randomGraphs(seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed) &+ 5)
    let rig = try FlowRig()
    var asked: [String: JobOptions] = [:]
    var made: [String] = []
    // Retried by hand, in half of the worlds.
    var again: Set<String> = []
    for step in 0..<250 {
      switch Int.random(in: 0..<10, using: &random) {
      case 0...3:
        let id = "j\(step)"
        let some = Set(
          (0..<Int.random(in: 0...4, using: &random)).compactMap { _ in made.suffix(30).randomElement(using: &random) })
        let options = JobOptions(
          dependsOn: some.sorted(), onDependencyFailure: random.chance(30) ? .run : .cancel)
        if case .stored = try rig.enqueue(id, options) {
          made.append(id)
          asked[id] = options
        }
      case 4...6:
        for claimed in try rig.claim(Int.random(in: 1...3, using: &random)) {
          let outcome: Settlement.Outcome =
            random.chance(75)
            ? .succeeded(result: []) : .failed(Failure(type: "f", message: "m", retryable: false), draw: 0.5)
          try rig.end([claimed], outcome)
        }
      case 7:
        guard let id = made.randomElement(using: &random) else { break }
        if seed % 2 == 0 || random.chance(50) {
          _ = try rig.control(.cancel(jobID: id, reason: ""))
        } else if asked[id].map({ $0.dependsOn.isEmpty || $0.onDependencyFailure == .run }) ?? false,
          case .done = try rig.control(.retry(jobID: id, resetAttempts: true))
        {
          again.insert(id)
        }
      case 8: _ = try rig.backlog.workAndPromote(now: rig.now, limit: Int.random(in: 1...3, using: &random))
      default:
        if random.chance(50) { try rig.tick() }
        try rig.restart()
      }
    }
    try rig.tick()
    try rig.settleAll()
    for (id, options) in asked {
      let record = try #require(try rig.storage.reader.job(id: id))
      let states = try options.dependsOn.compactMap { try rig.state($0) }
      let hasFailed = states.contains { $0.isFinal && $0 != .succeeded } && options.onDependencyFailure == .cancel
      let isOpen = states.contains { !$0.isFinal }
      if record.state == .blocked {
        #expect(isOpen && !hasFailed, "seed \(seed) \(id)")
        #expect(rig.backlog.openDependencies(ofJob: id) == states.count { !$0.isFinal })
      } else if !again.isDisjoint(with: options.dependsOn) || again.contains(id) {
        // They may have been over when it began.
        continue
      } else if !record.state.isFinal {
        #expect(!isOpen && !hasFailed, "seed \(seed) \(id)")
      } else if record.state == .succeeded {
        #expect(!isOpen && !hasFailed, "seed \(seed) \(id)")
      }
    }
  }

  /// One that was over and is retried by hand is waited for again by those that wait for others still, the same before and after a load.
  @Test(arguments: [false, true], [false, true]) func oneThatIsRetriedIsWaitedForAgain(isNew: Bool, isRestarted: Bool)
    throws
  {
    let rig = try FlowRig()
    try rig.enqueue("a", queue: "first")
    try rig.enqueue("b", queue: "second")
    // It waits for the failed one's end, or comes when that is over already.
    if !isNew { try rig.enqueue("c", after("a", "b", run: true)) }
    try rig.fail(rig.claim(queues: ["first"]))
    if isNew { try rig.enqueue("c", after("a", "b", run: true)) }
    #expect(rig.backlog.openDependencies(ofJob: "c") == 1)
    if isRestarted { try rig.restart() }
    try rig.settleAll()
    #expect(try rig.control(.retry(jobID: "a", resetAttempts: true)) == .done(.ready))
    #expect(rig.backlog.openDependencies(ofJob: "c") == 2)
    try rig.end(rig.claim(queues: ["second"]))
    try rig.settleAll()
    #expect(try rig.state("c") == .blocked)
    try rig.fail(rig.claim(queues: ["first"]))
    #expect(try rig.state("c") == .ready)
  }

  /// What waits for a job that was over may be what that one waits for when it is retried: then it does not wait for it again.
  @Test(arguments: [false, true]) func oneThatIsRetriedMakesNoCircle(isRestarted: Bool) throws {
    let rig = try FlowRig()
    let unique = Uniqueness(key: "k", onConflict: .replace)
    try rig.enqueue("d", JobOptions(unique: unique))
    try rig.enqueue("x", after("d"))
    try rig.enqueue("c", queue: "other")
    try rig.enqueue("a", after("x", "c", run: true))
    #expect(try rig.control(.cancel(jobID: "x", reason: "")) == .done(.canceled))
    try rig.settleAll()
    try rig.enqueue("", JobOptions(unique: unique, dependsOn: ["a"]))
    #expect(try rig.control(.retry(jobID: "x", resetAttempts: true)) == .done(.blocked))
    if isRestarted { try rig.restart() }
    try rig.end(rig.claim(queues: ["other"]))
    for id in ["a", "d", "x"] {
      try rig.settleAll()
      let claimed = try rig.claim(5)
      #expect(claimed.map(\.job.id) == [id])
      try rig.end(claimed)
    }
  }

  /// One that waits for nothing closes no circle: what follows from each of those that wait for it is not looked through, which would be half of
  /// this number squared.
  @Test(.timeLimit(.minutes(1))) func oneThatIsRetriedCostsWhatWaitsForIt() throws {
    let rig = try FlowRig()
    let count = 20_000
    try rig.enqueue("a", queue: "first")
    try rig.enqueue("b", queue: "second")
    for number in 0..<count {
      try rig.enqueue("w\(number)", after("a", "b", run: true))
      try rig.enqueue("c\(number)", number == 0 ? after("w0") : after("w\(number)", "c\(number - 1)"))
    }
    try rig.fail(rig.claim(queues: ["first"]))
    try rig.settleAll()
    #expect(rig.backlog.openDependencies(ofJob: "w0") == 1)
    #expect(try rig.control(.retry(jobID: "a", resetAttempts: true)) == .done(.ready))
    #expect(rig.backlog.openDependencies(ofJob: "w0") == 2)
    #expect(rig.backlog.openDependencies(ofJob: "w\(count - 1)") == 2)
  }

  @Test func theGraphIsSmall() {
    var graph = DependencyGraph()
    // A chain of a hundred thousand and a fan of as many.
    for seq: Int64 in 2...100_000 { graph.block(seq, on: [seq - 1], runsAnyway: false) }
    for seq: Int64 in 2...100_000 { graph.pin(seq - 1) }
    #expect(graph.size / 100_000 <= 100)
    for seq: Int64 in 1..<100_000 {
      var waiters = graph.takeWaiters(seq)
      #expect(graph.next(&waiters) == seq + 1)
      #expect(graph.count(down: seq + 1) == 0)
      graph.unpin(seq)
    }
    #expect(graph.isEmpty && graph.blocked == 0)
    for seq: Int64 in 2...100_000 { graph.block(seq, on: [1], runsAnyway: true) }
    #expect(graph.size / 100_000 <= 100)
    graph.unblock(50_000)
    var waiters = graph.takeWaiters(1)
    var told = 0
    while graph.next(&waiters) != nil { told += 1 }
    #expect(told == 99_998)
  }
}
