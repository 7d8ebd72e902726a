#if canImport(FoundationEssentials)
  package import FoundationEssentials
#else
  package import Foundation
#endif
public import Jobs

/// What a ``Client`` needs done: by a server over gRPC, or in memory for tests.
package protocol ClientBackend: Sendable {
  func enqueue(_ job: JobRequest, durability: Durability?) async throws -> Enqueued
  /// At most 1,000 jobs; one result each, in order. Throws for all when `allOrNothing` and one is not stored.
  func enqueue(_ jobs: [JobRequest], allOrNothing: Bool, durability: Durability?) async throws -> [Result<
    Enqueued, GKickError
  >]
  func job(_ id: String) async throws -> JobInfo
  func jobs(_ query: JobQuery, pageSize: Int, pageToken: String) async throws -> JobPage
  /// The job as soon as it is final, or as it is after about `timeout`.
  func wait(for id: String, timeout: Duration) async throws -> JobInfo
  func cancel(_ id: String, reason: String) async throws -> JobInfo
  func retry(_ id: String, resetAttempts: Bool) async throws -> JobInfo
  func delete(_ id: String) async throws
  func explain(_ id: String) async throws -> JobExplanation
  /// One connection's worth of events.
  func events(_ filter: EventFilter, after cursor: String) async throws -> any EventBatches
  func close() async

  func limits() async throws -> [LimitStanding]
  func putLimit(_ limit: Jobs.Limit) async throws
  func deleteLimit(_ scope: Jobs.Limit.Scope) async throws

  /// The newest first, at most so many.
  func batches(unfinishedOnly: Bool, limit: Int) async throws -> [BatchInfo]
  func batch(_ id: String) async throws -> BatchInfo
  func putBatch(_ terms: BatchTerms) async throws -> BatchInfo
  func cancelBatch(_ id: String, reason: String) async throws -> BatchInfo

  func recurringJobs() async throws -> [RecurringJob]
  func putRecurringJob(_ job: RecurringJob) async throws -> RecurringJob
  func deleteRecurringJob(_ id: String) async throws
  /// The id of the job that was made.
  func triggerRecurringJob(_ id: String) async throws -> String
  func times(of schedule: RecurringJob.Schedule, count: Int, after: Date?) async throws -> [Date]
}

/// The events of one call, as they come.
package protocol EventBatches: Sendable {
  /// Waits for the next batch, which may be empty; `nil` when the server ended the call.
  func next() async throws -> EventBatch?
  func cancel()
}

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
