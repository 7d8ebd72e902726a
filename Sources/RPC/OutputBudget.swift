import Synchronization

/// Bytes of answers that wait in all connections of one server, whatever loop they are on. Above `limit` requests are held back, except
/// those of connections that ask for little and read it.
public final class OutputBudget: Sendable {
  let limit: Int
  private let held = Atomic<Int>(0)
  private let waiting = Atomic<Int>(0)

  public init(limit: Int) { self.limit = limit }

  /// What waits now, a little behind the connections.
  package var heldBytes: Int { held.load(ordering: .relaxed) }
  /// Connections that hold requests back.
  package var waitingConnections: Int { waiting.load(ordering: .relaxed) }

  func add(bytes: Int) { held.add(bytes, ordering: .relaxed) }
  func add(waiting count: Int) { waiting.add(count, ordering: .relaxed) }
}
