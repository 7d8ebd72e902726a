import Jobs
import Testing

@testable import Backlog

/// What need not be read again, and who must not take whose room.
struct KeptJobsTests {
  @Test func thoseThatAreFreedTogetherAreReadInOneBatchAndNotAgainForTheirClaim() throws {
    let rig = try FlowRig()
    try rig.enqueue((0..<90).map { NewJob(id: "root\($0)", queue: "q", name: "n") })
    try rig.enqueue(
      (0..<90).map { NewJob(id: "next\($0)", queue: "q", name: "n", options: JobOptions(dependsOn: ["root\($0)"])) })
    try rig.restart()
    try rig.settleAll()
    let roots = try rig.claim(90)
    #expect(roots.count == 90)
    try rig.end(roots)
    _ = rig.rows.take()
    try rig.settleAll()
    #expect(rig.rows.take() == (1, 90))
    #expect(try rig.claim(90).map(\.job.id) == (0..<90).map { "next\($0)" })
    #expect(rig.rows.take() == (0, 0))
  }

  @Test func whatManyDependOnIsReadOnce() throws {
    let rig = try FlowRig()
    try rig.enqueue("root")
    try rig.restart()
    _ = rig.rows.take()
    try rig.enqueue(
      (0..<50).map { NewJob(id: "n\($0)", queue: "q", name: "n", options: JobOptions(dependsOn: ["root"])) })
    #expect(rig.rows.take() == (1, 1))
  }

  @Test func oneSuccessAndOneFailureInTheSameSlice() throws {
    let rig = try FlowRig()
    try rig.enqueue(["good", "bad"].map { NewJob(id: $0, queue: "q", name: "n") })
    for (id, on) in [
      ("a", ["good"]), ("b", ["good", "bad"]), ("c", ["bad", "good"]), ("d", ["bad"]), ("e", ["d", "good"]),
    ] {
      try rig.enqueue(id, JobOptions(dependsOn: on))
    }
    try rig.enqueue("f", JobOptions(dependsOn: ["bad", "good"], onDependencyFailure: .run))
    let jobs = try rig.claim(2)
    let bad = Failure(type: "bad", message: "no", retryable: false)
    _ = try rig.backlog.settle(
      [
        Settlement(lease: jobs[0].lease, outcome: .succeeded(result: [])),
        Settlement(lease: jobs[1].lease, outcome: .failed(bad, draw: 0.5)),
      ], now: rig.now)
    try rig.tick()
    try rig.settleAll()
    #expect(
      try ["a", "b", "c", "d", "e", "f"].map { try rig.state($0) } == [
        .ready, .canceled, .canceled, .canceled, .canceled, .ready,
      ])
  }

  @Test(arguments: ["held back", "blocked"])
  func thoseThatCannotStartTakeNobodysRoom(_ what: String) throws {
    let rig = try FlowRig()
    let body = [UInt8](repeating: 1, count: 1 << 20)
    try rig.enqueue("root", queue: "other", JobOptions(concurrencyKey: "k"))
    if what == "held back" {
      rig.backlog.putLimit(Limit(.key("k"), maxRunning: 1), now: rig.now)
      #expect(try rig.claim(1, queues: ["other"]).count == 1)
    }
    let options = what == "held back" ? JobOptions(concurrencyKey: "k") : JobOptions(dependsOn: ["root"])
    for number in 0..<60 {
      try rig.enqueue([NewJob(id: "w\(number)", queue: "q", name: "n", options: options, payloadSize: 1, body: body)])
    }
    #expect(rig.backlog.known.count < 12)
    try rig.enqueue((0..<10).map { NewJob(id: "free\($0)", queue: "q", name: "n", payloadSize: 1, body: [1]) })
    _ = rig.rows.take()
    #expect(try rig.claim(10).count == 10)
    #expect(rig.rows.take() == (0, 0))
    // The newest of them are at hand, and the oldest are not.
    #expect(rig.backlog.known[rig.backlog.find("w59")?.seq ?? 0]?.isKeptIdle == true)
    #expect(rig.backlog.find("w0") == nil)
  }
}
