/// How a queue stands.
public struct QueueStatistics: Hashable, Sendable {
  public var name: String
  public var paused = false
  public var ready: UInt64 = 0
  /// Retrying ones counted in.
  public var scheduled: UInt64 = 0
  public var running: UInt64 = 0
  public var dead: UInt64 = 0
  public var blocked: UInt64 = 0
  /// Since the store was made.
  public var succeededTotal: UInt64 = 0
  /// Attempts that failed or were lost, since the store was made.
  public var failedTotal: UInt64 = 0
  /// `readyAt` of the job that is ready longest; nil: none is ready.
  public var oldestReadyAt: Timestamp?

  public init(name: String) { self.name = name }
}
