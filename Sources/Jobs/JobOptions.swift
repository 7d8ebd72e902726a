/// What becomes of a job when one that it depends on ends as anything but succeeded, or is deleted. Raw values are those of
/// `gkick.v1.OnDependencyFailure`.
public enum OnDependencyFailure: UInt8, Sendable {
  /// Canceled, and so on down the tree.
  case cancel = 1
  /// Runs all the same, once all that it depends on are final.
  case run = 2
}

/// What most jobs leave at its default. One immutable object, so that a job that sets none of it carries one nil
/// and a job that does is passed on without copying a dozen fields.
public final class JobOptions: Sendable {
  public let retry: RetryPolicy
  /// One attempt's time; nil: no limit beyond the lease.
  public let timeout: Interval?
  /// Not started for the first time by then: expired.
  public let startBefore: Timestamp?
  /// How long the finished job can be looked up; nil: the store's default for its final state.
  public let retention: Interval?
  public let unique: Uniqueness?
  public let concurrencyKey: String
  public let fairnessKey: String
  public let batchID: String
  /// Ids of the jobs that must have succeeded first, each once.
  public let dependsOn: [String]
  public let onDependencyFailure: OnDependencyFailure
  /// The recurring job that made this one; empty: none.
  public let recurringJobID: String

  public init(
    retry: RetryPolicy = .standard, timeout: Interval? = nil, startBefore: Timestamp? = nil,
    retention: Interval? = nil, unique: Uniqueness? = nil, concurrencyKey: String = "", fairnessKey: String = "",
    batchID: String = "", dependsOn: [String] = [], onDependencyFailure: OnDependencyFailure = .cancel,
    recurringJobID: String = ""
  ) {
    self.retry = retry
    self.timeout = timeout
    self.startBefore = startBefore
    self.retention = retention
    self.unique = unique
    self.concurrencyKey = concurrencyKey
    self.fairnessKey = fairnessKey
    self.batchID = batchID
    self.dependsOn = dependsOn
    self.onDependencyFailure = onDependencyFailure
    self.recurringJobID = recurringJobID
  }

  /// Every default.
  public static let standard = JobOptions()
}
