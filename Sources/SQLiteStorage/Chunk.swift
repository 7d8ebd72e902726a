import Jobs

/// The catalogue's part for 4,096 seqs: a byte of state per job, and the columns that jobs are found by.
final class Chunk {
  static let size: Int64 = 4_096

  let first: Int64
  /// A row's place after `first`, when few jobs are left; nil: row n is the n-th seq.
  private var places: [UInt16]?
  /// 0: no job.
  private var states: [JobFlags] = []
  private var queues = Column()
  private var names = Column()
  /// Those of `JobKeys.rare`; empty as long as no job has any.
  private var rare: [Column] = []
  private var counts = [UInt16](repeating: 0, count: 16)
  private(set) var count = 0
  /// No job of it was made before.
  private var oldest = Timestamp.distantFuture

  init(first: Int64) { self.first = first }

  private func row(_ seq: Int64) -> Int? {
    let place = Int(seq - first)
    guard let places else { return place < states.count ? place : nil }
    let row = places.binaryIndex(of: UInt16(place))
    return row < places.count && places[row] == place ? row : nil
  }

  func flags(_ seq: Int64) -> JobFlags? {
    guard let row = row(seq), states[row].isPresent else { return nil }
    return states[row]
  }

  func put(_ seq: Int64, _ flags: JobFlags, _ keys: JobKeys) {
    oldest = min(oldest, keys.createdAt)
    if row(seq) == nil, places != nil { spread() }
    let place = Int(seq - first)
    if let row = row(seq) {
      note(states[row], flags)
      states[row] = flags
      queues.set(row, keys.queue)
      names.set(row, keys.name)
      haveRare(keys.rare)
      for index in rare.indices { rare[index].set(row, keys.rare[index]) }
      return
    }
    // As jobs come in the order of their seqs, there is mostly no gap.
    while states.count < place { append(.none, queue: keys.queue, name: keys.name, keys.rare) }
    append(flags, queue: keys.queue, name: keys.name, keys.rare)
    note(.none, flags)
  }

  private func append(_ flags: JobFlags, queue: UInt32, name: UInt32, _ keys: SIMD4<UInt32>) {
    haveRare(keys)
    states.append(flags)
    queues.append(queue)
    names.append(name)
    for index in rare.indices { rare[index].append(keys[index]) }
  }

  private func haveRare(_ keys: SIMD4<UInt32>) {
    if rare.isEmpty, keys != .zero { rare = Array(repeating: Column(count: states.count), count: 4) }
  }

  private func rareKeys(_ row: Int, of rare: [Column]) -> SIMD4<UInt32> {
    rare.isEmpty ? .zero : SIMD4(rare[0][row], rare[1][row], rare[2][row], rare[3][row])
  }

  func set(_ seq: Int64, _ flags: JobFlags) {
    guard let row = row(seq), states[row].isPresent else { return }
    note(states[row], flags)
    states[row] = flags
  }

  private func note(_ old: JobFlags, _ new: JobFlags) {
    if old.isPresent {
      counts[old.stateIndex] -= 1
      count -= 1
    }
    if new.isPresent {
      counts[new.stateIndex] += 1
      count += 1
    }
  }

  /// Nothing will be added for now. When few of its jobs are left they move together.
  func settle() {
    settleColumns()
    guard states.count >= 64, count < states.count / 8 else { return }
    rebuild(rows: states.indices.filter { states[$0].isPresent })
  }

  /// Back to a row per seq.
  private func spread() {
    guard let places else { return }
    self.places = nil
    let old = (states, queues, names, rare)
    (states, queues, names, rare) = ([], Column(), Column(), [])
    for (row, place) in places.enumerated() {
      let keys = rareKeys(row, of: old.3)
      while states.count < place { append(.none, queue: old.1[row], name: old.2[row], keys) }
      append(old.0[row], queue: old.1[row], name: old.2[row], keys)
    }
  }

  private func rebuild(rows: [Int]) {
    let old = (states, queues, names, rare)
    let oldPlaces = places
    (states, queues, names, rare) = ([], Column(), Column(), [])
    for row in rows {
      append(old.0[row], queue: old.1[row], name: old.2[row], rareKeys(row, of: old.3))
    }
    places = rows.map { oldPlaces?[$0] ?? UInt16($0) }
    settleColumns()
  }

  private func settleColumns() {
    queues.settle()
    names.settle()
    for index in rare.indices { rare[index].settle() }
  }

  /// Appends the seqs below `before` of jobs that are looked for, the highest first, until there are `limit`.
  func find(_ wanted: Wanted, before: Int64, limit: Int, into found: inout [Int64]) {
    if !wanted.states.contains(where: { counts[$0] > 0 }) { return }
    if let createdBefore = wanted.createdBefore, oldest >= createdBefore { return }
    var matches: [(Column, Column.Match)] = []
    for (column, key) in [(queues, wanted.queue), (names, wanted.name)] where key != 0 {
      guard let match = column.match(key) else { return }
      if case .all = match { continue }
      matches.append((column, match))
    }
    for index in 0..<4 where wanted.rare[index] != 0 {
      guard !rare.isEmpty, let match = rare[index].match(wanted.rare[index]) else { return }
      if case .all = match { continue }
      matches.append((rare[index], match))
    }
    var mask: UInt16 = 0
    for state in wanted.states { mask |= 1 << UInt16(state) }
    var row = states.count
    if before < first + Self.size {
      row = places.map { $0.binaryIndex(of: UInt16(max(0, before - first))) } ?? min(row, Int(max(0, before - first)))
    }
    while row > 0, found.count < limit {
      row -= 1
      guard mask >> UInt16(states[row].stateIndex) & 1 == 1, states[row].isPresent,
        matches.allSatisfy({ $0.0.matches(row, $0.1) })
      else { continue }
      found.append(first + Int64(places.map { Int($0[row]) } ?? row))
    }
  }
}

/// What the catalogue knows of where a job stands.
struct JobFlags: Equatable, Sendable {
  private var bits: UInt8

  static let none = JobFlags(bits: 0)

  private init(bits: UInt8) { self.bits = bits }

  init(_ state: JobState, hasRow: Bool, hasCarried: Bool) {
    bits = state.rawValue | (hasRow ? 32 : 0) | (hasCarried ? 64 : 0)
  }

  var isPresent: Bool { bits != 0 }
  var stateIndex: Int { Int(bits & 15) }
  var isFinal: Bool { JobState(rawValue: bits & 15)?.isFinal ?? false }
  /// It has a row in `states`.
  var hasRow: Bool { bits & 32 != 0 }
  /// It has a row in `carried`.
  var hasCarried: Bool { bits & 64 != 0 }
}

/// What is looked for, in numbers; 0: whatever it is.
struct Wanted {
  var states: [Int]
  var queue: UInt32
  var name: UInt32
  var rare: SIMD4<UInt32>
  var createdBefore: Timestamp?

  init(_ query: JobQuery) {
    states = (query.states.isEmpty ? Set(JobState.allCases) : query.states).map { Int($0.rawValue) }
    queue = JobKeys.hash(query.queue)
    name = JobKeys.hash(query.name)
    rare = SIMD4(
      JobKeys.hash(query.batchID), JobKeys.hash(query.concurrencyKey), JobKeys.hash(query.fairnessKey),
      JobKeys.hash(query.recurringJobID))
    createdBefore = query.createdBefore
  }
}

extension [UInt16] {
  /// Of the first, in rising order, that is not less.
  fileprivate func binaryIndex(of value: UInt16) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if self[middle] < value { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
