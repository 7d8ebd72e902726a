/// One message to a worker on a stream.
public struct WorkerUpdate: Sendable {
  /// 1, 2, 3 ... on this stream.
  public var seq: UInt64
  public var welcome: Welcome?
  public var jobs: [ClaimedJob]
  public var results: [LeaseResult]
  public var cancellations: [CancelNotice]
  public var drain: Bool
  /// Enough for now: the worker is given no more jobs until a `WorkerMessage.capacity` says that this has left.
  public var isEnough: Bool

  public init(
    seq: UInt64, welcome: Welcome? = nil, jobs: [ClaimedJob] = [], results: [LeaseResult] = [],
    cancellations: [CancelNotice] = [], drain: Bool = false, isEnough: Bool = false
  ) {
    self.seq = seq
    self.welcome = welcome
    self.jobs = jobs
    self.results = results
    self.cancellations = cancellations
    self.drain = drain
    self.isEnough = isEnough
  }
}

public struct Welcome: Sendable {
  public var workerID: String
  public var lease: Interval
  public var heartbeat: Interval
  public var lost: [Lease]

  public init(workerID: String, lease: Interval, heartbeat: Interval, lost: [Lease]) {
    self.workerID = workerID
    self.lease = lease
    self.heartbeat = heartbeat
    self.lost = lost
  }
}

public struct LeaseResult: Sendable {
  public enum Code: Sendable {
    case stored
    /// FAILED_PRECONDITION: another attempt may run.
    case notHeld
    /// UNAVAILABLE, RESOURCE_EXHAUSTED: the store does not take it now; say it again.
    case failed(StoreError)
    /// INVALID_ARGUMENT: never to be said again as it is. The lease is still held.
    case refused(String)
  }
  public var lease: Lease
  public var code: Code

  public init(lease: Lease, code: Code) {
    self.lease = lease
    self.code = code
  }
}

public struct CancelNotice: Sendable {
  public enum Reason: Sendable {
    /// With what the person who asked gave as reason; may be empty.
    case canceled(String)
    case timeout
    case leaseLost
  }
  public var lease: Lease
  public var reason: Reason

  public init(lease: Lease, reason: Reason) {
    self.lease = lease
    self.reason = reason
  }
}
