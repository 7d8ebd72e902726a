/// A job as the store knows it.
public struct JobRecord: Sendable {
  /// The store's number of the job: rises in the order of enqueue.
  public var seq: Int64
  /// As it was asked for, with id, queue and run_at filled in.
  public var job: NewJob
  public var state: JobState
  /// Attempts started so far that count (a released or never confirmed one does not).
  public var attempt: UInt32
  /// Attempts that ended with the worker gone.
  public var lost: UInt32
  public var createdAt: Timestamp
  /// When it is, or was, due.
  public var runAt: Timestamp
  public var startedAt: Timestamp?
  public var finishedAt: Timestamp?
  public var leaseUntil: Timestamp?
  /// Someone asked for the running job to be canceled.
  public var cancelRequested: Bool
  public var workerID: String
  public var result: [UInt8]
  /// The latest 10, newest last.
  public var failures: [Failure]
  public var progress: Progress?

  public init(seq: Int64, job: NewJob, state: JobState, createdAt: Timestamp, runAt: Timestamp) {
    self.seq = seq
    self.job = job
    self.state = state
    self.attempt = 0
    self.lost = 0
    self.createdAt = createdAt
    self.runAt = runAt
    self.cancelRequested = false
    self.workerID = ""
    self.result = []
    self.failures = []
  }

  /// Its place among the ready jobs of its queue.
  public var place: Place { Place(priority: job.priority, readyAt: max(runAt, createdAt), seq: seq) }

  /// How many failures are kept with a job.
  public static let keptFailures = 10
}
