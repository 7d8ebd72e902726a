import Jobs

/// What changes in a job's life: the row in `states`. A job without one is as it was enqueued.
struct StateRow {
  var state: JobState
  var attempt: UInt32 = 0
  var lost: UInt32 = 0
  var runAt: Timestamp
  var startedAt: Timestamp?
  var workerID = ""
  /// While running: the right of its worker, its end, and the attempt's deadline.
  var token: UInt64 = 0
  var until = Timestamp.distantPast
  var deadline: Timestamp?
  var cancelRequested = false
  var cancelReason = ""
  /// When final: since when, and when it is forgotten.
  var finishedAt: Timestamp?
  var expires = Timestamp.distantPast
  var result: [UInt8] = []
  var failures: [Failure] = []
  var progress: Progress?

  init(state: JobState, runAt: Timestamp) {
    self.state = state
    self.runAt = runAt
  }
}

/// A job as it is read from the database.
struct Stored {
  var seq: Int64
  /// With id and runAt filled in.
  var job: NewJob
  /// Whether the producer chose the id.
  var isChosen: Bool
  var createdAt: Timestamp
  var row: StateRow
  var hasRow: Bool

  /// When it is or was ready: its place among equals.
  var readyAt: Timestamp { max(row.runAt, createdAt) }

  var isWaiting: Bool {
    switch row.state {
    case .scheduled, .ready, .retrying, .blocked: true
    case .running, .succeeded, .dead, .canceled, .expired: false
    }
  }

  var record: JobRecord {
    var record = JobRecord(seq: seq, job: job, state: row.state, createdAt: createdAt, runAt: row.runAt)
    record.attempt = row.attempt
    record.lost = row.lost
    record.startedAt = row.startedAt
    record.finishedAt = row.finishedAt
    record.leaseUntil = row.state == .running ? row.until : nil
    record.cancelRequested = row.cancelRequested
    record.workerID = row.workerID
    record.result = row.result
    record.failures = row.failures
    record.progress = row.progress
    return record
  }

  var held: HeldJob {
    HeldJob(
      lease: Lease(jobID: job.id, token: row.token), workerID: row.workerID, queue: job.queue, name: job.name,
      attempt: row.attempt, payloadSize: job.payloadSize, startedAt: row.startedAt ?? createdAt,
      deadline: row.deadline, cancelRequested: row.cancelRequested)
  }
}

/// A running job in memory: all that its end needs, but for the body.
final class Running {
  var stored: Stored
  let queue: Queue

  init(_ stored: Stored, queue: Queue) {
    self.stored = stored
    self.queue = queue
  }
}
