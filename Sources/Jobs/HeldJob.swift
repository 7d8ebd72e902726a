/// A running job, and who holds it.
public struct HeldJob: Hashable, Sendable {
  public var lease: Lease
  public var workerID: String

  public init(lease: Lease, workerID: String) {
    self.lease = lease
    self.workerID = workerID
  }
}

/// A lease that ended by itself. The state has already settled it: as lost, or, when the attempt's deadline had passed,
/// as failed with type "timeout".
public struct LapsedLease: Hashable, Sendable {
  public var lease: Lease
  public var workerID: String
  /// What the job is now.
  public var state: JobState

  public init(lease: Lease, workerID: String, state: JobState) {
    self.lease = lease
    self.workerID = workerID
    self.state = state
  }
}
