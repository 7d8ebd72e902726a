#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif
public import Jobs

/// One step in a job's, a queue's or a worker's life.
public struct JobEvent: Sendable {
  public typealias Kind = Jobs.Event.Kind

  /// Where to go on from after this event, see ``Client/events(after:queues:names:jobIDs:kinds:batchID:)``.
  public var cursor: String
  public var kind: Kind
  public var at: Date
  public var jobID: String
  public var queue: String
  public var name: String
  public var attempt = 0
  public var workerID = ""
  public var batchID = ""
  /// With `failed` and `dead`.
  public var failure: JobFailure?
  /// With `progress`.
  public var progress: JobProgress?
  /// With `scheduled` and `failed`.
  public var nextRunAt: Date?
  /// With `audit`: who changed something ...
  public var principal = ""
  /// ... and by which call.
  public var call = ""

  /// The state that the event leaves its job in; `nil` for events that change none.
  public var state: JobState? {
    switch kind {
    case .scheduled: .scheduled
    case .enqueued, .leaseLost: .ready
    case .started: .running
    case .succeeded: .succeeded
    case .failed: .retrying
    case .dead: .dead
    case .canceled: .canceled
    case .expired: .expired
    case .blocked: .blocked
    case .progress, .refused, .queuePaused, .queueResumed, .workerConnected, .workerDisconnected, .batchFinished,
      .audit:
      nil
    }
  }
}
