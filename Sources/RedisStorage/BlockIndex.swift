import Jobs

/// Which of a block's jobs have which property, as it is stored and as the change sets being written change it.
final class BlockIndex {
  let number: Int64
  private(set) var bits: [IndexField: BlockBits]
  /// What was changed since it was stored, and whether a job had it then.
  private var changed: [IndexField: Bool] = [:]
  /// What the write in hand stores and removes of the block's jobs.
  var puts: [(field: String, value: [UInt8])] = []
  var removals: [String] = []
  var lastUse: UInt64 = 0

  init(_ number: Int64, bits: [IndexField: BlockBits] = [:]) {
    self.number = number
    self.bits = bits
  }

  private func set(_ field: IndexField, _ low: Int, _ isOn: Bool) {
    let before = bits[field] ?? BlockBits()
    if before[low] == isOn { return }
    if changed[field] == nil { changed[field] = !before.isEmpty }
    bits[field, default: before][low] = isOn
  }

  func state(of low: Int) -> JobState? {
    JobState.allCases.first { bits[.state($0)]?[low] ?? false }
  }

  func put(_ low: Int, _ state: JobState) {
    if let before = self.state(of: low) {
      if before == state { return }
      set(.state(before), low, false)
    }
    set(.state(state), low, true)
  }

  func put(_ low: Int, _ job: NewJob) { IndexField.all(of: job) { set($0, low, true) } }

  /// Whether the job's body is kept in a field of its own.
  func hasLargeBody(_ low: Int) -> Bool { bits[.large]?[low] ?? false }
  func put(_ low: Int, hasLargeBody: Bool) { set(.large, low, hasLargeBody) }

  /// The job has none of its properties any more.
  func clear(_ low: Int) {
    for (field, bits) in bits where bits[low] { set(field, low, false) }
  }

  func clear(_ low: Int, _ job: NewJob) {
    if let state = state(of: low) { set(.state(state), low, false) }
    IndexField.all(of: job) { set($0, low, false) }
    set(.large, low, false)
  }

  /// What changed, each with its new bits and whether some job had it before.
  func takeChanges() -> [(field: IndexField, bits: BlockBits, wasThere: Bool)] {
    defer { changed.removeAll(keepingCapacity: true) }
    var changes: [(field: IndexField, bits: BlockBits, wasThere: Bool)] = []
    changes.reserveCapacity(changed.count)
    for (field, wasThere) in changed {
      let now = bits[field] ?? BlockBits()
      if now.isEmpty { bits[field] = nil }
      changes.append((field, now, wasThere))
    }
    return changes
  }

  /// No job of the block is stored.
  var isEmpty: Bool { !JobState.allCases.contains { !(bits[.state($0)]?.isEmpty ?? true) } }
}

/// The indexes of blocks that were written to lately. The leader is the only one that writes, so what it knows is what is stored.
struct BlockCache {
  /// Properties of blocks that are kept in all, about.
  private static let limit = 100_000

  private var blocks: [Int64: BlockIndex] = [:]
  /// Blocks above have never been written.
  private var top: Int64 = -1
  private var uses: UInt64 = 0

  /// - Parameter nextSeq: of the next new job.
  mutating func reset(nextSeq: Int64) {
    blocks.removeAll()
    top = Layout.block(of: max(0, nextSeq - 1))
  }

  /// Blocks among these that must be read before they can be changed.
  mutating func missing(among wanted: Set<Int64>) -> [Int64] {
    uses += 1
    var missing: [Int64] = []
    for number in wanted where blocks[number] == nil {
      if number > top { blocks[number] = BlockIndex(number) } else { missing.append(number) }
    }
    top = max(top, wanted.max() ?? top)
    return missing.sorted()
  }

  mutating func add(_ block: BlockIndex) { blocks[block.number] = block }

  subscript(number: Int64) -> BlockIndex {
    mutating get {
      let block = blocks[number] ?? BlockIndex(number)
      blocks[number] = block
      block.lastUse = uses
      return block
    }
  }

  /// Lets go of those that were not used lately, when there are many.
  mutating func trim() {
    guard uses % 64 == 0, blocks.values.reduce(0, { $0 + $1.bits.count + 8 }) > Self.limit else { return }
    let recent = uses - 32
    blocks = blocks.filter { $0.value.lastUse >= recent }
  }
}

/// Final jobs whose time is over, as `RowSource.expired` found them: when the last of an entry is forgotten, the entry goes too.
///
/// Shared by the engine's thread, which finds them, and the storage's, which writes that they are gone.
struct EndsBook {
  private var left: [[UInt8]: Int] = [:]
  private var entries: [Int64: [UInt8]] = [:]
  private var finished: Set<[UInt8]> = []

  mutating func removeAll() { self = EndsBook() }

  /// - Parameter seqs: those of the entry's jobs that are still to be forgotten.
  mutating func found(_ entry: [UInt8], _ seqs: [Int64]) {
    if seqs.isEmpty {
      finished.insert(entry)
      left[entry] = nil
      return
    }
    left[entry] = seqs.count
    for seq in seqs { entries[seq] = entry }
  }

  mutating func forgotten(_ seq: Int64) {
    guard let entry = entries.removeValue(forKey: seq), let count = left[entry] else { return }
    left[entry] = count - 1
    if count == 1 {
      left[entry] = nil
      finished.insert(entry)
    }
  }

  /// Entries that are done with, at most some hundreds.
  mutating func takeFinished() -> [[UInt8]] {
    let some = Array(finished.prefix(500))
    finished.subtract(some)
    return some
  }

  static func entry(_ seqs: [Int64]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(seqs.count * 8)
    for seq in seqs { bytes.put(seq) }
    return bytes
  }

  static func seqs(_ entry: [UInt8]) throws(RedisFailure) -> [Int64] {
    var reader = PackedReader(entry, entry.indices)
    var seqs: [Int64] = []
    while !reader.isEmpty { seqs.append(Int64(bitPattern: try reader.uint64())) }
    return seqs
  }
}
