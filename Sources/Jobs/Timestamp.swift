/// A moment: microseconds since 1970-01-01T00:00:00Z. What is decoded from the wire is held to years 1970 to 9999, so that
/// adding intervals of up to a century cannot overflow.
public struct Timestamp: Hashable, Comparable, Sendable {
  public var microseconds: Int64

  @inlinable public init(microseconds: Int64) { self.microseconds = microseconds }
  @inlinable public init(seconds: Int64) { self.microseconds = seconds * 1_000_000 }

  public static let distantPast = Timestamp(microseconds: 0)
  /// The end of year 9999.
  public static let distantFuture = Timestamp(seconds: 253_402_300_799)

  @inlinable public var milliseconds: Int64 { microseconds / 1_000 }

  @inlinable public static func < (a: Timestamp, b: Timestamp) -> Bool { a.microseconds < b.microseconds }
  @inlinable public static func + (a: Timestamp, b: Interval) -> Timestamp {
    Timestamp(microseconds: a.microseconds &+ b.microseconds)
  }
  @inlinable public static func - (a: Timestamp, b: Interval) -> Timestamp {
    Timestamp(microseconds: a.microseconds &- b.microseconds)
  }
  @inlinable public static func - (a: Timestamp, b: Timestamp) -> Interval {
    Interval(microseconds: a.microseconds &- b.microseconds)
  }
}
