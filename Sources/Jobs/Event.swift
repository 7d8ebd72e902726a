/// One step in a job's, a queue's or a worker's life.
public struct Event: Hashable, Sendable {
  /// Raw values are those of `gkick.v1.EventType`.
  public enum Kind: UInt8, Sendable, CaseIterable {
    case scheduled = 1
    /// Became ready, at once or when its time came.
    case enqueued = 2
    case started = 3
    case progress = 4
    case succeeded = 5
    /// An attempt failed and will be retried.
    case failed = 6
    case dead = 7
    case canceled = 8
    case expired = 9
    /// The worker went silent; the job goes to another.
    case leaseLost = 10
    case blocked = 11
    /// What was put in by SQL could not become a job.
    case refused = 12
    case queuePaused = 20
    case queueResumed = 21
    case workerConnected = 30
    case workerDisconnected = 31
    case batchFinished = 40
    /// Someone changed something.
    case audit = 50
  }

  /// Rises by one per event of a store, without a gap; 0 until the store has numbered it. The first is 1.
  public var cursor: Int64
  public var kind: Kind
  public var at: Timestamp
  public var jobID: String
  public var queue: String
  public var name: String
  public var attempt: UInt32
  public var workerID: String
  public var batchID: String
  public var detail: Detail

  /// What only some kinds carry. Kept apart, so that an event without it is small.
  public indirect enum Detail: Hashable, Sendable {
    case none
    /// dead (and canceled, leaseLost where there is something to say).
    case failure(Failure)
    /// failed.
    case retry(Failure, nextRunAt: Timestamp)
    case progress(Progress)
    /// scheduled; also a failed or released attempt without a failure.
    case due(Timestamp)
    /// audit: who, and by which call.
    case audit(principal: String, call: String)
  }

  public init(
    cursor: Int64 = 0, kind: Kind, at: Timestamp, jobID: String = "", queue: String = "", name: String = "",
    attempt: UInt32 = 0, workerID: String = "", batchID: String = "", detail: Detail = .none
  ) {
    self.cursor = cursor
    self.kind = kind
    self.at = at
    self.jobID = jobID
    self.queue = queue
    self.name = name
    self.attempt = attempt
    self.workerID = workerID
    self.batchID = batchID
    self.detail = detail
  }

  /// Whether after this event the job is final.
  public var endsJob: Bool {
    switch kind {
    case .succeeded, .dead, .canceled, .expired: true
    default: false
    }
  }
}
