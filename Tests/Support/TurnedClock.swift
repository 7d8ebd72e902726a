import Synchronization

/// A clock that only the test turns, in microseconds.
public final class TurnedClock: Sendable {
  private let time: Atomic<Int64>

  public init(_ start: Int64 = 1_000_000_000) { time = Atomic(start) }

  public var now: Int64 { time.load(ordering: .acquiring) }
  public func turn(to time: Int64) { self.time.store(time, ordering: .releasing) }
}
