/// A job in an order by time: 16 bytes.
struct Entry: Comparable {
  /// Microseconds, on the clock of the order.
  var at: Int64
  var seq: Int64

  @inline(__always)
  static func < (a: Entry, b: Entry) -> Bool { a.at == b.at ? a.seq < b.seq : a.at < b.at }
}

/// Entries in order, in chunks: adding at the end and taking from the front cost a few nanoseconds, anything in the middle a
/// binary search and the move of part of one chunk. About 20 bytes per entry.
struct Order {
  private struct Chunk {
    var entries: ContiguousArray<Entry>
    /// Those before it are taken.
    var start = 0

    var count: Int { entries.count - start }
    var first: Entry { entries[start] }

    /// The first index whose entry is not less than `entry`.
    func index(of entry: Entry) -> Int {
      var low = start
      var high = entries.count
      while low < high {
        let middle = (low + high) / 2
        if entries[middle] < entry { low = middle + 1 } else { high = middle }
      }
      return low
    }

    /// What is taken gives its room back once it is more than what is left, so that an order that is never quite empty does not grow.
    mutating func closeUp() {
      guard start >= 64, start * 2 > entries.count else { return }
      entries.removeFirst(start)
      start = 0
    }
  }
  private static let chunkSize = 512
  /// Beside the chunks: who looks at the first of very many orders reads no other memory, and an order of one has none.
  private var head = Entry(at: 0, seq: 0)
  /// All others. None is empty.
  private var chunks: ContiguousArray<Chunk> = []
  private(set) var count = 0

  /// Entries that there is room for, taken ones counted in.
  var room: Int { chunks.reduce(min(1, count)) { $0 + $1.entries.count } }

  @inline(__always)
  var isEmpty: Bool { count == 0 }
  @inline(__always)
  var first: Entry? { count == 0 ? nil : head }

  /// The chunk where `entry` is or belongs: the last that does not begin after it.
  private func chunk(of entry: Entry) -> Int {
    var low = 0
    var high = chunks.count
    while low < high {
      let middle = (low + high) / 2
      if entry < chunks[middle].first { high = middle } else { low = middle + 1 }
    }
    return max(0, low - 1)
  }

  /// - Returns: whether it is the first now.
  @discardableResult
  mutating func insert(_ entry: Entry) -> Bool {
    count += 1
    if count == 1 {
      head = entry
      return true
    }
    guard entry < head else {
      insertBehind(entry)
      return false
    }
    insertBehind(head)
    head = entry
    return true
  }

  private mutating func insertBehind(_ entry: Entry) {
    guard let last = chunks.indices.last else {
      chunks.append(Chunk(entries: [entry]))
      return
    }
    if let end = chunks[last].entries.last, end < entry {
      // Full chunks stay full when entries come in order.
      if chunks[last].count < Self.chunkSize {
        chunks[last].entries.append(entry)
      } else {
        chunks.append(Chunk(entries: [entry]))
      }
      return
    }
    let index = chunk(of: entry)
    let position = chunks[index].index(of: entry)
    if position == chunks[index].start, position > 0 {
      chunks[index].start -= 1
      chunks[index].entries[position - 1] = entry
    } else {
      chunks[index].entries.insert(entry, at: position)
    }
    if chunks[index].count > Self.chunkSize { split(index) }
  }

  private mutating func split(_ index: Int) {
    let middle = chunks[index].start + chunks[index].count / 2
    let right = ContiguousArray(chunks[index].entries[middle...])
    chunks[index].entries.removeSubrange(middle...)
    chunks.insert(Chunk(entries: right), at: index + 1)
  }

  @discardableResult
  mutating func removeFirst() -> Entry? {
    guard count > 0 else { return nil }
    let taken = head
    count -= 1
    if count > 0 {
      head = chunks[0].first
      take(0)
    }
    return taken
  }

  private mutating func take(_ index: Int) {
    chunks[index].start += 1
    if chunks[index].count == 0 { chunks.remove(at: index) } else { chunks[index].closeUp() }
  }

  /// - Returns: whether it was there.
  @discardableResult
  mutating func remove(_ entry: Entry) -> Bool {
    guard count > 0, head <= entry else { return false }
    if head == entry {
      removeFirst()
      return true
    }
    guard !chunks.isEmpty else { return false }
    let index = chunk(of: entry)
    let position = chunks[index].index(of: entry)
    guard position < chunks[index].entries.count, chunks[index].entries[position] == entry else { return false }
    count -= 1
    if position == chunks[index].start {
      take(index)
    } else {
      chunks[index].entries.remove(at: position)
    }
    return true
  }

  /// The first entries, at most `most`.
  func first(_ most: Int) -> [Entry] {
    var found: [Entry] = []
    guard most > 0, count > 0 else { return found }
    found.reserveCapacity(min(most, count))
    found.append(head)
    for chunk in chunks {
      if found.count >= most { break }
      found += chunk.entries[chunk.start...].prefix(most - found.count)
    }
    return found
  }

  /// The entry that comes after so many others.
  subscript(place: Int) -> Entry? {
    if place == 0 { return first }
    var left = place - 1
    for chunk in chunks {
      if left < chunk.count { return chunk.entries[chunk.start + left] }
      left -= chunk.count
    }
    return nil
  }

  /// How many entries come before the given place.
  func rank(of entry: Entry) -> Int {
    guard count > 0, head < entry else { return 0 }
    guard !chunks.isEmpty else { return 1 }
    let index = chunk(of: entry)
    var rank = 1 + chunks[index].index(of: entry) - chunks[index].start
    for before in chunks[..<index] { rank += before.count }
    return rank
  }
}
