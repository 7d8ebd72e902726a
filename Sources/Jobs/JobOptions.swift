/// What most jobs leave at its default. One immutable object, so that a job that sets none of it carries one nil
/// and a job that does is passed on without copying a dozen fields.
public final class JobOptions: Sendable {
  public let retry: RetryPolicy
  /// One attempt's time; nil: no limit beyond the lease.
  public let timeout: Interval?
  /// Not started by then: expired.
  public let startBefore: Timestamp?
  /// How long the finished job can be looked up; nil: the store's default for its final state.
  public let retention: Interval?
  public let unique: Uniqueness?
  public let concurrencyKey: String
  public let fairnessKey: String
  public let batchID: String

  public init(
    retry: RetryPolicy = .standard, timeout: Interval? = nil, startBefore: Timestamp? = nil,
    retention: Interval? = nil, unique: Uniqueness? = nil, concurrencyKey: String = "", fairnessKey: String = "",
    batchID: String = ""
  ) {
    self.retry = retry
    self.timeout = timeout
    self.startBefore = startBefore
    self.retention = retention
    self.unique = unique
    self.concurrencyKey = concurrencyKey
    self.fairnessKey = fairnessKey
    self.batchID = batchID
  }

  /// Every default.
  public static let standard = JobOptions()
}

extension JobOptions {
  /// The same but for the time to be started before.
  public func with(startBefore: Timestamp?) -> JobOptions {
    JobOptions(
      retry: retry, timeout: timeout, startBefore: startBefore, retention: retention, unique: unique,
      concurrencyKey: concurrencyKey, fairnessKey: fairnessKey, batchID: batchID)
  }
}
