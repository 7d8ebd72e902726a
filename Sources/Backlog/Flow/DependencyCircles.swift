/// A job that is yet to wait for one more.
struct WantedWait {
  var seq: Int64
  var other: Int64
  var runsAnyway: Bool
}

extension DependencyGraph {
  /// All that wait for it, or for one of them, and so on.
  func followers(of seq: Int64) -> Set<Int64> {
    var found: Set<Int64> = []
    var rest = [seq]
    while let one = rest.popLast() {
      eachWaiter(one) { if found.insert($0).inserted { rest.append($0) } }
    }
    return found
  }

  /// Those of some waits with which, together, no job waits for itself. In time with the jobs that follow from them; each circle that is found
  /// costs its length once more.
  func withoutCircles(_ wanted: [WantedWait]) -> [WantedWait] {
    var search = CircleSearch(wanted)
    for wait in wanted { search.run(from: wait.other, in: self) }
    return wanted.indices.lazy.filter { !search.closing.contains($0) }.map { wanted[$0] }
  }
}

/// Depth first from a job to those that wait for it: who is met again on the way to itself closes a circle.
private struct CircleSearch {
  private struct Step {
    let seq: Int64
    /// Which of the wanted waits led here; nil: a wait that there is already.
    let wanted: Int?
    /// Where to go on.
    var next: [(seq: Int64, wanted: Int?)]
  }

  /// Of the wanted waits, those that may not be.
  private(set) var closing: Set<Int> = []
  private var wantedFor: [Int64: [(seq: Int64, wanted: Int?)]] = [:]
  private var path: [Step] = []
  private var onPath: Set<Int64> = []
  private var done: Set<Int64> = []

  init(_ wanted: [WantedWait]) {
    for (index, wait) in wanted.enumerated() { wantedFor[wait.other, default: []].append((wait.seq, index)) }
  }

  mutating func run(from seq: Int64, in graph: DependencyGraph) {
    guard !done.contains(seq) else { return }
    enter(seq, by: nil, graph)
    while let last = path.indices.last {
      guard let (seq, wanted) = path[last].next.popLast() else {
        done.insert(path[last].seq)
        leave(from: last)
        continue
      }
      if onPath.contains(seq) {
        open(seq, closedBy: wanted)
      } else if !done.contains(seq) {
        enter(seq, by: wanted, graph)
      }
    }
  }

  private mutating func enter(_ seq: Int64, by wanted: Int?, _ graph: DependencyGraph) {
    var next = wantedFor[seq] ?? []
    graph.eachWaiter(seq) { next.append(($0, nil)) }
    path.append(Step(seq: seq, wanted: wanted, next: next))
    onPath.insert(seq)
  }

  private mutating func leave(from first: Int) {
    for step in path[first...] { onPath.remove(step.seq) }
    path.removeSubrange(first...)
  }

  /// The last of its wanted waits goes. What was gone through since is gone through again when it is met on another way.
  private mutating func open(_ seq: Int64, closedBy wanted: Int?) {
    if let wanted {
      closing.insert(wanted)
      return
    }
    for (index, step) in zip(path.indices, path).reversed() {
      // Without any there was a circle before, which is not for this search to open.
      guard step.seq != seq else { return }
      guard let wanted = step.wanted else { continue }
      closing.insert(wanted)
      return leave(from: index)
    }
  }
}
