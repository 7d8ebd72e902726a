/// What a person asks for one job.
public enum Control: Sendable {
  /// A waiting job becomes canceled; a running one is marked, its worker is told by the engine.
  case cancel(jobID: String, reason: String)
  /// A dead, canceled, expired or retrying job becomes ready.
  case retry(jobID: String, resetAttempts: Bool)
  /// Forgets a job that is not running.
  case delete(jobID: String)
  /// The same for jobs of these queues; others are not found.
  indirect case within(QueueScope, Control)

  /// Without the queues that it is for.
  public var bare: Control { if case .within(_, let control) = self { control.bare } else { self } }
  /// nil: for all queues.
  public var scope: QueueScope? { if case .within(let scope, _) = self { scope } else { nil } }
  public func within(_ scope: QueueScope?) -> Control { scope.map { .within($0, self) } ?? self }
}

public enum ControlResult: Hashable, Sendable {
  /// Done; the job is now in this state (for delete: was).
  case done(JobState)
  /// cancel: the job is running; this is its lease.
  case running(HeldJob)
  /// The job's state does not allow it (a final job is not canceled, a running one not deleted ...).
  case refused(JobState)
  case notFound
}

/// The same for all jobs that match, done in slices.
public struct Sweep: Sendable {
  public enum Action: Sendable {
    case count
    case delete
    case retry(resetAttempts: Bool)
    case cancel(reason: String)
  }
  public var action: Action
  /// Which jobs. Its `limit` and `before` are not looked at.
  public var query: JobQuery

  public init(action: Action, query: JobQuery) {
    self.action = action
    self.query = query
  }

  public init(action: Action, queue: String, states: Set<JobState>, name: String = "") {
    self.action = action
    query = JobQuery()
    query.queue = queue
    query.states = states
    query.name = name
  }
}

public struct SweepResult: Hashable, Sendable {
  /// Jobs changed by this slice.
  public var count: Int
  /// Where the next slice starts; nil: all is done.
  public var next: Int64?

  public init(count: Int, next: Int64?) {
    self.count = count
    self.next = next
  }
}
