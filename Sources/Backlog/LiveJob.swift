import Jobs

/// A job at hand: running, changed by a change set that is not confirmed yet, just enqueued, or read for this tick. All others are only
/// entries in an order.
final class LiveJob {
  var head: JobHead
  var standing: JobStanding
  /// nil: as it is stored, not at hand.
  var carried: JobCarried?
  /// nil: as it is stored, not at hand.
  var body: [UInt8]?
  let queue: Queue

  // While running
  var leaseEnd = Instant.distantFuture
  /// The attempt's time is over.
  var deadline: Instant?
  /// No lease of this attempt lasts longer, whatever its worker says.
  var leaseLimit = Instant.distantFuture

  // What it is counted in, once looked up
  var key: ConcurrencyKey?

  // What this tick changed
  var isTouched = false
  var hasNewBody = false
  var hasNewCarried = false
  /// Deleted or over its retention: nobody finds it any more.
  var isForgotten = false

  /// The latest change set that has it; 0: none since it is at hand.
  var changedIn: UInt64 = 0
  /// The latest change set that brings its body.
  var bodyIn: UInt64 = 0
  /// Readings up to this one may have an older body.
  var bodyReading: UInt64 = 0
  /// As the latest change set says; nil: the storage does not know it.
  var storedState: JobState?
  /// Kept although it is stored, so that its claim need not read it.
  var isKept = false
  /// As one that cannot start yet.
  var isKeptIdle = false
  var isDamaged = false

  init(head: JobHead, standing: JobStanding, queue: Queue) {
    self.head = head
    self.standing = standing
    self.queue = queue
  }

  var seq: Int64 { head.seq }
  var id: String { head.job.id }

  /// When it is or was ready: its place among equals.
  var readyAt: Timestamp { max(standing.runAt, head.createdAt) }

  var readyEntry: Entry { Entry(at: readyAt.microseconds, seq: head.seq) }

  var isWaiting: Bool {
    switch standing.state {
    case .scheduled, .ready, .retrying, .blocked: true
    case .running, .succeeded, .dead, .canceled, .expired: false
    }
  }

  /// Bytes that keeping it costs, about.
  var weight: Int { 512 + (body?.count ?? 0) }

  /// The time that ends it if it has not been started by then.
  var startBefore: Timestamp? { standing.wasStarted ? nil : head.job.options.startBefore }

  var lease: Lease { Lease(jobID: head.job.id, token: standing.token) }

  var asRunning: RunningJob {
    RunningJob(
      lease: lease, workerID: standing.workerID, queue: head.job.queue, name: head.job.name,
      attempt: standing.attempt, payloadSize: head.job.payloadSize, startedAt: standing.startedAt ?? head.createdAt,
      deadline: deadline,
      cancelRequested: standing.cancelRequested, cancelReason: carried?.cancelReason ?? "")
  }

  var held: HeldJob { HeldJob(lease: lease, workerID: standing.workerID) }
}

extension NewJob {
  /// With what the state found for it, without the body.
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
