import Backlog

/// Which verbs wait for rows, and the rows themselves until the verb that wanted them is done.
struct AwaitedRows {
  /// What may have to wait. Each waits for itself only.
  struct Verb: OptionSet {
    let rawValue: UInt16
    static let enqueue = Verb(rawValue: 1)
    static let takeIn = Verb(rawValue: 2)
    static let control = Verb(rawValue: 4)
    static let sweep = Verb(rawValue: 8)
    /// What is due.
    static let time = Verb(rawValue: 16)
    static let looks = Verb(rawValue: 32)
    static let forget = Verb(rawValue: 64)
    /// What follows from what happened: dependencies, batches, recurring jobs.
    static let work = Verb(rawValue: 128)
    static let flow = Verb(rawValue: 256)
  }

  /// Rows that were read, for this verb; for none of them: for claims.
  private struct Arrived {
    let reading: RowReading
    let answer: RowAnswer
    let verb: Verb
    var isNew = true
  }

  private(set) var putOff: Verb = []
  /// Their rows came with this tick. They do what these are for and no more: rows stay until their verb waits for none, which would never be if
  /// it always went on to the next.
  private(set) var resumed: Verb = []
  private var onTheirWay: [UInt64: Verb] = [:]
  private var here: [Arrived] = []
  /// Who wants what, of this tick's wants.
  private var owners: [Verb] = []
  /// Older ones were asked for by a state that is gone.
  private var forgotten: UInt64 = 0

  private(set) var haveArrived = false

  func expects(_ reading: RowReading) -> Bool { reading.number > forgotten }

  mutating func arrived(_ reading: RowReading, _ answer: RowAnswer) {
    here.append(Arrived(reading: reading, answer: answer, verb: onTheirWay.removeValue(forKey: reading.number) ?? []))
    haveArrived = true
  }

  /// - Parameters:
  ///   - first: of the tick's wants, the first one of the verb's.
  ///   - count: so many there are now.
  mutating func putOff(_ verb: Verb, wants first: Int, _ count: Int) {
    putOff.insert(verb)
    while owners.count < first { owners.append([]) }
    while owners.count < count { owners.append(verb) }
  }

  /// Everything that is at hand for this tick. A verb goes on when all that it waits for is here. A page is given once.
  mutating func beginTick() -> [(RowReading, RowAnswer)] {
    resumed = []
    guard !here.isEmpty else { return [] }
    haveArrived = false
    var waiting: Verb = []
    for verb in onTheirWay.values { waiting.formUnion(verb) }
    resumed = putOff.subtracting(waiting)
    putOff.formIntersection(waiting)
    var rows: [(RowReading, RowAnswer)] = []
    for index in here.indices where here[index].isNew || !here[index].reading.request.isPage {
      here[index].isNew = false
      rows.append((here[index].reading, here[index].answer))
    }
    return rows
  }

  /// - Parameter wanted: by this tick.
  /// - Returns: those that nobody needs any more.
  mutating func endTick(_ wanted: [RowReading]) -> [RowReading] {
    for (index, reading) in wanted.enumerated() {
      onTheirWay[reading.number] = index < owners.count ? owners[index] : []
    }
    owners.removeAll(keepingCapacity: true)
    guard !here.isEmpty else { return [] }
    var done: [RowReading] = []
    here.removeAll { row in
      guard putOff.isDisjoint(with: row.verb) else { return false }
      done.append(row.reading)
      return true
    }
    return done
  }

  /// The state is to be loaded anew.
  mutating func forget(through last: UInt64) {
    self = AwaitedRows()
    forgotten = last
  }
}
