/// A length of time in microseconds. Negative values are allowed and mean the past.
public struct Interval: Hashable, Comparable, Sendable {
  public var microseconds: Int64

  @inlinable public init(microseconds: Int64) { self.microseconds = microseconds }

  @inlinable public static func microseconds(_ n: Int64) -> Interval { Interval(microseconds: n) }
  @inlinable public static func milliseconds(_ n: Int64) -> Interval { Interval(microseconds: n * 1_000) }
  @inlinable public static func seconds(_ n: Int64) -> Interval { Interval(microseconds: n * 1_000_000) }
  @inlinable public static func minutes(_ n: Int64) -> Interval { .seconds(n * 60) }
  @inlinable public static func hours(_ n: Int64) -> Interval { .minutes(n * 60) }
  @inlinable public static func days(_ n: Int64) -> Interval { .hours(n * 24) }
  public static let zero = Interval(microseconds: 0)

  /// In seconds, for people and for metrics.
  @inlinable public var seconds: Double { Double(microseconds) / 1e6 }

  @inlinable public static func < (a: Interval, b: Interval) -> Bool { a.microseconds < b.microseconds }
  @inlinable public static func + (a: Interval, b: Interval) -> Interval {
    Interval(microseconds: a.microseconds + b.microseconds)
  }
}
