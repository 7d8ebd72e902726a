import NIOCore
import NIOPosix
import RPC
import Synchronization

/// Counts calls by method and code. Each loop counts in cells of its own, so counting takes no lock and no bus lock; a page
/// adds them up.
final class CallMetrics: ServerInterceptor {
  private let mine = ThreadSpecificVariable<LoopCells>()
  private let all = Mutex<[LoopCells]>([])
  private let paths: [String]

  /// - Parameter paths: the method table's, in its order.
  init(paths: [String]) {
    self.paths = paths
  }

  func callEnded(_ call: ServerCall, status: Status) {
    let cells = mine.currentValue ?? makeCells()
    cells.count(method: call.methodIndex, code: status.code.rawValue, duration: NIODeadline.now() - call.startedAt)
  }

  /// Once per loop.
  private func makeCells() -> LoopCells {
    let cells = LoopCells(methods: paths.count)
    mine.currentValue = cells
    all.withLock { $0.append(cells) }
    return cells
  }

  struct Key: Hashable {
    var method: Int
    var code: Int
  }

  /// Of the calls of one method that ended with one code.
  struct Figures {
    /// Not cumulative; one more than `LoopCells.bounds`.
    var counts = [UInt64](repeating: 0, count: LoopCells.bounds.count + 1)
    /// All together.
    var seconds = 0.0
  }

  struct Row {
    var path: String
    var code: StatusCode
    var figures: Figures
    var count: UInt64 { figures.counts.reduce(0, +) }
  }

  /// One row per method and code that ended a call, in the order of the method table.
  func rows() -> [Row] {
    var found: [Key: Figures] = [:]
    for cells in all.withLock({ $0 }) { cells.add(to: &found) }
    return found.sorted { ($0.key.method, $0.key.code) < ($1.key.method, $1.key.code) }.compactMap { key, figures in
      StatusCode(rawValue: key.code).map { Row(path: paths[key.method], code: $0, figures: figures) }
    }
  }
}
