/// Which jobs wait for which, by their seqs. About 50 bytes per blocked job that waits for one other, 12 more for each more.
///
/// A node is a job that waits (it counts what it waits for) or that others wait for (it begins a list of them), or both. Of an edge only
/// the way from the one waited for to the one that waits is kept; a job that stops waiting leaves its edges behind, known by their outdated mark.
struct DependencyGraph {
  private struct Node {
    /// 0: free; then `first` is the next free one.
    var seq: Int64 = 0
    /// Of the edges to those that wait for it; -1: none.
    var first: Int32 = -1
    /// Jobs that are not over and depend on it, whether they still wait or not.
    var dependents: UInt32 = 0
    /// Edges with another mark are of an earlier wait.
    var mark: UInt32 = 0
    /// How many it waits for.
    var open: UInt8 = 0
    /// It waits only for their end, not for their success.
    var runsAnyway = false
    /// In `look`: so many of those that it waits for were come by.
    var seen: UInt8 = 0
  }
  /// One that another depends on, and whether it is waited for.
  struct Tie {
    var seq: Int64
    var isOpen: Bool
  }
  private struct Edge {
    var node: Int32
    var next: Int32
    var mark: UInt32
  }

  private var nodes: ContiguousArray<Node> = []
  private var freeNode: Int32 = -1
  private var edges: ContiguousArray<Edge> = []
  private var freeEdge: Int32 = -1
  private var usedEdges = 0
  /// Open addressing, by seq; -1: free.
  private var places: ContiguousArray<Int32> = ContiguousArray(repeating: -1, count: 16)
  private var used = 0
  private var nextMark: UInt32 = 0
  /// Nodes in which `seen` is not 0.
  private var looked: ContiguousArray<Int32> = []
  /// Jobs that wait.
  private(set) var blocked = 0
  /// By one that is over and did not succeed: who depends on it and waits for others still. If it is retried by hand they wait for it again, as they
  /// would after a load, which does not know that it was over in between.
  private var past: [Int64: [Past]] = [:]
  private struct Past {
    let seq: Int64
    let mark: UInt32
  }

  var isEmpty: Bool { used == 0 }

  /// Bytes that it takes.
  var size: Int {
    nodes.capacity * MemoryLayout<Node>.stride + edges.capacity * MemoryLayout<Edge>.stride
      + places.capacity * MemoryLayout<Int32>.stride
  }

  // MARK: Waiting

  /// A job waits from now on. Those that it waits for are at most 100, each once.
  mutating func block(_ seq: Int64, on dependencies: [Int64], runsAnyway: Bool) {
    guard !dependencies.isEmpty else { return }
    let node = beginWait(seq, dependencies.count, runsAnyway)
    for dependency in dependencies { link(node, Int(makeNode(dependency))) }
  }

  /// A job depends on others, and waits from now on for those that are open.
  /// - Parameters:
  ///   - open: how many are; 0: it waits for none.
  ///   - isPinning: they are kept for its sake from now on.
  mutating func tie(_ seq: Int64, to ties: [Tie], open: Int, isPinning: Bool, runsAnyway: Bool) {
    let node = open > 0 ? beginWait(seq, open, runsAnyway) : -1
    for tie in ties {
      let isWaitedFor = node >= 0 && tie.isOpen
      guard isPinning || isWaitedFor else { continue }
      let other = Int(makeNode(tie.seq))
      if isPinning { nodes[other].dependents += 1 }
      if isWaitedFor { link(node, other) }
    }
  }

  private mutating func beginWait(_ seq: Int64, _ open: Int, _ runsAnyway: Bool) -> Int32 {
    let node = makeNode(seq)
    nextMark &+= 1
    nodes[Int(node)].mark = nextMark
    nodes[Int(node)].open = UInt8(min(open, 255))
    nodes[Int(node)].runsAnyway = runsAnyway
    blocked += 1
    return node
  }

  private mutating func link(_ node: Int32, _ other: Int) {
    nodes[other].first = makeEdge(Edge(node: node, next: nodes[other].first, mark: nextMark))
  }

  /// How many it waits for.
  func open(_ seq: Int64) -> Int { node(seq).map { Int(nodes[$0].open) } ?? 0 }

