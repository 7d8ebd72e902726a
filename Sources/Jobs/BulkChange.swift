/// One thing done to all jobs that match.
public struct BulkChange: Sendable {
  public enum Action: Hashable, Sendable {
    case count
    case retry(resetAttempts: Bool)
    case cancel(reason: String)
    case delete
  }
  public var action: Action
  /// `limit` and `before` are not looked at.
  public var query: JobQuery

  public init(action: Action, query: JobQuery) {
    self.action = action
    self.query = query
  }

  /// Whether a job in this state is one to be changed; the others that match are passed over.
  public func concerns(_ state: JobState) -> Bool {
    switch action {
    case .count: true
    case .retry: state == .dead || state == .canceled || state == .expired || state == .retrying
    case .cancel: !state.isFinal
    case .delete: state != .running
    }
  }

  public func control(_ jobID: String) -> Control? {
    switch action {
    case .count: nil
    case .retry(let resetAttempts): .retry(jobID: jobID, resetAttempts: resetAttempts)
    case .cancel(let reason): .cancel(jobID: jobID, reason: reason)
    case .delete: .delete(jobID: jobID)
    }
  }
}
