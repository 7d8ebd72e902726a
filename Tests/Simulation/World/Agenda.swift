import Jobs

/// What happens when in the simulated world, in one order that depends on nothing but the seed.
struct Agenda {
  private struct Entry {
    var at: Timestamp
    var order: UInt64
    var action: () -> Void
  }
  private var heap: [Entry] = []
  private var added: UInt64 = 0

  var next: Timestamp? { heap.first?.at }

  mutating func add(at: Timestamp, _ action: @escaping () -> Void) {
    heap.append(Entry(at: at, order: added, action: action))
    added += 1
    var index = heap.count - 1
    while index > 0, isBefore(index, (index - 1) / 2) {
      heap.swapAt(index, (index - 1) / 2)
      index = (index - 1) / 2
    }
  }

  mutating func pop() -> (() -> Void)? {
    guard let first = heap.first else { return nil }
    let last = heap.removeLast()
    if !heap.isEmpty {
      heap[0] = last
      var index = 0
      while true {
        var least = index
        for child in [2 * index + 1, 2 * index + 2] where child < heap.count && isBefore(child, least) { least = child }
        if least == index { break }
        heap.swapAt(index, least)
        index = least
      }
    }
    return first.action
  }

  private func isBefore(_ a: Int, _ b: Int) -> Bool {
    heap[a].at != heap[b].at ? heap[a].at < heap[b].at : heap[a].order < heap[b].order
  }
}
