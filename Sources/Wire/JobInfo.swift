public import Jobs

/// A job as a server shows it, `gkick.v1.Job`.
public struct JobInfo: Hashable, Sendable {
  /// With id, queue and defaults filled in.
  public var spec = JobSpec()
  public var state: JobState = .ready
  public var attempt: UInt32 = 0
  public var createdAt: Timestamp?
  public var runAt: Timestamp?
  public var startedAt: Timestamp?
  public var finishedAt: Timestamp?
  public var leaseExpiresAt: Timestamp?
  public var workerID = ""
  public var result: [UInt8] = []
  public var failures: [Failure] = []
  public var progress: Progress?
  public var waitingReason = ""
  public var lost: UInt32 = 0
  /// Of `spec.dependsOn`, those that are not final yet.
  public var dependenciesOpen: UInt32 = 0
  /// The recurring job that made it; empty: none did.
  public var recurringJobID = ""

  public init() {}
}
