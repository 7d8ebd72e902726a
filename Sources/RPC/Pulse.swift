import Synchronization

/// What a thread that must not stand still did last: written by it at the price of a store, read by a watchdog.
public final class Pulse: Sendable {
  /// Who it is, for the log.
  public let name: String
  private let steps: [String]
  private let count = Atomic<UInt64>(0)
  private let current = Atomic<Int>(0)

  /// - Parameter steps: what it may be doing, in words that follow "it".
  public init(_ name: String, steps: [String]) {
    self.name = name
    self.steps = steps
  }

  /// By the thread itself: it does this now.
  public func note(_ step: Int) { current.store(step, ordering: .relaxed) }

  /// By the thread itself: it got somewhere. Only it counts, so that no atomic addition is needed.
  public func beat() { count.store(count.load(ordering: .relaxed) &+ 1, ordering: .relaxed) }

  /// The same, and it does this now.
  public func beat(_ step: Int) {
    note(step)
    beat()
  }

  // MARK: - For who watches

  public var beats: UInt64 { count.load(ordering: .relaxed) }

  /// What it did last, in words.
  public var step: String {
    let step = current.load(ordering: .relaxed)
    return step < steps.count ? steps[step] : "does something unknown"
  }
}
