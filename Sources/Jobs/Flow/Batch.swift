/// What is said of a batch: jobs that are followed as one. What is left out stays as it was.
public struct BatchTerms: Sendable {
  /// Empty: the server makes one.
  public var id: String
  /// Empty: as it was. Up to 256 bytes.
  public var description: String
  /// Enqueued once when the batch is finished; nil: as it was.
  public var onFinished: NewJob?
  /// Enqueued once when it is finished and all its jobs have succeeded; nil: as it was.
  public var onSucceeded: NewJob?
  /// No more jobs come from outside. It stays so.
  public var isClosed: Bool

  public init(
    id: String = "", description: String = "", onFinished: NewJob? = nil, onSucceeded: NewJob? = nil,
    isClosed: Bool = false
  ) {
    self.id = id
    self.description = description
    self.onFinished = onFinished
    self.onSucceeded = onSucceeded
    self.isClosed = isClosed
  }

  public static let longestDescription = 256
}

/// How many jobs of a batch are where.
public struct BatchCounts: Hashable, Sendable {
  /// Scheduled, ready, retrying or blocked.
  public var waiting: UInt64 = 0
  public var running: UInt64 = 0
  public var succeeded: UInt64 = 0
  public var dead: UInt64 = 0
  /// Expired ones counted in, and those that were deleted before they had ended.
  public var canceled: UInt64 = 0

  public init() {}

  public var jobs: UInt64 { waiting + running + succeeded + dead + canceled }
  public var unfinished: UInt64 { waiting + running }
}

/// A batch as the server knows it.
public struct BatchView: Sendable {
  public var terms: BatchTerms
  public var counts: BatchCounts
  public var createdAt: Timestamp
  public var finishedAt: Timestamp?
  /// Once enqueued; empty before.
  public var onFinishedJobID: String
  public var onSucceededJobID: String

  public init(
    terms: BatchTerms, counts: BatchCounts, createdAt: Timestamp, finishedAt: Timestamp? = nil,
    onFinishedJobID: String = "", onSucceededJobID: String = ""
  ) {
    self.terms = terms
    self.counts = counts
    self.createdAt = createdAt
    self.finishedAt = finishedAt
    self.onFinishedJobID = onFinishedJobID
    self.onSucceededJobID = onSucceededJobID
  }
}
