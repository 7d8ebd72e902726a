/// A waiting job in an order by time: 16 bytes.
struct Entry: Comparable {
  /// Microseconds since 1970.
  var at: Int64
  /// The job's seq and, in the lowest bit, whether it has a row in `states`, so that the hot path need not look for one.
  var tag: Int64

  init(at: Int64, seq: Int64, hasRow: Bool) {
    self.at = at
    tag = seq << 1 | (hasRow ? 1 : 0)
  }

  var seq: Int64 { tag >> 1 }
  var hasRow: Bool { tag & 1 == 1 }

  @inline(__always)
  static func < (a: Entry, b: Entry) -> Bool { a.at == b.at ? a.tag < b.tag : a.at < b.at }
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
  }
  private static let chunkSize = 512
  /// None is empty.
  private var chunks: ContiguousArray<Chunk> = []
  private(set) var count = 0

  var isEmpty: Bool { count == 0 }
  var first: Entry? { chunks.first?.first }

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

  mutating func insert(_ entry: Entry) {
    count += 1
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

  mutating func removeFirst() -> Entry? {
    guard let first else { return nil }
    chunks[0].start += 1
    count -= 1
    if chunks[0].count == 0 { chunks.removeFirst() }
    return first
  }

  /// Whatever its lowest bit says. Returns the entry that was there.
  @discardableResult
  mutating func remove(at: Int64, seq: Int64) -> Entry? {
    guard !isEmpty else { return nil }
    let wanted = Entry(at: at, seq: seq, hasRow: false)
    var index = chunk(of: wanted)
    var position = chunks[index].index(of: wanted)
    if position == chunks[index].entries.count, index + 1 < chunks.count {
      // With its lowest bit set it may begin the next chunk.
      index += 1
      position = chunks[index].start
    }
    guard position < chunks[index].entries.count else { return nil }
    let entry = chunks[index].entries[position]
    guard entry.at == at, entry.seq == seq else { return nil }
    if position == chunks[index].start {
      chunks[index].start += 1
    } else {
      chunks[index].entries.remove(at: position)
    }
    count -= 1
    if chunks[index].count == 0 { chunks.remove(at: index) }
    return entry
  }

  /// The first entries, at most `most`.
  func first(_ most: Int) -> [Entry] {
    var found: [Entry] = []
    for chunk in chunks {
      if found.count >= most { break }
      found += chunk.entries[chunk.start...].prefix(most - found.count)
    }
    return found
  }

  /// How many entries come before the given place.
  func rank(at: Int64, seq: Int64) -> Int {
    guard !isEmpty else { return 0 }
    let wanted = Entry(at: at, seq: seq, hasRow: false)
    let index = chunk(of: wanted)
    var rank = chunks[index].index(of: wanted) - chunks[index].start
    for before in chunks[..<index] { rank += before.count }
    return rank
  }
}
