/// What every store is told when it is opened.
public struct StoreConfiguration: Sendable {
  /// How long finished jobs can be looked up unless the job says otherwise: succeeded, canceled and expired ones ...
  public var retention: Interval = .hours(1)
  /// ... and dead ones.
  public var deadRetention: Interval = .days(30)
  /// How long events can be read.
  public var eventRetention: Interval = .hours(24)
  /// Bytes of stored events, the oldest go first.
  public var eventBytes: Int64 = 1 << 30
  /// What every lease gets anew when a store that knows no living server is opened (its workers may come back).
  public var lease: Interval = .seconds(30)
  /// How long after an attempt's deadline its lease ends even if the worker renews it.
  public var timeoutGrace: Interval = .seconds(10)

  public init() {}
}
