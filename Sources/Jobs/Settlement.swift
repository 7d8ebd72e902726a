/// What became of one assignment: it ends the lease, if the lease is still held.
public struct Settlement: Sendable {
  public enum Outcome: Sendable {
    case succeeded(result: [UInt8])
    /// Retried by the job's policy unless `failure.retryable` is false; `draw` in 0..<1 spreads the backoff.
    /// A job whose cancellation was requested becomes canceled instead of being retried.
    case failed(Failure, draw: Double)
    /// Given back unrun, ready again after `delay`; the attempt does not count. Without delay it keeps its place.
    case released(delay: Interval?)
    /// Stopped because it was told to: canceled, if that was requested; else as a failure of type "canceled".
    case canceled(draw: Double)
    /// The worker never confirmed the assignment: ready again in its place; the attempt does not count.
    case unconfirmed
    /// The worker is gone: counted in `lost`, ready again at once, or dead when `maxLost` is reached;
    /// canceled if that was requested.
    case lost
  }
  public var lease: Lease
  public var outcome: Outcome
  /// Of a job in another queue it is not held; nil: all queues.
  public var scope: QueueScope?

  // Inlined, so that it is made in its place: to move it there costs a copy.
  @inlinable
  public init(lease: Lease, outcome: Outcome, scope: QueueScope? = nil) {
    self.lease = lease
    self.outcome = outcome
    self.scope = scope
  }
}

public enum SettleResult: Hashable, Sendable {
  /// The lease has ended; the job is now in `state`.
  case settled(JobState)
  /// The token is not the one that holds the job (any more): nothing was changed.
  case notHeld
}
