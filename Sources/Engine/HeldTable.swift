import Jobs

/// The leases of one worker, by token. Dense, so that going through it has an order of its own and no chance in it (a
/// `Dictionary`'s order differs from run to run). Up to `few` it is searched from end to end; above, a table of places helps.
struct HeldTable {
  private(set) var leases: [HeldLease] = []
  /// The place of each token in `leases`; nil while there are few.
  private var places: NumberTable<Int32>?
  private static let few = 16

  var count: Int { leases.count }
  var isEmpty: Bool { leases.isEmpty }

  subscript(at place: Int) -> HeldLease {
    get { leases[place] }
    _modify { yield &leases[place] }
  }

  func find(_ token: UInt64) -> Int? {
    if places != nil { return places?[Self.number(token)].map { Int($0) } }
    var place = leases.count
    while place > 0 {
      place -= 1
      if leases[place].token == token { return place }
    }
    return nil
  }

  func contains(_ token: UInt64) -> Bool { find(token) != nil }

  /// The token must not be in the table.
  mutating func insert(_ held: consuming HeldLease) {
    leases.append(held)
    if places != nil {
      note(leases.count - 1)
    } else if leases.count > Self.few {
      places = NumberTable()
      for place in leases.indices { note(place) }
    }
  }

  mutating func remove(at place: Int) -> HeldLease {
    places?.remove(Self.number(leases[place].token))
    let last = leases.count - 1
    if place != last {
      leases.swapAt(place, last)
      if places != nil { note(place) }
    }
    let held = leases.removeLast()
    if leases.isEmpty { places = nil }
    return held
  }

  mutating func remove(_ token: UInt64) -> HeldLease? {
    guard let place = find(token) else { return nil }
    return remove(at: place)
  }

  mutating func removeAll() -> [HeldLease] {
    let all = leases
    leases = []
    places = nil
    return all
  }

  private mutating func note(_ place: Int) { places?.insert(Self.number(leases[place].token), Int32(place)) }

  /// Tokens are never 0.
  private static func number(_ token: UInt64) -> Int64 { Int64(bitPattern: token) }
}
