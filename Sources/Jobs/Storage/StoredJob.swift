/// What a job was asked for. Never changed, but replaced as a whole by ON_CONFLICT_REPLACE.
public final class JobHead: Sendable {
  /// The storage's number of the job: rises in the order of enqueue.
  public let seq: Int64
  /// With id and runAt filled in, without the body.
  public let job: NewJob
  /// Whether the producer chose the id; else it is made from seq and `createdAt`.
  public let isChosen: Bool
  public let createdAt: Timestamp

  public init(seq: Int64, job: NewJob, isChosen: Bool, createdAt: Timestamp) {
    self.seq = seq
    self.job = job
    self.isChosen = isChosen
    self.createdAt = createdAt
  }
}

/// Where a job stands: what changes in its life and decides what may happen next. Small, since it is written with every step.
public struct JobStanding: Hashable, Sendable {
  public var state: JobState
  public var cancelRequested = false
  /// Attempts started so far that count.
  public var attempt: UInt32 = 0
  /// Attempts that ended with the worker gone.
  public var lost: UInt32 = 0
  /// It was started at least once: `start_before` no longer ends it.
  public var wasStarted = false
  /// It waits for no dependency any more, whatever became of them (it was retried by hand).
  public var isUnbound = false
  /// When it is, or was, due.
  public var runAt: Timestamp
  public var startedAt: Timestamp?
  /// The worker of the latest attempt.
  public var workerID = ""
  /// While running: the right of its worker ...
  public var token: UInt64 = 0
  /// ... the attempt's deadline ...
  public var deadline: Timestamp?
  /// ... and how long its worker may be away before the job goes to another, also when it is the server that was; of one without a stream: its lease.
  public var resumeWindow: Interval = .zero
  /// When final: since when, and when it is forgotten.
  public var finishedAt: Timestamp?
  public var expires = Timestamp.distantPast

  public init(state: JobState, runAt: Timestamp) {
    self.state = state
    self.runAt = runAt
  }
}

/// What is only carried for people and workers and decides nothing: stored apart, read when somebody asks. An object, handed on without copying.
public final class JobCarried: Sendable {
  public let result: [UInt8]
  /// The latest 10, newest last.
  public let failures: [Failure]
  public let progress: Progress?
  public let cancelReason: String

  public init(
    result: [UInt8] = [], failures: [Failure] = [], progress: Progress? = nil, cancelReason: String = ""
  ) {
    self.result = result
    self.failures = failures
    self.progress = progress
    self.cancelReason = cancelReason
  }

  public static let nothing = JobCarried()
}

/// A job as it was read back.
public struct StoredJob: Sendable {
  public var head: JobHead
  public var standing: JobStanding
  public var carried: JobCarried
  /// Empty when it was not asked for.
  public var body: [UInt8]
  /// What is stored of the body is not what was written (its checksum differs): it must never reach a worker.
  public var isDamaged = false

  public init(head: JobHead, standing: JobStanding, carried: JobCarried = .nothing, body: [UInt8] = []) {
    self.head = head
    self.standing = standing
    self.carried = carried
    self.body = body
  }

  public var seq: Int64 { head.seq }

  /// As people see it.
  public var record: JobRecord {
    var job = head.job
    job.body = body
    var record = JobRecord(seq: seq, job: job, state: standing.state, createdAt: head.createdAt, runAt: standing.runAt)
    record.attempt = standing.attempt
    record.lost = standing.lost
    record.startedAt = standing.startedAt
    record.finishedAt = standing.finishedAt
    record.cancelRequested = standing.cancelRequested
    record.workerID = standing.workerID
    record.result = carried.result
    record.failures = carried.failures
    record.progress = carried.progress
    return record
  }
}
