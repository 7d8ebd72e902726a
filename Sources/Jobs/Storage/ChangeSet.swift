/// All that one tick changed, as one unit: it is stored whole or not at all.
public struct ChangeSet: Sendable {
  /// 1, 2, 3 ... within an epoch: part of the fence.
  public var number: UInt64
  /// The tick's time.
  public var now: Timestamp
  public var durability: Durability
  /// Each job once, as it stands after the tick.
  public var jobs: [JobChange] = []
  /// Jobs that are gone. They go first: a new job of the same change set may have the id that one had.
  public var forgotten: [ForgottenJob] = []
  /// Queues whose kept figures changed, as they are now.
  public var queues: [StoredQueue] = []
  public var forgottenQueues: [String] = []
  /// Limits, batches, recurring jobs ...
  public var documents: [Document] = []
  /// What was taken out of the inbox.
  public var taken: [TakenItem] = []
  /// Numbered without a gap, from the tick before on.
  public var events: [Event] = []
  /// The seq that the next new job gets.
  public var nextSeq: Int64 = 1

  public init(number: UInt64, now: Timestamp, durability: Durability) {
    self.number = number
    self.now = now
    self.durability = durability
  }

  /// The tick changed nothing that must be stored.
  public var isEmpty: Bool {
    jobs.isEmpty && forgotten.isEmpty && queues.isEmpty && forgottenQueues.isEmpty && documents.isEmpty
      && events.isEmpty && taken.isEmpty
  }
}

public struct JobChange: Sendable {
  public var head: JobHead
  public var standing: JobStanding
  /// The job is new to the storage.
  public var isNew: Bool
  /// Of new jobs, and of those whose head and body were replaced; nil: both as they are stored.
  public var body: [UInt8]?
  /// What grew or changed of what is only carried; nil: as stored.
  public var carried: JobCarried?

  // Inlined, so that it is made in its place: to move it there costs a copy.
  @inlinable
  public init(head: JobHead, standing: JobStanding, isNew: Bool, body: [UInt8]? = nil, carried: JobCarried? = nil) {
    self.head = head
    self.standing = standing
    self.isNew = isNew
    self.body = body
    self.carried = carried
  }
}

public struct ForgottenJob: Sendable {
  public var head: JobHead
  /// As it is stored.
  public var state: JobState
  /// It was replaced with this very change set: the head is not the stored one.
  public var isReplaced: Bool

  public init(head: JobHead, state: JobState, isReplaced: Bool = false) {
    self.head = head
    self.state = state
    self.isReplaced = isReplaced
  }
}

/// What is kept of a queue beside its jobs.
public struct StoredQueue: Hashable, Sendable {
  public var name: String
  public var isPaused = false
  /// Since the queue was made.
  public var succeeded: UInt64 = 0
  /// Attempts that failed or were lost.
  public var failed: UInt64 = 0
  /// Final jobs that are still stored, dead ones counted in.
  public var ended: UInt64 = 0
  public var dead: UInt64 = 0
  /// The latest step of a job of it, or its pause.
  public var lastUsedAt = Timestamp.distantPast

  public init(name: String) { self.name = name }
}

/// Something that is kept whole, found by kind and key, and loaded at the start: a limit, a batch, a recurring job.
public struct Document: Sendable {
  public enum Kind: UInt8, Sendable, CaseIterable {
    case limit = 1
    /// What a limit has let start, so that a rate holds across a restart.
    case limitUse = 2
    case batch = 3
    case recurring = 4
    case setting = 5
  }
  public var kind: Kind
  /// Up to 600 bytes.
  public var key: String
  /// nil: gone.
  public var bytes: [UInt8]?

  public init(kind: Kind, key: String, bytes: [UInt8]?) {
    self.kind = kind
    self.key = key
    self.bytes = bytes
  }
}
