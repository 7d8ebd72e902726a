/// Which queues one subscription covers: one by name, or all that begin with a prefix.
public struct QueuePattern: Hashable, Sendable {
  /// The name or, when `isPrefix`, its beginning (may be empty: all queues).
  public var text: String
  public var isPrefix: Bool

  /// "mail" is a name, "mail*" a prefix.
  public init(_ subscription: String) {
    isPrefix = subscription.hasSuffix("*")
    text = isPrefix ? String(subscription.dropLast()) : subscription
  }

  public func matches(_ queue: String) -> Bool { isPrefix ? queue.hasPrefix(text) : queue == text }
}

/// What a worker takes: queues in strict order (within one pattern the best `Place` of all its queues), and job names.
/// Weighted subscriptions are turned into an order per slot before the store sees them.
public struct ClaimFilter: Hashable, Sendable {
  public var queues: [QueuePattern]
  /// Empty: all.
  public var names: [String]
  /// The pattern whose turn it is among the weighted ones: it goes before those from `strict` on.
  public var lead: Int
  /// So many patterns go before all else.
  public var strict: Int

  public init(queues: [QueuePattern], names: [String] = []) {
    self.queues = queues
    self.names = names
    lead = 0
    strict = queues.count
  }

  /// One of several that share their list, each with another of the weighted patterns in front.
  public init(queues: [QueuePattern], names: [String], strict: Int, lead: Int) {
    self.queues = queues
    self.names = names
    self.strict = strict
    self.lead = lead
  }

  /// The pattern that is tried so late.
  @inlinable public func pattern(_ place: Int) -> QueuePattern {
    if place < strict { return queues[place] }
    if place == strict { return queues[lead] }
    return queues[place <= lead ? place - 1 : place]
  }

  public func takes(queue: String, name: String) -> Bool {
    (names.isEmpty || names.contains(name)) && queues.contains { $0.matches(queue) }
  }
}

/// A job as it is handed to a worker: one object for everybody on its way there.
public final class ClaimedJob: Sendable {
  public let lease: Lease
  /// Index into the claim's workers.
  public let worker: Int
  /// 1 for the first.
  public let attempt: UInt32
  public let job: NewJob
  public let createdAt: Timestamp
  /// When it became due, for the wait time.
  public let readyAt: Timestamp
  /// Of this attempt, when the job has a timeout: claim time + timeout.
  public let deadline: Timestamp?
  /// A rate has counted this start: the worker is told when that is stored, or a crash would forget a start that was made.
  public let isRated: Bool

  public init(
    lease: Lease, worker: Int, attempt: UInt32, job: NewJob, createdAt: Timestamp, readyAt: Timestamp,
    deadline: Timestamp?, isRated: Bool = false
  ) {
    self.lease = lease
    self.worker = worker
    self.attempt = attempt
    self.job = job
    self.createdAt = createdAt
    self.readyAt = readyAt
    self.deadline = deadline
    self.isRated = isRated
  }
}
