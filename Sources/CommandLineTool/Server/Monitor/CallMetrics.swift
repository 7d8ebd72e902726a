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

  struct Row {
    var path: String
    var codes: [UInt64]
    /// Seconds spent in calls that ended, all together.
    var seconds: Double
  }

  /// One row per method that was called.
  func rows() -> [Row] {
    let cells = all.withLock { $0 }
    return paths.enumerated().compactMap { index, path in
      var row = Row(path: path, codes: [UInt64](repeating: 0, count: StatusCode.allCases.count), seconds: 0)
      for one in cells { one.add(method: index, to: &row) }
      return row.codes.contains { $0 > 0 } ? row : nil
    }
  }
}
