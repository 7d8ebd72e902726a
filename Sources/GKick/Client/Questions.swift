public import Jobs

/// Events that came together.
package struct EventBatch: Sendable {
  package var events: [JobEvent]
  /// Where to go on from after these.
  package var cursor: String
}

/// Which events; each empty set means all.
package struct EventFilter: Sendable, Hashable {
  package var queues: [String] = []
  package var names: [String] = []
  package var jobIDs: [String] = []
  package var kinds: [JobEvent.Kind] = []
  package var batchID = ""

  package init() {}
}

/// What an enqueue gave.
package struct Enqueued: Sendable, Hashable {
  package var id: String
  package var isDuplicate: Bool
  package var state: JobState
  /// Of a scheduled one.
  package var runAt: Timestamp?
  /// What was given, if the answer says so.
  package var durability: Durability?
}

package struct JobPage: Sendable {
  package var jobs: [JobInfo]
  /// Empty: there are no more.
  package var nextPageToken: String
}

/// Which jobs to list; what is empty or `nil` does not narrow it.
public struct JobQuery: Sendable {
  public var queue: String?
  public var states: Set<JobState>
  public var name: String?
  public var batchID: String?
  public var concurrencyKey: String?
  public var fairnessKey: String?
  /// The recurring job that made them.
  public var recurringJobID: String?

  public init(
    queue: String? = nil, states: Set<JobState> = [], name: String? = nil, batchID: String? = nil,
    concurrencyKey: String? = nil, fairnessKey: String? = nil, recurringJobID: String? = nil
  ) {
    self.queue = queue
    self.states = states
    self.name = name
    self.batchID = batchID
    self.concurrencyKey = concurrencyKey
    self.fairnessKey = fairnessKey
    self.recurringJobID = recurringJobID
  }
}
