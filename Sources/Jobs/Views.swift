/// Why a job is not running, from the scheduler itself.
public struct Explanation: Sendable {
  public enum Hindrance: UInt8, Sendable {
    case notDue = 1
    case queuePaused = 2
    case noWorker = 3
    case workersBusy = 4
    case concurrencyLimit = 5
    case rateLimit = 6
    case dependency = 7
    case jobsAhead = 8
  }
  public struct Reason: Sendable {
    public var hindrance: Hindrance
    /// For people.
    public var text: String
    public var jobIDs: [String]
    public var notBefore: Timestamp?

    public init(_ hindrance: Hindrance, _ text: String, jobIDs: [String] = [], notBefore: Timestamp? = nil) {
      self.hindrance = hindrance
      self.text = text
      self.jobIDs = jobIDs
      self.notBefore = notBefore
    }
  }
  /// Empty when it runs or is final.
  public var reasons: [Reason]
  public var jobsAhead: UInt64
  /// What is added to the job that is shown with it.
  public var annotation = Annotation(waitingReason: "")

  public init(reasons: [Reason], jobsAhead: UInt64) {
    self.reasons = reasons
    self.jobsAhead = jobsAhead
  }
}

/// What the engine adds to a job that was read.
public struct Annotation: Sendable {
  /// Empty when it runs or is final.
  public var waitingReason: String
  /// The lease's end as it is renewed now, for running jobs that this server knows.
  public var leaseUntil: Timestamp?
  /// Of the jobs that it depends on, those that are not final yet.
  public var dependenciesOpen: UInt32
  /// The job has moved on since its row was read: it no longer runs, or no longer waits for others.
  public var isOutdated: Bool

  public init(
    waitingReason: String, leaseUntil: Timestamp? = nil, dependenciesOpen: UInt32 = 0, isOutdated: Bool = false
  ) {
    self.waitingReason = waitingReason
    self.leaseUntil = leaseUntil
    self.dependenciesOpen = dependenciesOpen
    self.isOutdated = isOutdated
  }
}

public struct QueueView: Sendable {
  public var statistics: QueueStatistics
  public var oldestReadyAge: Interval?
  /// Workers that subscribe to it now.
  public var workers: UInt32

  public init(statistics: QueueStatistics, oldestReadyAge: Interval?, workers: UInt32) {
    self.statistics = statistics
    self.oldestReadyAge = oldestReadyAge
    self.workers = workers
  }
}

public struct WorkerView: Hashable, Sendable {
  public var workerID: String
  /// The server that it is connected to.
  public var serverID: String
  /// As subscribed, a trailing * for a prefix.
  public var queues: [String]
  public var names: [String]
  public var maxInFlight: UInt32
  public var running: UInt32
  public var lostTotal: UInt64
  public var succeededTotal: UInt64
  public var failedTotal: UInt64
  public var draining: Bool
  public var connectedAt: Timestamp
  public var lastSeenAt: Timestamp
  public var address: String
  public var labels: [String: String]

  public init(
    workerID: String, serverID: String = "", queues: [String], names: [String], maxInFlight: UInt32, running: UInt32,
    lostTotal: UInt64 = 0, succeededTotal: UInt64 = 0, failedTotal: UInt64 = 0, draining: Bool = false,
    connectedAt: Timestamp, lastSeenAt: Timestamp, address: String, labels: [String: String] = [:]
  ) {
    self.workerID = workerID
    self.serverID = serverID
    self.queues = queues
    self.names = names
    self.maxInFlight = maxInFlight
    self.running = running
    self.lostTotal = lostTotal
    self.succeededTotal = succeededTotal
    self.failedTotal = failedTotal
    self.draining = draining
    self.connectedAt = connectedAt
    self.lastSeenAt = lastSeenAt
    self.address = address
    self.labels = labels
  }
}

/// One page of the queues, by name.
public struct QueueQuery: Hashable, Sendable {
  /// Of the name; empty: all.
  public var prefix: String
  /// Only names after this one.
  public var after: String
  public var limit: Int
  /// Only these queues; nil: all.
  public var scope: QueueScope?
  /// For figures: those in which most happens come first, whatever their names; `prefix` and `after` say nothing then.
  public var isByActivity = false

  public init(prefix: String = "", after: String = "", limit: Int = 1_000, scope: QueueScope? = nil) {
    self.prefix = prefix
    self.after = after
    self.limit = limit
    self.scope = scope
  }
}

/// One page of the workers, by id.
public struct WorkerQuery: Hashable, Sendable {
  /// Only those that take from it; empty: all.
  public var queue: String
  /// Only ids after this one.
  public var after: String
  public var limit: Int
  /// Only those that may take from one of these queues; of what else they take from nothing is shown. nil: all.
  public var scope: QueueScope?

  public init(queue: String = "", after: String = "", limit: Int = 100, scope: QueueScope? = nil) {
    self.queue = queue
    self.after = after
    self.limit = limit
    self.scope = scope
  }

  public func takes(_ worker: WorkerView) -> Bool {
    (after.isEmpty || worker.workerID > after) && (queue.isEmpty || worker.subscribes(to: queue))
      && (scope == nil || worker.queues.contains { scope.touches(QueuePattern($0)) })
  }

  /// What is shown of one.
  public func shown(_ worker: WorkerView) -> WorkerView {
    guard scope != nil else { return worker }
    var worker = worker
    worker.queues.removeAll { !scope.touches(QueuePattern($0)) }
    return worker
  }
}

extension WorkerView {
  public func subscribes(to queue: String) -> Bool { queues.contains { QueuePattern($0).matches(queue) } }
}

/// A server of this store, as people see it.
public struct ServerView: Hashable, Sendable {
  public var serverID: String
  /// As advertised.
  public var address: String
  public var version: String
  public var leads: Bool
  public var startedAt: Timestamp
  public var lastSeenAt: Timestamp
  /// Connected to it.
  public var workers: UInt32

  public init(
    serverID: String, address: String, version: String, leads: Bool, startedAt: Timestamp, lastSeenAt: Timestamp,
    workers: UInt32
  ) {
    self.serverID = serverID
    self.address = address
    self.version = version
    self.leads = leads
    self.startedAt = startedAt
    self.lastSeenAt = lastSeenAt
    self.workers = workers
  }
}
