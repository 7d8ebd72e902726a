import Jobs

/// Which of a block's jobs have which property, as it is stored and as the change sets being written change it.
final class BlockIndex {
  private struct Property {
    let field: IndexField
    var bits: BlockBits
    /// Since it was stored.
    var isChanged = false
    /// Whether a job had it when it was stored.
    var wasThere = false
  }

  let number: Int64
  /// First `large` and the states by their codes; then the others, in no order.
  private var properties: [Property]
  private static let fixed = 10
  /// Where each of the others is, once they are more than one looks through.
  private var places: [IndexField: Int] = [:]
  private static let few = 8
  /// Above so many properties it is looked which of them no job has.
  private var sizeToTidy = BlockIndex.fixed + 2 * BlockIndex.few
  private var changed: [Int] = []
  /// The code of each job's state; 0: it has none.
  private var states = [UInt8](repeating: 0, count: Int(Layout.blockSize))
  private var count = 0
  /// What the write in hand stores of the block's jobs, field and value in turn, and the fields that it removes.
  var puts = RedisCommand()
  var removals = RedisCommand()
  var lastUse: UInt64 = 0

  init(_ number: Int64, bits: [IndexField: BlockBits] = [:]) {
    self.number = number
    properties = (0..<Self.fixed).map { place in
      let field = place == 0 ? .large : IndexField(kind: IndexField.stateKind, value: String(place))
      return Property(field: field, bits: bits[field] ?? BlockBits())
    }
    for state in JobState.allCases {
      for low in properties[Int(state.rawValue)].bits.lows {
        states[low] = state.rawValue
        count += 1
      }
    }
    for (field, bits) in bits where !properties.contains(where: { $0.field == field }) { add(field, bits) }
  }

  @discardableResult
  private func add(_ field: IndexField, _ bits: BlockBits) -> Int {
    let place = properties.count
    properties.append(Property(field: field, bits: bits))
    if place - Self.fixed > Self.few {
      places[field] = place
    } else if place - Self.fixed == Self.few {
      for place in Self.fixed...place { places[properties[place].field] = place }
    }
    return place
  }

  private func place(of field: IndexField) -> Int? {
    if !places.isEmpty { return places[field] }
    for place in Self.fixed..<properties.count where properties[place].field == field { return place }
    return nil
  }

  private func set(_ place: Int, _ low: Int, _ isOn: Bool) {
    if properties[place].bits[low] == isOn { return }
    if !properties[place].isChanged {
      properties[place].isChanged = true
      properties[place].wasThere = !properties[place].bits.isEmpty
      changed.append(place)
    }
    properties[place].bits[low] = isOn
  }

  private func put(_ low: Int, state code: UInt8) {
    let before = states[low]
    if before == code { return }
    if before != 0 { set(Int(before), low, false) } else { count += 1 }
    if code != 0 { set(Int(code), low, true) } else { count -= 1 }
    states[low] = code
  }

  func put(_ low: Int, _ state: JobState) { put(low, state: state.rawValue) }

  func put(_ low: Int, _ job: NewJob) {
    IndexField.all(of: job) { set(place(of: $0) ?? add($0, BlockBits()), low, true) }
  }

  /// Whether the job's body is kept in a field of its own.
  func hasLargeBody(_ low: Int) -> Bool { properties[0].bits[low] }
  func put(_ low: Int, hasLargeBody: Bool) { set(0, low, hasLargeBody) }

  /// The job has none of its properties any more.
  func clear(_ low: Int) {
    put(low, state: 0)
    for place in properties.indices { set(place, low, false) }
  }

  func clear(_ low: Int, _ job: NewJob) {
    put(low, state: 0)
    IndexField.all(of: job) { if let place = place(of: $0) { set(place, low, false) } }
    set(0, low, false)
  }

  /// What changed, each with its new bits and whether some job had it before.
  func takeChanges() -> [(field: IndexField, bits: BlockBits, wasThere: Bool)] {
    var changes: [(field: IndexField, bits: BlockBits, wasThere: Bool)] = []
    changes.reserveCapacity(changed.count)
    for place in changed {
      properties[place].isChanged = false
      changes.append((properties[place].field, properties[place].bits, properties[place].wasThere))
    }
    changed.removeAll(keepingCapacity: true)
    if properties.count > sizeToTidy { dropEmpty() }
    return changes
  }

  /// Properties that no job has any more go when as many have come as were left the last time, so that each write does not look at all.
  private func dropEmpty() {
    let others = properties[Self.fixed...].filter { !$0.bits.isEmpty }
    properties.removeSubrange(Self.fixed...)
    places.removeAll(keepingCapacity: true)
    for one in others { add(one.field, one.bits) }
    sizeToTidy = 2 * properties.count + 2 * Self.few
  }

  /// No job of the block is stored.
  var isEmpty: Bool { count == 0 }

  /// How much of the cache's limit it takes.
  var size: Int { properties.count }
}

/// The indexes of blocks that were written to lately. The leader is the only one that writes, so what it knows is what is stored.
struct BlockCache {
  /// Properties of blocks that are kept in all, about.
  private static let limit = 100_000

  private var blocks: [Int64: BlockIndex] = [:]
  private var latest: BlockIndex?
  /// Blocks above have never been written.
  private var top: Int64 = -1
  private var uses: UInt64 = 0

  /// - Parameter nextSeq: of the next new job.
  mutating func reset(nextSeq: Int64) {
    blocks.removeAll()
    latest = nil
    top = Layout.block(of: max(0, nextSeq - 1))
  }

  /// Blocks among these that must be read before they can be changed.
  mutating func missing(among wanted: Set<Int64>) -> [Int64] {
    uses += 1
    latest = nil
    var missing: [Int64] = []
    for number in wanted where blocks[number] == nil {
      if number > top { blocks[number] = BlockIndex(number) } else { missing.append(number) }
    }
    top = max(top, wanted.max() ?? top)
    return missing.sorted()
  }

  mutating func add(_ block: BlockIndex) {
    blocks[block.number] = block
    latest = nil
  }

  subscript(number: Int64) -> BlockIndex {
    mutating get {
      if let latest, latest.number == number { return latest }
      let block = blocks[number] ?? BlockIndex(number)
      blocks[number] = block
      block.lastUse = uses
      latest = block
      return block
    }
  }

  /// Lets go of those that were not used lately, when there are many.
  mutating func trim() {
    guard uses % 64 == 0, blocks.values.reduce(0, { $0 + $1.size }) > Self.limit else { return }
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

  static func seqs(_ entry: [UInt8]) throws(RedisFailure) -> [Int64] {
    var reader = PackedReader(entry, entry.indices)
    var seqs: [Int64] = []
    while !reader.isEmpty { seqs.append(Int64(bitPattern: try reader.uint64())) }
    return seqs
  }
}
