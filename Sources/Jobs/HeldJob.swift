/// A running job as its lease knows it, so that a server can take over a worker whose assignments another one made.
public struct HeldJob: Hashable, Sendable {
  public var lease: Lease
  public var workerID: String
  public var queue: String
  public var name: String
  public var attempt: UInt32
  public var payloadSize: Int
  public var startedAt: Timestamp
  public var deadline: Timestamp?
  public var cancelRequested: Bool

  public init(
    lease: Lease, workerID: String, queue: String, name: String, attempt: UInt32, payloadSize: Int,
    startedAt: Timestamp, deadline: Timestamp?, cancelRequested: Bool
  ) {
    self.lease = lease
    self.workerID = workerID
    self.queue = queue
    self.name = name
    self.attempt = attempt
    self.payloadSize = payloadSize
    self.startedAt = startedAt
    self.deadline = deadline
    self.cancelRequested = cancelRequested
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
