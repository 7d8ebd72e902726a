import Jobs

/// What changes in a job's life: the row in `states`. A job without one is as it was enqueued.
///
/// What few jobs have is kept apart, so that copying a row is cheap.
struct StateRow {
  /// Never changed once it is shared.
  private final class Rare {
    var cancelReason = ""
    var result: [UInt8] = []
    var failures: [Failure] = []
    var progress: Progress?

    init(_ other: Rare?) {
      guard let other else { return }
      cancelReason = other.cancelReason
      result = other.result
      failures = other.failures
      progress = other.progress
    }
  }

  var state: JobState
  var cancelRequested = false
  var attempt: UInt32 = 0
  var lost: UInt32 = 0
  var runAt: Timestamp
  var startedAt: Timestamp?
  var workerID = ""
  /// While running: the right of its worker, its end, and the attempt's deadline.
  var token: UInt64 = 0
  var until = Timestamp.distantPast
  var deadline: Timestamp?
  /// When final: since when, and when it is forgotten.
  var finishedAt: Timestamp?
  var expires = Timestamp.distantPast
  private var rare: Rare?

  init(state: JobState, runAt: Timestamp) {
    self.state = state
    self.runAt = runAt
  }

  /// A new attempt has begun; its token, its deadline and the end of its lease are the caller's to set.
  mutating func start(by worker: String, now: Timestamp) {
    state = .running
    attempt += 1
    startedAt = now
    workerID = worker
    progress = nil
    cancelRequested = false
    cancelReason = ""
  }

  var cancelReason: String {
    get { rare?.cancelReason ?? "" }
    set { if rare != nil || !newValue.isEmpty { change { $0.cancelReason = newValue } } }
  }

  var result: [UInt8] {
    get { rare?.result ?? [] }
    set { if rare != nil || !newValue.isEmpty { change { $0.result = newValue } } }
  }

  var failures: [Failure] {
    get { rare?.failures ?? [] }
    set { if rare != nil || !newValue.isEmpty { change { $0.failures = newValue } } }
  }

  var progress: Progress? {
    get { rare?.progress }
    set { if rare != nil || newValue != nil { change { $0.progress = newValue } } }
  }

  private mutating func change(_ body: (Rare) -> Void) {
    let rare = Rare(self.rare)
    body(rare)
    self.rare = rare
  }
}

extension NewJob {
  /// With what the store found for it, without the body.
  func kept(as id: String, runAt: Timestamp) -> NewJob {
    NewJob(
      id: id, queue: queue, name: name, priority: priority, runAt: runAt, options: options, payloadSize: payloadSize)
  }

  func with(body: [UInt8]) -> NewJob {
    NewJob(
      id: id, queue: queue, name: name, priority: priority, runAt: runAt, options: options, payloadSize: payloadSize,
      body: body)
  }
}

/// What a job was asked for, as the store keeps it.
final class Head {
  let seq: Int64
  /// With id and runAt filled in, without the body.
  let job: NewJob
  /// Whether the producer chose the id.
  let isChosen: Bool
  let createdAt: Timestamp

  init(seq: Int64, job: NewJob, isChosen: Bool, createdAt: Timestamp) {
    self.seq = seq
    self.job = job
    self.isChosen = isChosen
    self.createdAt = createdAt
  }
}

/// A job as it stands.
struct Stored {
  var head: Head
  var row: StateRow
  /// Whether it has a row in `states`.
  var hasRow: Bool

  var seq: Int64 { head.seq }

  /// When it is or was ready: its place among equals.
  var readyAt: Timestamp { max(row.runAt, head.createdAt) }

  var isWaiting: Bool {
    switch row.state {
    case .scheduled, .ready, .retrying, .blocked: true
    case .running, .succeeded, .dead, .canceled, .expired: false
    }
  }

  /// Without its body.
  var record: JobRecord {
    var record = JobRecord(seq: seq, job: head.job, state: row.state, createdAt: head.createdAt, runAt: row.runAt)
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
      lease: Lease(jobID: head.job.id, token: row.token), workerID: row.workerID, queue: head.job.queue,
      name: head.job.name, attempt: row.attempt, payloadSize: head.job.payloadSize,
      startedAt: row.startedAt ?? head.createdAt, deadline: row.deadline, cancelRequested: row.cancelRequested)
  }
}

/// A job in memory, about to be claimed or running: all that its claim and its end need.
final class Live {
  var stored: Stored
  /// Given away by the claim.
  var body: [UInt8]
  let queue: Queue
  /// Its lease was given a new end, which readers know of.
  var isRenewed = false

  init(_ stored: consuming Stored, body: [UInt8] = [], queue: Queue) {
    self.stored = stored
    self.body = body
    self.queue = queue
  }
}