  func runsAnyway(_ seq: Int64) -> Bool { node(seq).map { nodes[$0].runsAnyway } ?? false }

  /// It waits no longer, whatever it waited for.
  mutating func unblock(_ seq: Int64) {
    guard let node = node(seq), nodes[node].open > 0 else { return }
    nodes[node].open = 0
    nodes[node].mark = 0
    blocked -= 1
    dropIfUnused(node)
  }

  /// One that it waited for is done. Returns how many are left.
  mutating func count(down seq: Int64) -> Int {
    guard let node = node(seq), nodes[node].open > 0 else { return 0 }
    nodes[node].open -= 1
    let left = Int(nodes[node].open)
    if left == 0 {
      nodes[node].mark = 0
      blocked -= 1
      dropIfUnused(node)
    }
    return left
  }

  /// A job that waits for others does not wait for this one, which is over without success.
  mutating func pass(_ seq: Int64, over other: Int64) {
    guard let node = node(seq), nodes[node].open > 0, isPinned(other) else { return }
    var list = past.removeValue(forKey: other) ?? []
    // Those that wait no longer, or anew, are left out now and then.
    if list.count >= 8, list.count.nonzeroBitCount == 1 { list.removeAll { !isWaiting($0) } }
    list.append(Past(seq: seq, mark: nodes[node].mark))
    past[other] = list
  }

  private func isWaiting(_ past: Past) -> Bool {
    node(past.seq).map { nodes[$0].mark == past.mark && nodes[$0].open > 0 } ?? false
  }

  /// Those that waited on when it was over, and do still.
  mutating func takePast(_ seq: Int64) -> [Int64] {
    if past.isEmpty { return [] }
    return (past.removeValue(forKey: seq) ?? []).filter(isWaiting).map(\.seq)
  }

  /// It waits for one more.
  mutating func waitAlso(_ wait: WantedWait) {
    guard open(wait.seq) > 0, let node = node(wait.seq) else {
      return block(wait.seq, on: [wait.other], runsAnyway: wait.runsAnyway)
    }
    nodes[node].open += 1
    let place = Int(makeNode(wait.other))
    nodes[place].first = makeEdge(Edge(node: Int32(node), next: nodes[place].first, mark: nodes[node].mark))
  }

  // MARK: Being waited for

  /// Those that wait for a job, taken off one by one.
  struct Waiters {
    fileprivate var first: Int32
    var isEmpty: Bool { first < 0 }
  }

  func hasWaiters(_ seq: Int64) -> Bool { node(seq).map { nodes[$0].first >= 0 } ?? false }

  /// Nobody waits for it any longer: they are to be told.
  mutating func takeWaiters(_ seq: Int64) -> Waiters {
    guard let node = node(seq) else { return Waiters(first: -1) }
    let waiters = Waiters(first: nodes[node].first)
    nodes[node].first = -1
    dropIfUnused(node)
    return waiters
  }

  /// The next one that still waits.
  mutating func next(_ waiters: inout Waiters) -> Int64? {
    while waiters.first >= 0 {
      let index = waiters.first
      let edge = edges[Int(index)]
      waiters.first = edge.next
      edges[Int(index)].next = freeEdge
      freeEdge = index
      usedEdges -= 1
      let node = nodes[Int(edge.node)]
      if node.mark == edge.mark, node.open > 0, node.seq != 0 { return node.seq }
    }
    return nil
  }

  /// Those that `next` would give, without taking them off, until `body` returns false: with how many each will wait for after that, over all
  /// lists that are looked at until `endLook`, and whether it runs anyway. `body` must not use the graph.
  mutating func look(_ waiters: Waiters, _ body: (Int64, _ left: Int, _ runsAnyway: Bool) -> Bool) {
    var index = waiters.first
    while index >= 0 {
      let edge = edges[Int(index)]
      index = edge.next
      let place = Int(edge.node)
      guard nodes[place].mark == edge.mark, nodes[place].open > 0, nodes[place].seq != 0 else { continue }
      if nodes[place].seen == 0 { looked.append(edge.node) }
      nodes[place].seen += 1
      let node = nodes[place]
      if !body(node.seq, Int(node.open) - Int(node.seen), node.runsAnyway) { return }
    }
  }

