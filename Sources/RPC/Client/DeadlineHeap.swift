import NIOCore

/// The open calls of a channel that have a deadline, the earliest first. Each call knows its place, so leaving costs as little as
/// entering.
package struct DeadlineHeap {
  private var calls: [ClientCall] = []

  package init() {}

  package var earliest: NIODeadline? { calls.first?.deadline }

  /// Nothing happens to a call without a deadline.
  package mutating func insert(_ call: ClientCall) {
    guard call.deadline != nil, call.heapIndex < 0 else { return }
    call.heapIndex = calls.count
    calls.append(call)
    rise(from: calls.count - 1)
  }

  package mutating func remove(_ call: ClientCall) {
    let index = call.heapIndex
    guard index >= 0 else { return }
    call.heapIndex = -1
    let last = calls.removeLast()
    guard index < calls.count else { return }
    place(last, at: index)
    rise(from: index)
    sink(from: last.heapIndex)
  }

  /// The calls whose time is over.
  package mutating func takeExpired(now: NIODeadline) -> [ClientCall] {
    var expired: [ClientCall] = []
    while let first = calls.first, let deadline = first.deadline, deadline <= now {
      remove(first)
      expired.append(first)
    }
    return expired
  }

  private mutating func place(_ call: ClientCall, at index: Int) {
    calls[index] = call
    call.heapIndex = index
  }

  private func isBefore(_ a: ClientCall, _ b: ClientCall) -> Bool {
    (a.deadline ?? .distantFuture) < (b.deadline ?? .distantFuture)
  }

  private mutating func rise(from start: Int) {
    var index = start
    let call = calls[index]
    while index > 0 {
      let parent = (index - 1) / 2
      guard isBefore(call, calls[parent]) else { break }
      place(calls[parent], at: index)
      index = parent
    }
    place(call, at: index)
  }

  private mutating func sink(from start: Int) {
    var index = start
    let call = calls[index]
    while true {
      var child = 2 * index + 1
      guard child < calls.count else { break }
      if child + 1 < calls.count, isBefore(calls[child + 1], calls[child]) { child += 1 }
      guard isBefore(calls[child], call) else { break }
      place(calls[child], at: index)
      index = child
    }
    place(call, at: index)
  }
}
