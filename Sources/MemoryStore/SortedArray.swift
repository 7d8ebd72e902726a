/// Elements in order, found by binary search. Inserting moves what comes after, which is fast enough for a reference.
struct SortedArray<Element: Comparable> {
  private(set) var elements: [Element] = []

  var first: Element? { elements.first }
  var count: Int { elements.count }

  /// How many elements are less than `element`: where it is or would be.
  func rank(of element: Element) -> Int {
    var low = 0
    var high = elements.count
    while low < high {
      let middle = (low + high) / 2
      if elements[middle] < element { low = middle + 1 } else { high = middle }
    }
    return low
  }

  mutating func insert(_ element: Element) {
    elements.insert(element, at: rank(of: element))
  }

  mutating func remove(_ element: Element) {
    let index = rank(of: element)
    if index < elements.count, elements[index] == element { elements.remove(at: index) }
  }
}
