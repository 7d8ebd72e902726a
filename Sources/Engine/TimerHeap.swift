import Jobs

/// What is due when, the earliest first. Entries are never changed: what no longer holds is found out when it comes up.
/// Among equal times the first that was added comes first, so that the order never depends on chance.
struct TimerHeap<Payload> {
  struct Entry {
    var at: Instant
    var order: UInt64
    var payload: Payload

    func isBefore(_ other: Entry) -> Bool { at != other.at ? at < other.at : order < other.order }
  }

  private var entries: [Entry] = []
  private var added: UInt64 = 0

  var count: Int { entries.count }
  var next: Instant? { entries.first?.at }

  mutating func add(_ payload: Payload, at: Instant) {
    entries.append(Entry(at: at, order: added, payload: payload))
    added &+= 1
    var index = entries.count - 1
    while index > 0 {
      let parent = (index - 1) / 2
      guard entries[index].isBefore(entries[parent]) else { break }
      entries.swapAt(index, parent)
      index = parent
    }
  }

  /// The earliest entry, if its time is not after `limit`.
  mutating func pop(until limit: Instant) -> Entry? {
    guard let first = entries.first, first.at <= limit else { return nil }
    let last = entries.removeLast()
    if !entries.isEmpty {
      entries[0] = last
      sink(0)
    }
    return first
  }

  /// Drops what no longer matters.
  mutating func keep(where isWanted: (Payload) -> Bool) {
    entries.removeAll { !isWanted($0.payload) }
    var index = entries.count / 2
    while index > 0 {
      index -= 1
      sink(index)
    }
  }

  private mutating func sink(_ start: Int) {
    var index = start
    while true {
      var least = index
      let left = 2 * index + 1
      if left < entries.count, entries[left].isBefore(entries[least]) { least = left }
      if left + 1 < entries.count, entries[left + 1].isBefore(entries[least]) { least = left + 1 }
      guard least != index else { return }
      entries.swapAt(index, least)
      index = least
    }
  }
}