  mutating func endLook() {
    for node in looked { nodes[Int(node)].seen = 0 }
    looked.removeAll(keepingCapacity: true)
  }

  /// Those that wait for this one itself.
  func eachWaiter(_ seq: Int64, _ body: (Int64) -> Void) {
    guard let node = node(seq) else { return }
    var edge = nodes[node].first
    while edge >= 0 {
      let item = edges[Int(edge)]
      let waiter = nodes[Int(item.node)]
      if waiter.mark == item.mark, waiter.open > 0 { body(waiter.seq) }
      edge = item.next
    }
  }

  // MARK: Being kept

  /// A job that is not over depends on it: it is kept.
  mutating func pin(_ seq: Int64) {
    let node = Int(makeNode(seq))
    nodes[node].dependents += 1
  }

  mutating func unpin(_ seq: Int64) {
    guard let node = node(seq), nodes[node].dependents > 0 else { return }
    nodes[node].dependents -= 1
    dropIfUnused(node)
  }

  /// The job itself is gone.
  mutating func unpinAll(_ seq: Int64) {
    guard let node = node(seq) else { return }
    nodes[node].dependents = 0
    dropIfUnused(node)
  }

  func isPinned(_ seq: Int64) -> Bool { node(seq).map { nodes[$0].dependents > 0 } ?? false }

  // MARK: Nodes

  private mutating func makeEdge(_ edge: Edge) -> Int32 {
    usedEdges += 1
    if freeEdge >= 0 {
      let index = freeEdge
      freeEdge = edges[Int(index)].next
      edges[Int(index)] = edge
      return index
    }
    edges.append(edge)
    return Int32(edges.count - 1)
  }

  /// Neighbours stay neighbours, 16 on a cache line: jobs that depend on each other were mostly enqueued one after the other.
  private func home(_ seq: Int64) -> Int {
    let line = UInt64(bitPattern: seq) >> 4
    let mixed = (line &* 0x9E37_79B9_7F4A_7C15) >> 32
    return Int(truncatingIfNeeded: mixed << 4 | UInt64(bitPattern: seq) & 15) & (places.count - 1)
  }

  private func place(_ seq: Int64) -> Int {
    var place = home(seq)
    while places[place] >= 0, nodes[Int(places[place])].seq != seq { place = (place + 1) & (places.count - 1) }
    return place
  }

  private func node(_ seq: Int64) -> Int? {
    let index = places[place(seq)]
    return index < 0 ? nil : Int(index)
  }

  private mutating func makeNode(_ seq: Int64) -> Int32 {
    var place = place(seq)
    if places[place] >= 0 { return places[place] }
    if (used + 1) * 3 > places.count * 2 {
      grow()
      place = self.place(seq)
    }
    var index = freeNode
    if index >= 0 {
      freeNode = nodes[Int(index)].first
    } else {
      index = Int32(nodes.count)
      nodes.append(Node())
    }
    nodes[Int(index)] = Node(seq: seq)
    places[place] = index
    used += 1
    return index
  }

  private mutating func grow() {
    let old = places
    places = ContiguousArray(repeating: -1, count: old.count * 2)
    for index in old where index >= 0 {
      var place = home(nodes[Int(index)].seq)
      while places[place] >= 0 { place = (place + 1) & (places.count - 1) }
      places[place] = index
    }
  }

  private mutating func dropIfUnused(_ index: Int) {
    let node = nodes[index]
    guard node.first < 0, node.dependents == 0, node.open == 0 else { return }
    if !past.isEmpty { past[node.seq] = nil }
    // The gap is closed, so that no search stops short.
    var gap = place(node.seq)
    let mask = places.count - 1
    var next = (gap + 1) & mask
    while places[next] >= 0 {
      let home = home(nodes[Int(places[next])].seq)
      if (next - home) & mask >= (next - gap) & mask {
        places[gap] = places[next]
        gap = next
      }
      next = (next + 1) & mask
    }
    places[gap] = -1
    used -= 1
    nodes[index] = Node(seq: 0, first: freeNode)
    freeNode = Int32(index)
    if used == 0, usedEdges == 0 {
      // What a large graph took is given back.
      self = DependencyGraph(after: nextMark)
    }
  }

  init() {}

  private init(after mark: UInt32) { nextMark = mark }
}
