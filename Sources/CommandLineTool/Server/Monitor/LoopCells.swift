import NIOCore
import RPC
import Synchronization

/// The counters that one loop writes and any thread reads: one histogram of durations for each method and code that has ended a call.
// Sendable unchecked: `own` is touched on the loop only; what it points to is made of atomics and, once made, known to readers by `made`.
final class LoopCells: @unchecked Sendable {
  /// Seconds; the last bucket is everything above.
  static let bounds: [Double] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60,
  ]
  private static let nanoseconds = bounds.map { UInt64(($0 * 1e9).rounded()) }

  private final class Cells: Sendable {
    let method: Int
    let code: Int
    let buckets = (0...LoopCells.bounds.count).map { _ in Cell() }
    let total = Cell()

    init(method: Int, code: Int) {
      self.method = method
      self.code = code
    }
  }

  private static let codes = StatusCode.allCases.count
  private let methods: Int
  private var own: [Cells?]
  private let made = Mutex<[Cells]>([])

  init(methods: Int) {
    self.methods = methods
    own = Array(repeating: nil, count: methods * Self.codes)
  }

  /// On the loop.
  func count(method: Int, code: Int, duration: TimeAmount) {
    guard (0..<methods).contains(method), (0..<Self.codes).contains(code) else { return }
    let cells = own[method * Self.codes + code] ?? make(method, code)
    let nanoseconds = UInt64(max(0, duration.nanoseconds))
    var bucket = 0
    while bucket < Self.nanoseconds.count, nanoseconds > Self.nanoseconds[bucket] { bucket += 1 }
    cells.buckets[bucket].add(1)
    cells.total.add(nanoseconds)
  }

  private func make(_ method: Int, _ code: Int) -> Cells {
    let cells = Cells(method: method, code: code)
    own[method * Self.codes + code] = cells
    made.withLock { $0.append(cells) }
    return cells
  }

  /// On any thread.
  func add(to rows: inout [CallMetrics.Key: CallMetrics.Figures]) {
    for cells in made.withLock({ $0 }) {
      let key = CallMetrics.Key(method: cells.method, code: cells.code)
      var figures = rows[key] ?? CallMetrics.Figures()
      for (bucket, cell) in cells.buckets.enumerated() { figures.counts[bucket] += cell.value }
      figures.seconds += Double(cells.total.value) / 1e9
      rows[key] = figures
    }
  }
}

/// Written by one thread only: a load and a store do instead of a locked addition.
private final class Cell: Sendable {
  private let count = Atomic<UInt64>(0)

  func add(_ amount: UInt64) { count.store(count.load(ordering: .relaxed) &+ amount, ordering: .relaxed) }

  var value: UInt64 { count.load(ordering: .relaxed) }
}
