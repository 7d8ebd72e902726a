/// A place among the ready jobs of one priority: whose turn it is, then who has been ready longer.
struct Rank: Comparable {
  var turn: Int64
  var entry: Entry

  @inline(__always)
  static func < (a: Rank, b: Rank) -> Bool { a.turn == b.turn ? a.entry < b.entry : a.turn < b.turn }
}

/// What can be in a `RankHeap`.
protocol Ranked: AnyObject {
  /// Its number in the heap; -1: in none.
  var seat: Int { get set }
}

/// Items by rank, the lowest first; each can be moved and removed. With very many of them only ranks and numbers are moved, the items
/// themselves, which lie anywhere in memory, are left alone; one alone costs nothing beside itself.
struct RankHeap<Item: Ranked> {
  private struct Node {
    var rank: Rank
    var seat: Int32
  }
  private struct Seat {
    var item: Item?
    /// In `nodes`; of a free one the next free one, -1 for the last.
    var place: Int32
  }
  /// Four below each.
  private var nodes: ContiguousArray<Node> = []
  private var seats: ContiguousArray<Seat> = []
  private var freeSeat: Int32 = -1
  /// While it is alone, with both tables empty.
  private var only: (rank: Rank, item: Item)?

  var first: (rank: Rank, item: Item)? {
    guard let top = nodes.first else { return only }
    return seats[Int(top.seat)].item.map { (top.rank, $0) }
  }
  var isEmpty: Bool { only == nil && nodes.isEmpty }
  var count: Int { only == nil ? nodes.count : 1 }

  func rank(of item: Item) -> Rank? {
    if item.seat < 0 { return nil }
    if let only { return only.rank }
    return nodes[Int(seats[item.seat].place)].rank
  }

  /// Puts an item in, moves it, or (nil) takes it out.
  mutating func set(_ item: Item, _ rank: Rank?) {
    guard let rank else {
      if item.seat >= 0 { remove(item) }
      return
    }
    if item.seat >= 0 {
      if only != nil {
        only = (rank, item)
      } else {
        place(Node(rank: rank, seat: Int32(item.seat)), at: Int(seats[item.seat].place))
      }
    } else if isEmpty {
      only = (rank, item)
      item.seat = 0
    } else {
      if let other = only {
        only = nil
        add(other.item, other.rank)
      }
      add(item, rank)
    }
  }

  private mutating func add(_ item: Item, _ rank: Rank) {
    let seat: Int
    if freeSeat >= 0 {
      seat = Int(freeSeat)
      freeSeat = seats[seat].place
      seats[seat].item = item
    } else {
      seat = seats.count
      seats.append(Seat(item: item, place: 0))
    }
    item.seat = seat
    let node = Node(rank: rank, seat: Int32(seat))
    nodes.append(node)
    rise(node, from: nodes.count - 1)
  }

  private mutating func remove(_ item: Item) {
    let seat = item.seat
    item.seat = -1
    if only != nil {
      only = nil
      return
    }
    let place = Int(seats[seat].place)
    let last = nodes.removeLast()
    if place < nodes.count { self.place(last, at: place) }
    if nodes.isEmpty {
      seats = []
      freeSeat = -1
    } else {
      seats[seat] = Seat(item: nil, place: freeSeat)
      freeSeat = Int32(seat)
    }
  }

  /// The first items, at most `most`, in their order: costs what they are, however many others there are.
  func first(_ most: Int) -> [Item] {
    if let only { return most > 0 ? [only.item] : [] }
    var found: [Item] = []
    // Places whose parents are found, the lowest rank last.
    var next = nodes.isEmpty ? [] : [0]
    while found.count < most, let place = next.popLast() {
      if let item = seats[Int(nodes[place].seat)].item { found.append(item) }
      for child in 4 * place + 1..<4 * place + 5 where child < nodes.count {
        var low = 0
        var high = next.count
        while low < high {
          let middle = (low + high) / 2
          if nodes[child].rank < nodes[next[middle]].rank { low = middle + 1 } else { high = middle }
        }
        next.insert(child, at: low)
      }
    }
    return found
  }

  /// Puts a node where another was, or moves it from there.
  private mutating func place(_ node: Node, at place: Int) {
    if place > 0, node.rank < nodes[(place - 1) / 4].rank { rise(node, from: place) } else { sink(node, from: place) }
  }

  private mutating func rise(_ node: Node, from start: Int) {
    var index = start
    while index > 0 {
      let parent = (index - 1) / 4
      guard node.rank < nodes[parent].rank else { break }
      put(nodes[parent], index)
      index = parent
    }
    put(node, index)
  }

  private mutating func sink(_ node: Node, from start: Int) {
    var index = start
    while true {
      let first = 4 * index + 1
      if first >= nodes.count { break }
      var least = first
      for child in first + 1..<first + 4 where child < nodes.count && nodes[child].rank < nodes[least].rank {
        least = child
      }
      guard nodes[least].rank < node.rank else { break }
      put(nodes[least], index)
      index = least
    }
    put(node, index)
  }

  @inline(__always)
  private mutating func put(_ node: Node, _ place: Int) {
    nodes[place] = node
    seats[Int(node.seat)].place = Int32(place)
  }
}
