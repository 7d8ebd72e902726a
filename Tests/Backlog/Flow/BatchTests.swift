import Backlog
import Jobs
import Support
import Testing

struct BatchTests {
  private func of(_ batch: String) -> JobOptions { JobOptions(batchID: batch) }

  private func put(_ rig: FlowRig, _ terms: BatchTerms) throws -> BatchView {
    guard case .done(let view) = try rig.backlog.putBatch(terms, now: rig.now) else {
      throw StoreError(.unusable, "not put")
    }
    try rig.tick()
    return view
  }

  @Test func countsAndCallsBackOnce() throws {
    let rig = try FlowRig()
    _ = try put(
      rig,
      BatchTerms(
        id: "b", description: "all",
        onFinished: NewJob(id: "done", queue: "q2", name: "done", payloadSize: 3, body: [1, 2, 3]),
        onSucceeded: NewJob(queue: "q2", name: "good")))
    for index in 0..<3 { try rig.enqueue("j\(index)", of("b")) }
    let claimed = try rig.claim(3)
    try rig.end([claimed[0]])
    try rig.end([claimed[1]], .failed(Failure(type: "f", message: "", retryable: false), draw: 0))
    #expect(try put(rig, BatchTerms(id: "b", isClosed: true)).finishedAt == nil)
    // One of its jobs runs: more may come, from whomever.
    guard case .stored = try rig.enqueue("more", of("b")) else {
      Issue.record("refused")
      return
    }
    try rig.end([claimed[2]])
    #expect(try rig.enqueue("late", of("b")) == .refused(.batchClosed(id: "b")))
    try rig.restart()
    try rig.settleAll()
    var view = try #require(rig.backlog.batch("b"))
    #expect(view.counts.waiting == 1 && view.counts.succeeded == 2 && view.counts.dead == 1)
    #expect(try rig.control(.delete(jobID: "more")) == .done(.ready))
    try rig.settleAll()
    view = try #require(rig.backlog.batch("b"))
    #expect(view.finishedAt != nil && view.onFinishedJobID == "done" && view.onSucceededJobID.isEmpty)
    #expect(view.counts.canceled == 1)
    #expect(rig.events.filter { $0.kind == .batchFinished && $0.batchID == "b" }.count == 1)
    let callback = try #require(try rig.storage.rows.jobs(ids: ["done"])[0])
    #expect(callback.head.job.queue == "q2")
    // Finished by then: no callback is changed any more.
    guard case .finished = try rig.backlog.putBatch(BatchTerms(id: "b", onFinished: NewJob(name: "x")), now: rig.now)
    else {
      Issue.record("changed")
      return
    }
  }

  @Test func succeedsLaterByARetry() throws {
    let rig = try FlowRig()
    try rig.enqueue("j", of("b"))
    _ = try put(rig, BatchTerms(id: "b", onSucceeded: NewJob(queue: "q2", name: "good"), isClosed: true))
    try rig.fail(rig.claim())
    #expect(rig.backlog.batch("b")?.finishedAt != nil)
    #expect(try rig.control(.retry(jobID: "j", resetAttempts: true)) == .done(.ready))
    try rig.restart()
    try rig.end(rig.claim())
    try rig.settleAll()
    let view = try #require(rig.backlog.batch("b"))
    #expect(!view.onSucceededJobID.isEmpty && view.counts.succeeded == 1 && view.counts.dead == 0)
    #expect(rig.events.filter { $0.kind == .batchFinished }.count == 1)
    #expect(try rig.claim(5, queues: ["q2"]).count == 1)
  }

  @Test func anEmptyOneIsFinishedAtOnce() throws {
    let rig = try FlowRig()
    let view = try put(
      rig,
      BatchTerms(onFinished: NewJob(queue: "q", name: "a"), onSucceeded: NewJob(queue: "q", name: "b"), isClosed: true))
    #expect(view.finishedAt != nil && !view.terms.id.isEmpty)
    #expect(try rig.claim(5).count == 2)
  }

  @Test func listsNewestFirst() throws {
    let rig = try FlowRig()
    for index in 0..<5 { _ = try put(rig, BatchTerms(id: "b\(index)", isClosed: index == 2)) }
    try rig.restart()
    let first = rig.backlog.batches(unfinishedOnly: false, before: nil, limit: 2)
    #expect(first.batches.map(\.terms.id) == ["b4", "b3"])
    let second = rig.backlog.batches(unfinishedOnly: true, before: first.next, limit: 2)
    #expect(second.batches.map(\.terms.id) == ["b1", "b0"])
    #expect(second.next == nil)
  }

  /// Counts against the jobs themselves, whatever crashes.
  @Test(arguments: 0..<10)
  func randomLives(seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed) &+ 31)
    let rig = try FlowRig()
    for batch in 0..<3 {
      _ = try put(
        rig, BatchTerms(id: "b\(batch)", onFinished: NewJob(queue: "callbacks", name: "f\(batch)")))
    }
    var running: [ClaimedJob] = []
    for step in 0..<300 {
      switch Int.random(in: 0..<10, using: &random) {
      case 0...2: try rig.enqueue("j\(step)", of("b\(Int.random(in: 0..<3, using: &random))"))
      case 3, 4: running += try rig.claim(2)
      case 5, 6:
        if let claimed = running.popLast() {
          try rig.end(
            [claimed],
            random.chance(60)
              ? .succeeded(result: [])
              : .failed(Failure(type: "f", message: "m", retryable: random.chance(50)), draw: 0.5))
        }
      case 7: _ = try rig.control(.cancel(jobID: "j\(Int.random(in: 0..<300, using: &random))", reason: "x"))
      case 8: if step > 200 { _ = try put(rig, BatchTerms(id: "b\(step % 3)", isClosed: true)) }
      default:
        if random.chance(30) { try rig.restart() }
        try rig.pass(.milliseconds(500))
      }
    }
    try rig.settleAll()
    let records = try rig.all()
    for batch in 0..<3 {
      let view = try #require(rig.backlog.batch("b\(batch)"))
      let own = records.filter { $0.job.options.batchID == "b\(batch)" }
      func count(_ states: JobState...) -> UInt64 { UInt64(own.count { states.contains($0.state) }) }
      #expect(view.counts.waiting == count(.ready, .scheduled, .retrying, .blocked), "seed \(seed)")
      #expect(view.counts.running == count(.running))
      #expect(view.counts.succeeded == count(.succeeded))
      #expect(view.counts.dead == count(.dead))
      #expect(view.counts.canceled == count(.canceled, .expired))
      let callbacks = records.filter { $0.job.name == "f\(batch)" }.count
      #expect(callbacks == (view.finishedAt == nil ? 0 : 1))
      if view.terms.isClosed { #expect((view.finishedAt != nil) || view.counts.unfinished > 0) }
    }
  }
}
