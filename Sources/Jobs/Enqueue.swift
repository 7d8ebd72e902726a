/// Jobs that one caller stores together.
public struct EnqueueGroup: Sendable {
  public var jobs: [NewJob]
  /// One that is rejected rejects all: none of the group is stored.
  public var allOrNothing: Bool
  /// The queues that the caller may know of: jobs of others are none to depend on. nil: all.
  public var scope: QueueScope?

  public init(jobs: [NewJob], allOrNothing: Bool = false, scope: QueueScope? = nil) {
    self.jobs = jobs
    self.allOrNothing = allOrNothing
    self.scope = scope
  }
}

/// What became of one job of an enqueue.
public enum EnqueueResult: Hashable, Sendable {
  /// Stored. `state` is ready, scheduled or blocked; a job that is claimed in the same tick was ready here.
  case stored(id: String, state: JobState, runAt: Timestamp)
  /// The id or the unique key exists; `id` is the existing job's. Also when it was replaced.
  case duplicate(id: String, state: JobState, runAt: Timestamp)
  /// The unique key is held and the job says reject.
  case conflict(existing: String)
  /// Another job of its all-or-nothing group was rejected.
  case withdrawn
  /// It is well formed, but cannot be taken as things stand.
  case refused(EnqueueRefusal)
}

/// Why a job that is well formed is not taken.
public enum EnqueueRefusal: Hashable, Sendable {
  /// It depends on a job that is not there.
  case unknownDependency(id: String)
  /// It waits for itself, or is one of the group's jobs that wait for each other.
  case circle
  /// Its id is that of a job in a queue that the caller may not know of.
  case foreignID
  /// All jobs of its batch are in queues that the caller may not know of.
  case foreignBatch(id: String)
  /// No more jobs come into the batch from outside.
  case batchClosed(id: String)
  /// As many wait as the limit allows.
  case tooManyWaiting(Limit.Scope, retryAfter: Interval)
}
