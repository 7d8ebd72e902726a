/// A place among the ready jobs of one priority: whose turn it is, then who has been ready longer.
struct Rank: Comparable {
  var turn: Int64
  var entry: Entry

  @inline(__always)
  static func < (a: Rank, b: Rank) -> Bool { a.turn == b.turn ? a.entry < b.entry : a.turn < b.turn }
}

/// What can be in a `RankHeap`.
protocol Ranked: AnyObject {
  /// In the heap; -1: in none.
  var position: Int { get set }
}

/// Items by rank, the lowest first; each knows where it is, so that it can be moved and removed.
struct RankHeap<Item: Ranked> {
  private(set) var items: [(rank: Rank, item: Item)] = []

  var first: (rank: Rank, item: Item)? { items.first }
  var isEmpty: Bool { items.isEmpty }
  var count: Int { items.count }

  func rank(of item: Item) -> Rank? { item.position < 0 ? nil : items[item.position].rank }

  /// Puts an item in, moves it, or (nil) takes it out.
  mutating func set(_ item: Item, _ rank: Rank?) {
    guard let rank else {
      if item.position >= 0 { remove(item) }
      return
    }
    if item.position < 0 {
      item.position = items.count
      items.append((rank, item))
      rise(item.position)
    } else {
      items[item.position].rank = rank
      rise(item.position)
      sink(item.position)
    }
  }

  /// The first items, at most `most`, in their order: costs what they are, however many others there are.
  func first(_ most: Int) -> [Item] {
    var found: [Item] = []
    // Places whose parents are found, the lowest rank last.
    var next = items.isEmpty ? [] : [0]
    while found.count < most, let place = next.popLast() {
      found.append(items[place].item)
      for child in [2 * place + 1, 2 * place + 2] where child < items.count {
        var low = 0
        var high = next.count
        while low < high {
          let middle = (low + high) / 2
          if items[child].rank < items[next[middle]].rank { low = middle + 1 } else { high = middle }
        }
        next.insert(child, at: low)
      }
    }
    return found
  }

  private mutating func remove(_ item: Item) {
    let place = item.position
    item.position = -1
    let last = items.removeLast()
    guard last.item !== item else { return }
    items[place] = last
    last.item.position = place
    rise(place)
    sink(last.item.position)
  }

  private mutating func rise(_ start: Int) {
    var index = start
    while index > 0 {
      let parent = (index - 1) / 2
      guard items[index].rank < items[parent].rank else { break }
      swap(index, parent)
      index = parent
    }
  }

  private mutating func sink(_ start: Int) {
    var index = start
    while true {
      var least = index
      let left = 2 * index + 1
      if left < items.count, items[left].rank < items[least].rank { least = left }
      if left + 1 < items.count, items[left + 1].rank < items[least].rank { least = left + 1 }
      guard least != index else { return }
      swap(index, least)
      index = least
    }
  }

  private mutating func swap(_ a: Int, _ b: Int) {
    items.swapAt(a, b)
    items[a].item.position = a
    items[b].item.position = b
  }
}
