#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif
public import Jobs
import Wire

/// The server that answers.
public struct ServerInfo: Sendable, Hashable {
  public var id: String
  public var version: String
  /// "embedded", "redis", "postgresql", "mysql".
  public var store: String
  public var startedAt: Date?

  init(_ server: ServerDescription) {
    id = server.id
    version = server.version
    store = server.store
    startedAt = server.startedAt.map { Date($0) }
  }
}

/// One of the servers on a store.
public struct ServerStanding: Sendable, Hashable {
  public var id: String
  /// As it is advertised to the others.
  public var address: String
  public var version: String
  /// It decides; the others serve.
  public var leads: Bool
  public var startedAt: Date
  public var lastSeenAt: Date
  /// Connected to it.
  public var workers: Int

  init(_ server: ServerView) {
    id = server.serverID
    address = server.address
    version = server.version
    leads = server.leads
    startedAt = Date(server.startedAt)
    lastSeenAt = Date(server.lastSeenAt)
    workers = Int(server.workers)
  }
}

/// How a queue stands.
public struct QueueInfo: Sendable, Hashable {
  public var name: String
  public var isPaused: Bool
  public var ready: Int
  /// Those that wait for their next attempt are counted in.
  public var scheduled: Int
  public var running: Int
  public var dead: Int
  public var blocked: Int
  /// Since the store was made.
  public var succeededTotal: Int
  /// Attempts.
  public var failedTotal: Int
  public var oldestReadyAge: Duration?
  /// That subscribe to it now.
  public var workers: Int

  init(_ queue: QueueView) {
    let figures = queue.statistics
    name = figures.name
    isPaused = figures.paused
    ready = Int(clamping: figures.ready)
    scheduled = Int(clamping: figures.scheduled)
    running = Int(clamping: figures.running)
    dead = Int(clamping: figures.dead)
    blocked = Int(clamping: figures.blocked)
    succeededTotal = Int(clamping: figures.succeededTotal)
    failedTotal = Int(clamping: figures.failedTotal)
    oldestReadyAge = queue.oldestReadyAge?.duration
    workers = Int(queue.workers)
  }
}

/// A worker that is connected.
public struct WorkerInfo: Sendable, Hashable {
  public var id: String
  /// The server that it is connected to.
  public var serverID: String
  public var queues: [String]
  /// Empty: all.
  public var names: [String]
  /// How many jobs it may hold.
  public var slots: Int
  public var running: Int
  public var succeededTotal: Int
  public var failedTotal: Int
  public var lostTotal: Int
  public var isDraining: Bool
  public var connectedAt: Date
  public var lastSeenAt: Date
  public var address: String
  public var labels: [String: String]

  init(_ worker: WorkerView) {
    id = worker.workerID
    serverID = worker.serverID
    queues = worker.queues
    names = worker.names
    slots = Int(worker.maxInFlight)
    running = Int(worker.running)
    succeededTotal = Int(clamping: worker.succeededTotal)
    failedTotal = Int(clamping: worker.failedTotal)
    lostTotal = Int(clamping: worker.lostTotal)
    isDraining = worker.draining
    connectedAt = Date(worker.connectedAt)
    lastSeenAt = Date(worker.lastSeenAt)
    address = worker.address
    labels = worker.labels
  }
}

/// Which jobs; what is empty or `nil` does not narrow it.
public struct JobSelection: Sendable, Hashable {
  public var queue: String
  public var states: Set<JobState>
  public var name: String
  public var batchID: String
  public var concurrencyKey: String
  public var createdBefore: Date?

  public init(
    queue: String = "", states: Set<JobState> = [], name: String = "", batchID: String = "",
    concurrencyKey: String = "", createdBefore: Date? = nil
  ) {
    self.queue = queue
    self.states = states
    self.name = name
    self.batchID = batchID
    self.concurrencyKey = concurrencyKey
    self.createdBefore = createdBefore
  }
}

/// What is done to many jobs.
public enum JobAction: Sendable, Hashable {
  /// Nothing: they are counted.
  case count
  /// Those that are `dead`, `canceled`, `expired` or `retrying` become ready.
  case retry(resetAttempts: Bool = false)
  /// Those that are not final.
  case cancel(reason: String = "")
  /// Those that do not run.
  case delete
}

extension BulkChange {
  init(_ action: JobAction, _ selection: JobSelection) {
    var query = Jobs.JobQuery()
    query.states = selection.states
    query.queue = selection.queue
    query.name = selection.name
    query.batchID = selection.batchID
    query.concurrencyKey = selection.concurrencyKey
    query.createdBefore = selection.createdBefore?.timestamp
    let stored: BulkChange.Action =
      switch action {
      case .count: .count
      case .retry(let resetAttempts): .retry(resetAttempts: resetAttempts)
      case .cancel(let reason): .cancel(reason: reason)
      case .delete: .delete
      }
    self.init(action: stored, query: query)
  }
}
