import Jobs
import Support
import Testing

@testable import Backlog

/// What is waited for again must not close a circle, and what that costs.
struct DependencyCirclesTests {
  /// Whatever waits already and whatever is wanted: nobody waits for himself in the end, and only what is part of a circle is left out.
  @Test(arguments: 0..<300) func nobodyWaitsForHimself(seed: Int) {
    var random = SeededGenerator(seed: UInt64(seed) &+ 5)
    let count = Int64.random(in: 2...12, using: &random)
    var graph = DependencyGraph()
    var edges: [(waiter: Int64, other: Int64)] = []
    // There is no circle yet: each waits for those before it.
    for seq in 2...count {
      let others = (1..<seq).filter { _ in Int.random(in: 0..<4, using: &random) == 0 }
      graph.block(seq, on: others, runsAnyway: false)
      edges += others.map { (seq, $0) }
    }
    let isSome = Int.random(in: 1...4, using: &random)
    let wanted = (1...count).flatMap { seq in
      (1...count).filter { other in
        other != seq && !edges.contains { $0 == (seq, other) } && Int.random(in: 0..<(3 * isSome), using: &random) == 0
      }.map { WantedWait(seq: seq, other: $0, runsAnyway: false) }
    }
    let given = graph.withoutCircles(wanted)
    let all = edges + wanted.map { ($0.seq, $0.other) }
    for wait in wanted where !given.contains(where: { $0.seq == wait.seq && $0.other == wait.other }) {
      #expect(followers(of: wait.seq, all).contains(wait.other), "seed \(seed): \(wait) closes no circle")
    }
    for wait in given { graph.waitAlso(wait) }
    for seq in 1...count { #expect(!graph.followers(of: seq).contains(seq), "seed \(seed): \(seq) waits for itself") }
  }

  /// Those who wait for it in any number of steps, found in the plainest way.
  private func followers(of seq: Int64, _ edges: [(waiter: Int64, other: Int64)]) -> Set<Int64> {
    var found: Set<Int64> = []
    var before = -1
    while found.count > before {
      before = found.count
      for edge in edges where edge.other == seq || found.contains(edge.other) { found.insert(edge.waiter) }
    }
    return found
  }

  /// A chain whose first job fails, all of which is retried: to look, at the load, through all that follows from each one would be half of this
  /// number squared.
  @Test(.timeLimit(.minutes(1))) func aLoadOfMuchThatWasRetriedCostsWhatItHolds() throws {
    let rig = try FlowRig()
    let count = 20_000
    try rig.enqueue("0")
    for number in 1..<count { try rig.enqueue("\(number)", after("\(number - 1)")) }
    #expect(try rig.control(.cancel(jobID: "0", reason: "")) == .done(.canceled))
    try rig.settleAll()
    for number in 0..<count {
      #expect(
        try rig.control(.retry(jobID: "\(number)", resetAttempts: true)) == .done(number == 0 ? .ready : .blocked))
    }
    try rig.restart()
    #expect(rig.backlog.openDependencies(ofJob: "1") == 1)
    #expect(rig.backlog.openDependencies(ofJob: "\(count - 1)") == 1)
  }

  /// One that waits for another is retried, for which many waited on, each before a chain.
  @Test(.timeLimit(.minutes(1))) func oneThatIsRetriedAndWaitsCostsWhatFollows() throws {
    let rig = try FlowRig()
    let count = 20_000
    try rig.enqueue("root", queue: "first")
    try rig.enqueue("a", after("root"))
    try rig.enqueue("b", queue: "second")
    for number in 0..<count {
      try rig.enqueue("w\(number)", after("a", "b", run: true))
      try rig.enqueue("c\(number)", number == 0 ? after("w0") : after("w\(number)", "c\(number - 1)"))
    }
    #expect(try rig.control(.cancel(jobID: "a", reason: "")) == .done(.canceled))
    try rig.settleAll()
    #expect(rig.backlog.openDependencies(ofJob: "w0") == 1)
    #expect(try rig.control(.retry(jobID: "a", resetAttempts: true)) == .done(.blocked))
    #expect(rig.backlog.openDependencies(ofJob: "w0") == 2)
    #expect(rig.backlog.openDependencies(ofJob: "w\(count - 1)") == 2)
  }
}
