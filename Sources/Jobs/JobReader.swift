/// What can be looked up. Apart from the writing store: on its own connection, callable from any thread, blocking, never part
/// of a tick. It sees what was committed before the call.
public protocol JobReader: Sendable {
  func job(id: String) throws(StoreError) -> JobRecord?

  /// Newest first. The pages stay right while jobs come and go: a token is a position in the order of creation. Looks at no more than
  /// a few thousand rows: a page may be empty and yet have a next one.
  func jobs(_ query: JobQuery) throws(StoreError) -> JobPage

  /// Events after `cursor` (0: from the oldest stored), in order, at most `limit`.
  func events(after cursor: Int64, limit: Int) throws(StoreError) -> EventPage
}

public struct JobQuery: Sendable {
  /// Empty strings and sets: all.
  public var queue = ""
  public var states: Set<JobState> = []
  public var name = ""
  public var batchID = ""
  public var concurrencyKey = ""
  public var fairnessKey = ""
  public var recurringJobID = ""
  /// Only jobs made before; nil: all.
  public var createdBefore: Timestamp?
  /// Only jobs of these queues; nil: of all.
  public var scope: QueueScope?
  /// 1...1000.
  public var limit = 100
  /// Only jobs with a lower seq; nil: from the newest.
  public var before: Int64?

  public init() {}

  public func takes(_ record: JobRecord) -> Bool {
    (queue.isEmpty || record.job.queue == queue) && scope.covers(record.job.queue)
      && (states.isEmpty || states.contains(record.state))
      && (name.isEmpty || record.job.name == name) && (batchID.isEmpty || record.job.options.batchID == batchID)
      && (concurrencyKey.isEmpty || record.job.options.concurrencyKey == concurrencyKey)
      && (fairnessKey.isEmpty || record.job.options.fairnessKey == fairnessKey)
      && (recurringJobID.isEmpty || record.job.options.recurringJobID == recurringJobID)
      && (createdBefore.map { record.createdAt < $0 } ?? true)
  }
}

public struct JobPage: Sendable {
  public var jobs: [JobRecord]
  /// `before` of the next page; nil: this was the last.
  public var next: Int64?

  public init(jobs: [JobRecord], next: Int64?) {
    self.jobs = jobs
    self.next = next
  }
}

public enum EventPage: Sendable {
  /// `next` is where to go on; equal to the asked cursor when there is nothing yet.
  case events([Event], next: Int64)
  /// The place asked for is no longer stored. `oldest` is the lowest cursor that can be asked for now.
  case trimmed(oldest: Int64)
}
