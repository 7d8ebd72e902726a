import Jobs

/// The queues that begin with a prefix, the one with the best ready job on top: what a subscription to "mail.*" is dealt from, whatever
/// the number of its queues.
///
/// A heap that may be out of date in one direction only: an item never promises less than its queue has. What has become worse is found out
/// when it comes up.
final class Scope {
  struct Key: Hashable {
    var prefix: String
    var names: [String]
  }
  private struct Item {
    var place: Place
    var queue: Queue
  }

  let key: Key
  private let names: Set<String>
  private var items: [Item] = []
  /// Items beyond which doubled ones are cleared away.
  private var allowed = 64
  /// Those that nobody asks are dropped.
  var lastUsed: Instant

  init(_ key: Key, now: Instant) {
    self.key = key
    names = Set(key.names)
    lastUsed = now
  }

  func takes(_ name: String) -> Bool { names.isEmpty || names.contains(name) }

  /// A queue has a job at this place.
  func push(_ place: Place, _ queue: Queue) {
    if items.count >= allowed { clearUp() }
    items.append(Item(place: place, queue: queue))
    rise(items.count - 1)
  }

  /// The lane with the best job of all; nil: there is none.
  func best() -> Lane? {
    while let top = items.first {
      guard let lane = top.queue.best(key.names), let place = lane.place else {
        removeTop()
        continue
      }
      if place == top.place { return lane }
      items[0].place = place
      sink(0)
    }
    return nil
  }

  /// What a claim would be given next, at most `most`: entries that stay where they are.
  func preview(_ most: Int) -> [Entry] {
    var walk = Preview()
    var seen: Set<ObjectIdentifier> = []
    // All in front that could matter: each queue gives at least one job, so no more queues than jobs asked for.
    var spare: [(Place, Queue)] = []
    while seen.count < most, let lane = best(), let place = lane.place {
      let queue = lane.queue
      removeTop()
      spare.append((place, queue))
      if seen.insert(ObjectIdentifier(queue)).inserted { walk.add(queue, key.names, most) }
    }
    for (place, queue) in spare { push(place, queue) }
    return walk.take(most)
  }

  private func clearUp() {
    var seen: Set<ObjectIdentifier> = []
    let old = items
    items = []
    for item in old where seen.insert(ObjectIdentifier(item.queue)).inserted {
      guard let place = item.queue.best(key.names)?.place else { continue }
      items.append(Item(place: place, queue: item.queue))
    }
    for index in stride(from: items.count / 2, through: 0, by: -1) where index < items.count { sink(index) }
    allowed = max(64, items.count * 2)
  }

  private func removeTop() {
    items.swapAt(0, items.count - 1)
    items.removeLast()
    sink(0)
  }

  private func rise(_ start: Int) {
    var index = start
    while index > 0 {
      let parent = (index - 1) / 2
      guard items[index].place < items[parent].place else { break }
      items.swapAt(index, parent)
      index = parent
    }
  }

  private func sink(_ start: Int) {
    var index = start
    while true {
      var least = index
      let left = 2 * index + 1
      if left < items.count, items[left].place < items[least].place { least = left }
      if left + 1 < items.count, items[left + 1].place < items[least].place { least = left + 1 }
      guard least != index else { return }
      items.swapAt(index, least)
      index = least
    }
  }
}

/// The next jobs of some queues, in the order in which they would be taken, as long as no job has a key and no queue a limit.
struct Preview {
  /// The best comes last when they are sorted.
  private var cursors: [(lane: Lane, taken: Int, place: Place)] = []

  /// - Parameter most: of its jobs that may be asked for.
  mutating func add(_ queue: Queue, _ names: [String], _ most: Int) {
    guard !queue.kept.isPaused, !queue.isHeld else { return }
    for band in queue.bands {
      // Lanes beyond give nothing: each of those before has a job that comes first.
      for lane in band.first(names, most) {
        if let place = lane.place { cursors.append((lane, 0, place)) }
      }
    }
  }

  mutating func take(_ most: Int) -> [Entry] {
    cursors.sort { $1.place < $0.place }
    if cursors.count > most { cursors.removeFirst(cursors.count - most) }
    var found: [Entry] = []
    while found.count < most, var cursor = cursors.popLast() {
      // As many of the best lane as come before every other's next.
      let limit = cursors.last?.place
      while let entry = cursor.lane.plain[cursor.taken], found.count < most {
        cursor.place = Place(
          priority: cursor.lane.band.priority, readyAt: Timestamp(microseconds: entry.at), seq: entry.seq)
        if let limit, limit < cursor.place {
          putBack(cursor)
          break
        }
        found.append(entry)
        cursor.taken += 1
      }
    }
    return found
  }

  private mutating func putBack(_ cursor: (lane: Lane, taken: Int, place: Place)) {
    var low = 0
    var high = cursors.count
    while low < high {
      let middle = (low + high) / 2
      if cursor.place < cursors[middle].place { low = middle + 1 } else { high = middle }
    }
    cursors.insert(cursor, at: low)
  }
}
