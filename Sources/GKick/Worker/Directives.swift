/// Throw it from a job to say: this can never work, do not try again. The job is `dead`.
public struct Discard: Error, Sendable, CustomStringConvertible {
  public var reason: String

  public init(_ reason: String = "discarded") { self.reason = reason }

  public var description: String { reason }
}

/// Throw it from a job to say: it did not work this time, which is to be expected. The attempt counts as failed and is retried by the
/// job's policy, but it is logged as no error.
public struct RetryLater: Error, Sendable, CustomStringConvertible {
  public var reason: String

  public init(_ reason: String = "retry later") { self.reason = reason }

  public var description: String { reason }
}

/// What a job gave is longer than what the server takes. The attempt has failed.
public struct ResultTooLarge: Error, Sendable, Hashable, CustomStringConvertible {
  /// In bytes.
  public var size: Int
  public var limit: Int

  public init(size: Int, limit: Int) {
    self.size = size
    self.limit = limit
  }

  public var description: String { "result of \(ByteCount.text(size)), at most \(ByteCount.text(limit))" }
}

/// Throw it from a job to say: not now. The job is given back and becomes ready again after the delay; the attempt does not count.
public struct Snooze: Error, Sendable, CustomStringConvertible {
  public var delay: Duration

  public init(for delay: Duration) { self.delay = delay }

  public var description: String { "snoozed for \(delay)" }
}
