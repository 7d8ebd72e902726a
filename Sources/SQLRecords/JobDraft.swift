import Jobs

/// What a producer may ask for beside name, queue and payload; what is nil or empty gets its default.
public struct JobDraft: Sendable {
  public var maxAttempts: UInt32?
  public var initialBackoff: Interval?
  public var maxBackoff: Interval?
  public var multiplier: Double?
  public var jitter: Double?
  public var maxLost: UInt32?
  public var timeout: Interval?
  public var startBefore: Timestamp?
  public var retention: Interval?
  public var uniqueKey = ""
  public var uniqueHold: Interval?
  public var onConflict = ""
  public var concurrencyKey = ""
  public var fairnessKey = ""
  public var batchID = ""
  public var dependsOn: [String] = []
  public var onDependencyFailure = ""

  public init() {}

  /// Zeros mean the defaults, as on the wire.
  private var retry: RetryPolicy {
    var retry = RetryPolicy.standard
    if let maxAttempts, maxAttempts > 0 { retry.maxAttempts = maxAttempts }
    if let maxLost, maxLost > 0 { retry.maxLost = maxLost }
    retry.initialBackoff = initialBackoff ?? retry.initialBackoff
    retry.maxBackoff = maxBackoff ?? retry.maxBackoff
    if let multiplier, multiplier > 0 { retry.multiplier = multiplier }
    if let jitter, jitter != 0 { retry.jitter = max(0, jitter) }
    return retry
  }

  public var options: JobOptions {
    let retry = retry
    if retry == .standard, timeout == nil, startBefore == nil, retention == nil, uniqueKey.isEmpty,
      concurrencyKey.isEmpty, fairnessKey.isEmpty, batchID.isEmpty, dependsOn.isEmpty
    {
      return .standard
    }
    let conflict: Uniqueness.OnConflict =
      switch onConflict {
      case "reject": .reject
      case "replace": .replace
      default: .keep
      }
    var seen: Set<String> = []
    return JobOptions(
      retry: retry, timeout: timeout, startBefore: startBefore, retention: retention,
      unique: uniqueKey.isEmpty ? nil : Uniqueness(key: uniqueKey, holdFor: uniqueHold, onConflict: conflict),
      concurrencyKey: concurrencyKey, fairnessKey: fairnessKey, batchID: batchID,
      dependsOn: dependsOn.filter { seen.insert($0).inserted },
      onDependencyFailure: onDependencyFailure == "run" ? .run : .cancel)
  }
}
