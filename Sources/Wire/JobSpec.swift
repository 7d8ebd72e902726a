public import Jobs

/// What a producer asks for, as `gkick.v1.JobSpec` says it: nothing filled in, nothing checked.
public struct JobSpec: Hashable, Sendable {
  /// Empty: the server makes one.
  public var id = ""
  /// Empty: "default".
  public var queue = ""
  public var name = ""
  public var payload: [UInt8] = []
  public var contentType = ""
  public var priority: Int32 = 0
  public var metadata: [String: String] = [:]
  /// nil: the server's defaults.
  public var retry: RetryPolicy?
  public var timeout: Interval?
  public var startBefore: Timestamp?
  public var retention: Interval?
  public var unique: Uniqueness?
  public var concurrencyKey = ""
  public var fairnessKey = ""
  public var dependsOn: [String] = []
  public var batchID = ""
  /// nil: the server's default, to cancel.
  public var onDependencyFailure: OnDependencyFailure?

  public init() {}
}
