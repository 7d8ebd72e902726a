import Jobs

/// How often a job is tried and how long it waits in between: after the n-th failed attempt
/// `min(maxBackoff, initialBackoff * multiplier^(n-1))`, spread by ±`jitter` of itself.
public struct RetryPolicy: Sendable, Hashable {
  /// Attempts in all; 1: never retried. Attempts that ended with their worker gone are counted apart, see `maxLost`.
  public var maxAttempts: Int
  public var initialBackoff: Duration
  public var maxBackoff: Duration
  public var multiplier: Double
  /// 0...1.
  public var jitter: Double
  /// Attempts that may end with the worker gone (crash, out of memory) before the job is dead.
  public var maxLost: Int

  public init(
    maxAttempts: Int = 20, initialBackoff: Duration = .seconds(1), maxBackoff: Duration = .seconds(3600),
    multiplier: Double = 2, jitter: Double = 0.1, maxLost: Int = 5
  ) {
    self.maxAttempts = maxAttempts
    self.initialBackoff = initialBackoff
    self.maxBackoff = maxBackoff
    self.multiplier = multiplier
    self.jitter = jitter
    self.maxLost = maxLost
  }

  public static let `default` = RetryPolicy()
  /// One attempt, no more.
  public static let never = RetryPolicy(maxAttempts: 1)

  /// So many attempts, with the default waits.
  public static func attempts(_ count: Int) -> RetryPolicy { RetryPolicy(maxAttempts: count) }

  package var stored: Jobs.RetryPolicy {
    Jobs.RetryPolicy(
      maxAttempts: UInt32(clamping: max(1, maxAttempts)), initialBackoff: initialBackoff.interval,
      maxBackoff: maxBackoff.interval, multiplier: multiplier > 0 ? multiplier : 1,
      jitter: min(1, max(0, jitter)), maxLost: UInt32(clamping: max(1, maxLost)))
  }
}
