public import Backlog
import Jobs

/// Figures for /metrics, since the engine began.
public struct EngineStatistics: Sendable {
  /// Upper bounds in seconds of the buckets of every histogram here; the last bucket is everything above.
  public static let buckets: [Double] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800,
  ]

  public struct Histogram: Sendable {
    /// Not cumulative; one more than `buckets`.
    public var counts = [UInt64](repeating: 0, count: EngineStatistics.buckets.count + 1)
    public var sum = 0.0
    public init() {}

    public mutating func record(_ interval: Interval) {
      let seconds = max(0, interval.seconds)
      var index = 0
      while index < EngineStatistics.buckets.count, seconds > EngineStatistics.buckets[index] { index += 1 }
      counts[index] += 1
      sum += seconds
    }

    public mutating func add(_ other: Histogram) {
      for index in counts.indices { counts[index] += other.counts[index] }
      sum += other.sum
    }
  }

  /// By queue.
  public struct Queue: Sendable {
    public var enqueued: UInt64 = 0
    public var started: UInt64 = 0
    public var succeeded: UInt64 = 0
    public var failed: UInt64 = 0
    public var dead: UInt64 = 0
    public var canceled: UInt64 = 0
    public var expired: UInt64 = 0
    public var lost: UInt64 = 0
    /// From due to started.
    public var wait = Histogram()
    /// From started to reported.
    public var run = Histogram()
    public init() {}

    mutating func add(_ other: Queue) {
      enqueued += other.enqueued
      started += other.started
      succeeded += other.succeeded
      failed += other.failed
      dead += other.dead
      canceled += other.canceled
      expired += other.expired
      lost += other.lost
      wait.add(other.wait)
      run.add(other.run)
    }
  }

  public var queues: [String: Queue] = [:]
  public var ticks: UInt64 = 0
  public var commands: UInt64 = 0
  public var syncedCommits: UInt64 = 0
  public var relaxedCommits: UInt64 = 0
  public var storeFailures: UInt64 = 0
  public var workers: UInt64 = 0
  public var watchers: UInt64 = 0
  /// Limits, dependencies, batches, recurring jobs.
  public var flow = FlowFigures()
  /// Jobs of all queues.
  public var depth = Backlog.Depth()
  public init() {}
}
