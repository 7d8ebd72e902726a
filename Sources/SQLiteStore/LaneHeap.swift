import Jobs

/// The lanes that a filter takes from, pattern by pattern, the one with the best job first. Lanes may lose jobs to other filters in
/// between: a lane that is no longer where its old first job put it is moved when it comes up.
struct LaneHeap {
  private struct Item {
    var place: Place
    var lane: Lane
  }
  private let filter: ClaimFilter
  private var pattern = 0
  private var items: [Item] = []

  init(_ filter: ClaimFilter) { self.filter = filter }

  /// The lane with the best job that the filter takes; nil: there is none.
  mutating func best(_ memory: Memory) -> Lane? {
    while true {
      while let top = items.first {
        guard let place = top.lane.place else {
          removeTop()
          continue
        }
        if place == top.place { return top.lane }
        items[0].place = place
        sink(0)
      }
      guard pattern < filter.queues.count else { return nil }
      gather(filter.queues[pattern], memory)
      pattern += 1
    }
  }

  private mutating func gather(_ pattern: QueuePattern, _ memory: Memory) {
    if pattern.isPrefix {
      for queue in memory.active where pattern.matches(queue.name) { gather(queue) }
    } else if let queue = memory.queues[pattern.text] {
      gather(queue)
    }
    for index in stride(from: items.count / 2 - 1, through: 0, by: -1) { sink(index) }
  }

  private mutating func gather(_ queue: Queue) {
    guard !queue.standing.isPaused else { return }
    for lane in queue.active where filter.names.isEmpty || filter.names.contains(lane.name) {
      if let place = lane.place { items.append(Item(place: place, lane: lane)) }
    }
  }

  private mutating func removeTop() {
    items.swapAt(0, items.count - 1)
    items.removeLast()
    sink(0)
  }

  private mutating func sink(_ start: Int) {
    var index = start
    while true {
      var least = index
      for child in 2 * index + 1..<2 * index + 3 where child < items.count && items[child].place < items[least].place {
        least = child
      }
      if least == index { return }
      items.swapAt(index, least)
      index = least
    }
  }
}
