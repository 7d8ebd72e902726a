/// The leases of one worker, by token. Dense, so that going through it has an order of its own and no chance in it (a
/// `Dictionary`'s order differs from run to run). Up to `few` it is searched from end to end; above, a hash index helps.
struct HeldTable {
  private(set) var leases: [HeldLease] = []
  /// Open addressing: 0 is free, else 1 + the place in `leases`. Empty while there are few.
  private var index: [Int32] = []
  private static let few = 16

  var count: Int { leases.count }
  var isEmpty: Bool { leases.isEmpty }

  subscript(at place: Int) -> HeldLease {
    get { leases[place] }
    _modify { yield &leases[place] }
  }

  func find(_ token: UInt64) -> Int? {
    if index.isEmpty {
      var place = leases.count
      while place > 0 {
        place -= 1
        if leases[place].token == token { return place }
      }
      return nil
    }
    let mask = index.count - 1
    var slot = Self.hash(token) & mask
    while index[slot] != 0 {
      let place = Int(index[slot]) - 1
      if leases[place].token == token { return place }
      slot = (slot + 1) & mask
    }
    return nil
  }

  func contains(_ token: UInt64) -> Bool { find(token) != nil }

  /// The token must not be in the table.
  mutating func insert(_ held: consuming HeldLease) {
    leases.append(held)
    if leases.count <= Self.few, index.isEmpty { return }
    if leases.count * 2 > index.count { rebuild() } else { enter(leases.count - 1) }
  }

  mutating func remove(at place: Int) -> HeldLease {
    if !index.isEmpty { leave(leases[place].token) }
    let last = leases.count - 1
    if place != last {
      if !index.isEmpty { index[slot(of: leases[last].token)] = Int32(place + 1) }
      leases.swapAt(place, last)
    }
    let held = leases.removeLast()
    if leases.isEmpty { index = [] }
    return held
  }

  mutating func remove(_ token: UInt64) -> HeldLease? {
    guard let place = find(token) else { return nil }
    return remove(at: place)
  }

  mutating func removeAll() -> [HeldLease] {
    let all = leases
    leases = []
    index = []
    return all
  }

  private static func hash(_ token: UInt64) -> Int {
    Int(truncatingIfNeeded: (token &* 0x9E37_79B9_7F4A_7C15) >> 32)
  }

  private mutating func rebuild() {
    var size = 64
    while size < leases.count * 4 { size *= 2 }
    index = [Int32](repeating: 0, count: size)
    for place in leases.indices { enter(place) }
  }

  private mutating func enter(_ place: Int) {
    let mask = index.count - 1
    var slot = Self.hash(leases[place].token) & mask
    while index[slot] != 0 { slot = (slot + 1) & mask }
    index[slot] = Int32(place + 1)
  }

  /// The slot of a token that is in the index.
  private func slot(of token: UInt64) -> Int {
    let mask = index.count - 1
    var slot = Self.hash(token) & mask
    while leases[Int(index[slot]) - 1].token != token { slot = (slot + 1) & mask }
    return slot
  }

  /// Frees a token's slot and closes the gap, so that no search stops short.
  private mutating func leave(_ token: UInt64) {
    let mask = index.count - 1
    var gap = slot(of: token)
    var next = (gap + 1) & mask
    while index[next] != 0 {
      let home = Self.hash(leases[Int(index[next]) - 1].token) & mask
      if (next - home) & mask >= (next - gap) & mask {
        index[gap] = index[next]
        gap = next
      }
      next = (next + 1) & mask
    }
    index[gap] = 0
  }
}
