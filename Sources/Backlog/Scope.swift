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
    /// In `members`.
    var member: Int32
  }

  let key: Key
  private let names: Set<String>
  /// Queues by their number here. One that is gone leaves its number to another: what was said of it promises too much at most.
  private var members: [Queue?] = []
  private var freeMembers: [Int32] = []
  /// Four below each. Numbers, not queues, are moved: with very many of them each would lie elsewhere in memory.
  private var items: ContiguousArray<Item> = []
  /// Items beyond which doubled ones are cleared away.
  private var allowed = 64
  /// Those that nobody asks are dropped.
  var lastUsed: Instant

  /// - Parameter queues: all that have the prefix.
  init(_ key: Key, _ queues: [Queue], now: Instant) {
    self.key = key
    names = Set(key.names)
    lastUsed = now
    members.reserveCapacity(queues.count)
    for queue in queues {
      if let place = queue.best(key.names)?.place { items.append(Item(place: place, member: Int32(members.count))) }
      join(queue)
    }
    arrange()
  }

  func takes(_ name: String) -> Bool { names.isEmpty || names.contains(name) }

  /// A queue has come.
  func join(_ queue: Queue) {
    let member = freeMembers.popLast() ?? Int32(members.count)
    if Int(member) == members.count { members.append(queue) } else { members[Int(member)] = queue }
    queue.scopes.append(Membership(scope: self, number: member))
  }

  /// It has gone.
  func leave(_ member: Int32) {
    members[Int(member)] = nil
    freeMembers.append(member)
  }

  /// A queue has a job at this place.
  func push(_ place: Place, _ member: Int32) {
    if items.count >= allowed { clearUp() }
    let item = Item(place: place, member: member)
    items.append(item)
    rise(item, from: items.count - 1)
  }

  private func best(of member: Int32) -> (lane: Lane, place: Place)? {
    guard let lane = members[Int(member)]?.best(key.names), let place = lane.place else { return nil }
    return (lane, place)
  }

  /// The lane with the best job of all; nil: there is none.
  func best() -> Lane? {
    while let top = items.first {
      guard let (lane, place) = best(of: top.member) else {
        let last = items.removeLast()
        if !items.isEmpty { sink(last, from: 0) }
        continue
      }
      if place == top.place { return lane }
      sink(Item(place: place, member: top.member), from: 0)
    }
    return nil
  }

  /// What a claim would be given next, at most `most`: entries that stay where they are.
  func preview(_ most: Int) -> [Entry] {
    var walk = Preview()
    var seen: Set<Int32> = []
    // Items whose parents were looked at, the best last. One that promised too much comes once more, without those below it.
    var next: [(item: Item, index: Int?)] = []
    func look(_ item: Item, _ index: Int?) {
      var low = 0
      var high = next.count
      while low < high {
        let middle = (low + high) / 2
        if item.place < next[middle].item.place { low = middle + 1 } else { high = middle }
      }
      next.insert((item, index), at: low)
    }
    if let first = items.first { look(first, 0) }
    // Each queue gives at least one job, so no more queues than jobs asked for.
    while seen.count < most, let (item, index) = next.popLast() {
      if let index {
        for child in 4 * index + 1..<4 * index + 5 where child < items.count { look(items[child], child) }
      }
      guard !seen.contains(item.member), let (_, place) = best(of: item.member) else { continue }
      if item.place < place {
        look(Item(place: place, member: item.member), nil)
      } else if let queue = members[Int(item.member)] {
        seen.insert(item.member)
        walk.add(queue, key.names, most)
      }
    }
    return walk.take(most)
  }

  private func clearUp() {
    var isSeen = [Bool](repeating: false, count: members.count)
    let old = items
    items = []
    for item in old where !isSeen[Int(item.member)] {
      isSeen[Int(item.member)] = true
      guard let (_, place) = best(of: item.member) else { continue }
      items.append(Item(place: place, member: item.member))
    }
    arrange()
  }

  /// Makes a heap of items that are in any order.
  private func arrange() {
    if items.count > 1 {
      for index in stride(from: (items.count - 2) / 4, through: 0, by: -1) { sink(items[index], from: index) }
    }
    allowed = max(64, items.count * 2)
  }

  private func rise(_ item: Item, from start: Int) {
    var index = start
    while index > 0 {
      let parent = (index - 1) / 4
      guard item.place < items[parent].place else { break }
      items[index] = items[parent]
      index = parent
    }
    items[index] = item
  }

  private func sink(_ item: Item, from start: Int) {
    var index = start
    while true {
      let first = 4 * index + 1
      if first >= items.count { break }
      var least = first
      for child in first + 1..<first + 4 where child < items.count && items[child].place < items[least].place {
        least = child
      }
      guard items[least].place < item.place else { break }
      items[index] = items[least]
      index = least
    }
    items[index] = item
  }
}

/// A queue's number in a scope.
struct Membership {
  let scope: Scope
  let number: Int32

  func push(_ place: Place) { scope.push(place, number) }
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
