import Jobs

/// All queues: by name at once, and in the order of their names.
struct QueueTable {
  private static let chunkSize = 256
  private var byName: [String: Queue] = [:]
  /// None is empty.
  private var chunks: [[Queue]] = []

  var count: Int { byName.count }

  subscript(name: String) -> Queue? { byName[name] }

  mutating func insert(_ queue: Queue) {
    byName[queue.name] = queue
    guard !chunks.isEmpty else {
      chunks.append([queue])
      return
    }
    let index = max(0, chunk(from: queue.name, past: true) - 1)
    let place = chunks[index].firstIndex { queue.name < $0.name } ?? chunks[index].count
    chunks[index].insert(queue, at: place)
    if chunks[index].count > Self.chunkSize {
      let right = Array(chunks[index][(Self.chunkSize / 2)...])
      chunks[index].removeSubrange((Self.chunkSize / 2)...)
      chunks.insert(right, at: index + 1)
    }
  }

  mutating func remove(_ queue: Queue) {
    byName[queue.name] = nil
    let index = max(0, chunk(from: queue.name, past: true) - 1)
    guard index < chunks.count, let place = chunks[index].firstIndex(where: { $0 === queue }) else { return }
    chunks[index].remove(at: place)
    if chunks[index].isEmpty { chunks.remove(at: index) }
  }

  /// The first chunk that begins at or (with `past`) after the name.
  private func chunk(from name: String, past: Bool) -> Int {
    var low = 0
    var high = chunks.count
    while low < high {
      let middle = (low + high) / 2
      let first = chunks[middle][0].name
      if first < name || (past && first == name) { low = middle + 1 } else { high = middle }
    }
    return low
  }

  func forEach(_ body: (Queue) -> Void) {
    for chunk in chunks { for queue in chunk { body(queue) } }
  }

  /// Those with the prefix whose name comes after `after`, by name, until `body` returns false.
  func visit(prefix: String = "", after: String = "", _ body: (Queue) -> Bool) {
    let start = max(prefix, after)
    var index = max(0, chunk(from: start, past: true) - 1)
    while index < chunks.count {
      for queue in chunks[index] where queue.name >= start && (after.isEmpty || queue.name > after) {
        guard queue.name.hasPrefix(prefix) else {
          if queue.name > prefix { return }
          continue
        }
        if !body(queue) { return }
      }
      index += 1
    }
  }
}
