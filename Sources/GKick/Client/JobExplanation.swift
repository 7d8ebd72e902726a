#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// Why a job is not running, from the scheduler itself.
public struct JobExplanation: Sendable {
  public enum Hindrance: Sendable, Hashable {
    case notDue, queuePaused, noWorker, workersBusy, concurrencyLimit, rateLimit, dependency, jobsAhead
    /// One that this version does not know.
    case other
  }

  public struct Reason: Sendable {
    public var hindrance: Hindrance
    /// For people.
    public var text: String
    /// The jobs in the way, when they are few.
    public var jobIDs: [String] = []
    /// When it could run at the earliest, if that is known.
    public var notBefore: Date?
  }

  public var job: JobInfo
  /// Empty when the job runs or is final.
  public var reasons: [Reason]
  /// In its queue.
  public var jobsAhead: Int
}
