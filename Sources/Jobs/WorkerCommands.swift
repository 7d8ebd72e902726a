/// One queue that a worker takes from. Weight 0: strict order of the list, before the weighted ones; else its share among them.
public struct Subscription: Hashable, Sendable {
  public var pattern: QueuePattern
  public var weight: UInt32

  public init(pattern: QueuePattern, weight: UInt32 = 0) {
    self.pattern = pattern
    self.weight = weight
  }
}

/// A worker's first words.
public struct WorkerHello: Sendable {
  /// Empty: the engine makes one.
  public var workerID: String
  public var subscriptions: [Subscription]
  /// Empty: all.
  public var names: [String]
  public var maxInFlight: UInt32
  /// Of payload; 0: no limit. One job is always allowed.
  public var maxInFlightBytes: UInt64
  /// nil: no resuming.
  public var resumeWindow: Interval?
  public var labels: [String: String]
  public var held: [Lease]
  /// The other server that it is connected to; nil: this one.
  public var server: String?
  /// The queues that it may take from; nil: all.
  public var scope: QueueScope?

  public init(
    workerID: String, subscriptions: [Subscription], names: [String] = [], maxInFlight: UInt32,
    maxInFlightBytes: UInt64 = 0, resumeWindow: Interval? = nil, labels: [String: String] = [:], held: [Lease] = []
  ) {
    self.workerID = workerID
    self.subscriptions = subscriptions
    self.names = names
    self.maxInFlight = maxInFlight
    self.maxInFlightBytes = maxInFlightBytes
    self.resumeWindow = resumeWindow
    self.labels = labels
    self.held = held
  }
}

/// How a worker says an attempt went. What the store does with it is a `Settlement`.
public struct WorkerOutcome: Sendable {
  public enum How: Sendable {
    case success(result: [UInt8])
    case failure(Failure)
    case release(delay: Interval?)
    case canceled
    /// Nothing that can be stored, and why: the worker is told so, the job is still held.
    case refused(String)
  }
  public var lease: Lease
  public var how: How

  public init(lease: Lease, how: How) {
    self.lease = lease
    self.how = how
  }
}

public struct ProgressReport: Sendable {
  public var lease: Lease
  public var progress: Progress

  public init(lease: Lease, progress: Progress) {
    self.lease = lease
    self.progress = progress
  }
}

/// Any later message of a worker; an empty one is a heartbeat.
public struct WorkerMessage: Sendable {
  /// 0: unchanged.
  public var ackSeq: UInt64
  /// A new max_in_flight. Also what the worker's loop says, with the one it knows, when an update that was `isEnough` has left.
  public var capacity: UInt32?
  public var outcomes: [WorkerOutcome]
  public var progress: [ProgressReport]
  public var drain: Bool

  public init(
    ackSeq: UInt64 = 0, capacity: UInt32? = nil, outcomes: [WorkerOutcome] = [], progress: [ProgressReport] = [],
    drain: Bool = false
  ) {
    self.ackSeq = ackSeq
    self.capacity = capacity
    self.outcomes = outcomes
    self.progress = progress
    self.drain = drain
  }
}

/// A long poll. The worker is known by its id alone and lives as long as it calls; its leases are kept by Report.extend.
public struct Fetch: Sendable {
  public var workerID: String
  public var subscriptions: [Subscription]
  public var names: [String]
  /// 1...1000.
  public var maxJobs: UInt32
  public var maxWait: Interval
  /// nil: the server's.
  public var lease: Interval?
  public var address: String
  /// The queues that it may take from; nil: all.
  public var scope: QueueScope?

  public init(
    workerID: String, subscriptions: [Subscription], names: [String] = [], maxJobs: UInt32 = 1,
    maxWait: Interval = .zero, lease: Interval? = nil, address: String = ""
  ) {
    self.workerID = workerID
    self.subscriptions = subscriptions
    self.names = names
    self.maxJobs = maxJobs
    self.maxWait = maxWait
    self.lease = lease
    self.address = address
  }
}

public struct Report: Sendable {
  public var workerID: String
  public var outcomes: [WorkerOutcome]
  public var progress: [ProgressReport]
  public var extend: [Lease]
  /// Leases of jobs in other queues are not held; nil: all queues.
  public var scope: QueueScope?

  public init(
    workerID: String, outcomes: [WorkerOutcome] = [], progress: [ProgressReport] = [], extend: [Lease] = []
  ) {
    self.workerID = workerID
    self.outcomes = outcomes
    self.progress = progress
    self.extend = extend
  }
}
