public import Engine

/// Figures of the engine and of what is around it, since the start.
public struct HostStatistics: Sendable {
  public var engine: EngineStatistics
  /// Seconds of a whole tick, decide and commit.
  public var tick: EngineStatistics.Histogram
  /// Seconds of the commit alone, fsync included.
  public var commit: EngineStatistics.Histogram
  /// Commands that wait for the engine now.
  public var waitingCommands: Int
  /// Calls refused because too much waited.
  public var refusedCommands: UInt64
  /// Look-ups that the store failed.
  public var failedReads: UInt64
}
