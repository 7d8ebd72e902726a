import Backlog
import Jobs
import Support
import Testing

/// One job that is rejected rejects all of its group: nothing of it is stored, and nothing that was there is changed.
struct AllOrNothingTests {
  private let replacing = Uniqueness(key: "k", onConflict: .replace)

  private func job(_ id: String, _ options: JobOptions = .standard) -> NewJob {
    NewJob(id: id, queue: "q", name: "n", options: options)
  }

  private func isTaken(_ result: EnqueueResult) -> Bool {
    switch result {
    case .stored, .duplicate: true
    case .conflict, .withdrawn, .refused: false
    }
  }

  /// What there is, as far as a group could change it.
  private func all(_ rig: FlowRig) throws -> [String] {
    try rig.all().map { job in
      let options = job.job.options
      return "\(job.seq) \(job.state) \(options.dependsOn) \(options.concurrencyKey) \(options.batchID)"
    }
  }

  /// A rig in which `held` waits with the key, and `behind` for it.
  private func held() throws -> FlowRig {
    let rig = try FlowRig()
    try rig.enqueue("held", JobOptions(unique: Uniqueness(key: "k")))
    try rig.enqueue("behind", JobOptions(dependsOn: ["held"]))
    guard case .done = try rig.backlog.putBatch(BatchTerms(id: "closed", isClosed: true), now: rig.now) else {
      throw StoreError(.unusable, "not put")
    }
    try rig.tick()
    return rig
  }

  private func refuses(_ jobs: [NewJob], _ expected: [EnqueueResult]) throws {
    let rig = try held()
    let before = try all(rig)
    #expect(try rig.enqueue([job("first")] + jobs, allOrNothing: true) == [.withdrawn] + expected)
    #expect(try all(rig) == before)
  }

  @Test func aReplacingJobThatIsRefused() throws {
    try refuses(
      [job("", JobOptions(unique: replacing, dependsOn: ["none"]))], [.refused(.unknownDependency(id: "none"))])
    try refuses([job("", JobOptions(unique: replacing, dependsOn: ["held"]))], [.refused(.circle)])
    try refuses([job("", JobOptions(unique: replacing, dependsOn: ["behind"]))], [.refused(.circle)])
    try refuses(
      [job("", JobOptions(unique: replacing, batchID: "closed"))], [.refused(.batchClosed(id: "closed"))])
    // By way of another job of the group.
    try refuses(
      [job("new", JobOptions(dependsOn: ["held"])), job("", JobOptions(unique: replacing, dependsOn: ["new"]))],
      [.withdrawn, .refused(.circle)])
  }

  @Test func oneThatDependsOnAnIDThatTheKeyKeepsAway() throws {
    for conflict in [Uniqueness.OnConflict.keep, .replace] {
      let unique = Uniqueness(key: "k", onConflict: conflict)
      try refuses(
        [job("kept", JobOptions(unique: unique)), job("after", JobOptions(dependsOn: ["kept"]))],
        [.withdrawn, .refused(.unknownDependency(id: "kept"))])
    }
  }

  @Test func oneThatReplacesAnotherOfTheGroup() throws {
    let own = Uniqueness(key: "own", onConflict: .replace)
    try refuses(
      [job("new", JobOptions(unique: own)), job("", JobOptions(unique: own, dependsOn: ["none"]))],
      [.withdrawn, .refused(.unknownDependency(id: "none"))])
    try refuses(
      [job("new", JobOptions(unique: own)), job("", JobOptions(unique: own, dependsOn: ["new"]))],
      [.withdrawn, .refused(.circle)])
  }

  @Test func aReplacedJobMakesRoomUnderALimitAndTakesIt() throws {
    let limit = Limit(.key("full"), maxWaiting: 1)
    let moving = job("", JobOptions(unique: replacing, concurrencyKey: "full"))
    var rig = try held()
    rig.backlog.putLimit(limit, now: rig.now)
    let refused = try rig.enqueue([moving, job("new", JobOptions(concurrencyKey: "full"))], allOrNothing: true)
    guard refused[0] == .withdrawn, case .refused(.tooManyWaiting) = refused[1] else {
      Issue.record("\(refused)")
      return
    }
    rig = try held()
    rig.backlog.putLimit(limit, now: rig.now)
    try rig.enqueue([moving])
    let taken = try rig.enqueue(
      [job("", JobOptions(unique: replacing)), job("new", JobOptions(concurrencyKey: "full"))], allOrNothing: true)
    #expect(taken.allSatisfy(isTaken))
  }

  @Test(arguments: 0..<400)
  func randomGroups(seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed) &+ 77)
    let rig = try FlowRig()
    rig.backlog.putLimit(Limit(.key("c0"), maxWaiting: 3), now: rig.now)
    _ = try rig.backlog.putBatch(BatchTerms(id: "b0", isClosed: true), now: rig.now)
    var names: [String] = (0..<6).map { "j\($0)" }
    func options() -> JobOptions {
      let unique = Uniqueness(
        key: "k\(Int.random(in: 0..<3, using: &random))", holdFor: Bool.random(using: &random) ? .seconds(60) : nil,
        onConflict: [.keep, .replace, .replace, .reject].randomElement(using: &random) ?? .keep)
      let others = Set(
        (0..<Int.random(in: 0..<3, using: &random)).compactMap { _ in names.randomElement(using: &random) })
      return JobOptions(
        unique: Bool.random(using: &random) ? unique : nil,
        concurrencyKey: Bool.random(using: &random) ? "c\(Int.random(in: 0..<2, using: &random))" : "",
        batchID: Int.random(in: 0..<4, using: &random) == 0 ? "b\(Int.random(in: 0..<3, using: &random))" : "",
        dependsOn: others.sorted(), onDependencyFailure: Bool.random(using: &random) ? .cancel : .run)
    }
    for round in 0..<12 {
      names.append("j\(round + 6)")
      let jobs = (0..<Int.random(in: 1..<6, using: &random)).map { _ in
        job(Bool.random(using: &random) ? names.randomElement(using: &random) ?? "" : "", options())
      }
      let before = try all(rig)
      let results = try rig.enqueue(jobs, allOrNothing: true)
      guard results.allSatisfy(isTaken) || !results.contains(where: isTaken) else {
        Issue.record("seed \(seed), round \(round): some of \(jobs.map(\.id)) taken: \(results)")
        return
      }
      if !results.contains(where: isTaken) {
        #expect(try all(rig) == before, "seed \(seed), round \(round)")
        // There is one at fault.
        #expect(try !rig.enqueue(jobs).allSatisfy(isTaken), "seed \(seed), round \(round): \(results)")
      }
      // Some end, so that keys and those that failed are there too.
      if round % 3 == 2 { try rig.fail(rig.claim(1)) } else { try rig.end(rig.claim(1)) }
      try rig.settleAll()
    }
  }
}
