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
  /// What workers are given.
  public var lease: Interval = .seconds(30)
  /// What every lease gets at least when the state is loaded, whatever its worker said: servers that live on have as long to take their
  /// workers' streams up again with the new leader.
  public var takeOver: Interval = .seconds(10)
  /// How long after an attempt's deadline its lease ends even if the worker renews it.
  public var timeoutGrace: Interval = .seconds(10)

  public init() {}
}
