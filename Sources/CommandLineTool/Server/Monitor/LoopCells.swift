import NIOCore
import RPC
import Synchronization

/// The counters that one loop writes and any thread reads.
final class LoopCells: Sendable {
  private final class Method: Sendable {
    let codes = (0..<StatusCode.allCases.count).map { _ in Cell() }
    let nanoseconds = Cell()
  }

  private let methods: [Method]

  init(methods: Int) { self.methods = (0..<methods).map { _ in Method() } }

  func count(method: Int, code: Int, duration: TimeAmount) {
    guard methods.indices.contains(method), (0..<StatusCode.allCases.count).contains(code) else { return }
    methods[method].codes[code].add(1)
    methods[method].nanoseconds.add(UInt64(max(0, duration.nanoseconds)))
  }

  func add(method: Int, to row: inout CallMetrics.Row) {
    for (code, cell) in methods[method].codes.enumerated() { row.codes[code] += cell.value }
    row.seconds += Double(methods[method].nanoseconds.value) / 1e9
  }
}

/// Written by one thread only: a load and a store do instead of a locked addition.
private final class Cell: Sendable {
  private let count = Atomic<UInt64>(0)

  func add(_ amount: UInt64) { count.store(count.load(ordering: .relaxed) &+ amount, ordering: .relaxed) }

  var value: UInt64 { count.load(ordering: .relaxed) }
}
