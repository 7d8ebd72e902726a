/// The order of ready jobs within a queue: higher priority first, then who has been due longer, then who came first.
/// A job given back unrun keeps its place; a retried one has the place of its new run_at.
public struct Place: Hashable, Comparable, Sendable {
  public var priority: Int8
  /// The later of run_at and the enqueue's time.
  public var readyAt: Timestamp
  public var seq: Int64

  @inlinable public init(priority: Int8, readyAt: Timestamp, seq: Int64) {
    self.priority = priority
    self.readyAt = readyAt
    self.seq = seq
  }

  @inlinable public static func < (a: Place, b: Place) -> Bool {
    if a.priority != b.priority { return a.priority > b.priority }
    if a.readyAt != b.readyAt { return a.readyAt < b.readyAt }
    return a.seq < b.seq
  }
}
