/// A place on a clock that runs on steadily whatever anybody sets: for spans of time only (leases, time-outs, windows). Its zero means nothing.
public struct Instant: Hashable, Comparable, Sendable {
  public var microseconds: Int64

  @inlinable public init(microseconds: Int64) { self.microseconds = microseconds }

  public static let distantPast = Instant(microseconds: .min / 4)
  public static let distantFuture = Instant(microseconds: .max / 4)

  @inlinable public static func < (a: Instant, b: Instant) -> Bool { a.microseconds < b.microseconds }
  @inlinable public static func + (a: Instant, b: Interval) -> Instant {
    Instant(microseconds: a.microseconds &+ b.microseconds)
  }
  @inlinable public static func - (a: Instant, b: Interval) -> Instant {
    Instant(microseconds: a.microseconds &- b.microseconds)
  }
  @inlinable public static func - (a: Instant, b: Instant) -> Interval {
    Interval(microseconds: a.microseconds &- b.microseconds)
  }
}

/// Now, by both clocks. The wall clock may be set forward and back by any amount: only what was asked for as an absolute time follows it.
public struct Moment: Hashable, Sendable {
  public var wall: Timestamp
  /// Never goes back.
  public var elapsed: Instant

  public init(wall: Timestamp, elapsed: Instant) {
    self.wall = wall
    self.elapsed = elapsed
  }

  public static func + (a: Moment, b: Interval) -> Moment { Moment(wall: a.wall + b, elapsed: a.elapsed + b) }
}
