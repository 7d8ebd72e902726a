/// How much of the past a storage keeps for watchers that come late.
public struct EventRetention: Hashable, Sendable {
  public var age: Interval
  /// Of all stored events, the oldest go first.
  public var bytes: Int64

  public init(age: Interval = .hours(24), bytes: Int64 = 1 << 30) {
    self.age = age
    self.bytes = bytes
  }
}
