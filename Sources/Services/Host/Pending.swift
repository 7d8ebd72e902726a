import Engine
import RPC

/// Who waits for an answer on this loop. The common ones have their own case, so that an answer costs no allocation.
enum Pending {
  case enqueue(ServerCall)
  case schedule(ServerCall)
  /// A worker's stream; it stays until it is over.
  case session(WorkSession)
  /// Everything else; removed when it is answered unless it says that it stays.
  case other(any Answerable)
}

/// A call, or a part of one, that waits for the engine or for the store.
protocol Answerable: AnyObject {
  func answer(_ reply: Reply, desk: LoopDesk)
  func answer(_ answer: ReadAnswer, desk: LoopDesk)
  /// The server goes away: what would wait long ends now.
  func serverDrains(desk: LoopDesk)
}

extension Answerable {
  func answer(_ answer: ReadAnswer, desk: LoopDesk) {}
  func serverDrains(desk: LoopDesk) {}
}

/// A stream that is not read while too much waits for the engine.
protocol Pausable: AnyObject {
  func relieved(desk: LoopDesk)
}
