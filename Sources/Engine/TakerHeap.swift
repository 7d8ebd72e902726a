/// Takers, the one to be dealt to next on top.
struct TakerHeap {
  /// Who is next: the largest free share; among equals, who has waited longest.
  struct Rank {
    /// Free share as a whole number.
    var share: UInt64
    /// When it was last dealt to.
    var turn: UInt64

    func isBefore(_ other: Rank) -> Bool { share != other.share ? share > other.share : turn < other.turn }
  }

  /// Ranks stand beside the takers, so that comparing does not go to those.
  private var items: [(rank: Rank, taker: Taker)] = []

  var isEmpty: Bool { items.isEmpty }
  var top: Taker? { items.first?.taker }

  mutating func add(_ taker: Taker) {
    taker.place = items.count
    items.append((taker.rank, taker))
    rise(taker.place)
  }

  mutating func remove(_ taker: Taker) {
    let place = taker.place
    guard place >= 0 else { return }
    taker.place = -1
    let last = items.removeLast()
    guard last.taker !== taker else { return }
    items[place] = last
    last.taker.place = place
    moved(last.taker)
  }

  /// A taker's rank changed.
  mutating func moved(_ taker: Taker) {
    guard taker.place >= 0 else { return }
    items[taker.place].rank = taker.rank
    rise(taker.place)
    sink(taker.place)
  }

  private mutating func rise(_ start: Int) {
    var index = start
    while index > 0 {
      let parent = (index - 1) / 2
      guard items[index].rank.isBefore(items[parent].rank) else { break }
      swap(index, parent)
      index = parent
    }
  }

  private mutating func sink(_ start: Int) {
    var index = start
    while true {
      var first = index
      let left = 2 * index + 1
      if left < items.count, items[left].rank.isBefore(items[first].rank) { first = left }
      if left + 1 < items.count, items[left + 1].rank.isBefore(items[first].rank) { first = left + 1 }
      guard first != index else { return }
      swap(index, first)
      index = first
    }
  }

  private mutating func swap(_ a: Int, _ b: Int) {
    items.swapAt(a, b)
    items[a].taker.place = a
    items[b].taker.place = b
  }
}
