import Jobs

/// The newest events, as they came from the commits: whole batches, none copied.
struct EventRing {
  private var batches: [[Event]] = []
  /// Batches before this one are given up; the array is closed up now and then.
  private var start = 0
  private(set) var count = 0
  /// Of the oldest event here, or of the next one to come.
  private(set) var first: Int64
  /// Of the newest event that happened, here or not; 0: none.
  private(set) var last: Int64

  init(last: Int64) {
    self.last = last
    first = last + 1
  }

  /// Adds a commit's events and gives up old ones over `limit`.
  mutating func add(_ events: [Event], limit: Int) {
    guard let oldest = events.first?.cursor, let newest = events.last?.cursor else { return }
    // Another server's events lie between: what is here no longer leads up to the newest.
    if oldest != last + 1 { skip(to: oldest - 1) }
    batches.append(events)
    count += events.count
    last = newest
    trim(limit)
  }

  mutating func trim(_ limit: Int) {
    while count > limit, start < batches.count - 1 {
      count -= batches[start].count
      first += Int64(batches[start].count)
      batches[start] = []
      start += 1
    }
    if start > 64, start * 2 > batches.count {
      batches.removeFirst(start)
      start = 0
    }
  }

  /// Events up to `cursor` happened that are not here.
  mutating func skip(to cursor: Int64) {
    batches = []
    start = 0
    count = 0
    last = cursor
    first = cursor + 1
  }

  /// Gathers at most `limit` matching events after `cursor`, which must not be before `first - 1`.
  /// Returns where to go on.
  func gather(after cursor: Int64, _ filter: EventFilter, limit: Int, into found: inout [Event]) -> Int64 {
    var index = batch(after: cursor)
    while index < batches.count {
      let batch = batches[index]
      guard let base = batch.first?.cursor else {
        index += 1
        continue
      }
      var place = max(0, Int(cursor + 1 - base))
      while place < batch.count {
        if filter.matches(batch[place]) {
          found.append(batch[place])
          if found.count >= limit { return batch[place].cursor }
        }
        place += 1
      }
      index += 1
    }
    return last
  }

  /// The batch that holds the first event after `cursor`.
  private func batch(after cursor: Int64) -> Int {
    var low = start
    var high = batches.count
    while low < high {
      let middle = (low + high) / 2
      if (batches[middle].last?.cursor ?? 0) <= cursor { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
