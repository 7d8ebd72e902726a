/// How often a job is tried and how long it waits between attempts, with every default filled in.
public struct RetryPolicy: Hashable, Sendable {
  /// Attempts that may fail before the job is dead; 1: never retried.
  public var maxAttempts: UInt32
  public var initialBackoff: Interval
  public var maxBackoff: Interval
  public var multiplier: Double
  /// 0: none, up to 1: the delay is spread evenly over ±jitter of itself.
  public var jitter: Double
  /// Attempts that may end with the worker gone before the job is dead; counted apart from failures.
  public var maxLost: UInt32

  public init(
    maxAttempts: UInt32 = 20, initialBackoff: Interval = .seconds(1), maxBackoff: Interval = .hours(1),
    multiplier: Double = 2, jitter: Double = 0.1, maxLost: UInt32 = 5
  ) {
    self.maxAttempts = maxAttempts
    self.initialBackoff = initialBackoff
    self.maxBackoff = maxBackoff
    self.multiplier = multiplier
    self.jitter = jitter
    self.maxLost = maxLost
  }

  public static let standard = RetryPolicy()

  /// The wait after `failures` (1, 2, ...) attempts have failed:
  /// `min(maxBackoff, initialBackoff * multiplier^(failures-1))`, spread by ±jitter.
  /// - Parameter draw: an even random number in 0..<1, given from outside so that the engine stays deterministic.
  public func backoff(afterFailures failures: UInt32, draw: Double) -> Interval {
    var wait = Double(initialBackoff.microseconds)
    let limit = Double(maxBackoff.microseconds)
    var steps = failures > 0 ? failures - 1 : 0
    while steps > 0, wait < limit, wait > 0, multiplier != 1 {
      wait *= multiplier
      steps -= 1
      if multiplier < 1, wait < 1 { break }
    }
    wait = min(wait, limit)
    wait *= 1 + jitter * (2 * draw - 1)
    return Interval(microseconds: Int64(max(0, min(wait, 4e15))))
  }
}
