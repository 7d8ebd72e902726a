import Jobs
import Wire

/// Why a running job is to stop.
package enum StopReason: Hashable, Sendable {
  /// Somebody asked for it.
  case canceled
  /// The attempt's time is over.
  case timeout
  /// It is another's now: nothing is reported.
  case leaseLost
  /// This worker goes away: the job is given back.
  case shutdown

  /// As the server said it.
  package init(_ cancellation: CancellationInfo) {
    switch cancellation.reason {
    case "timeout": self = .timeout
    case "lease lost": self = .leaseLost
    default: self = .canceled
    }
  }

  /// What is reported of a job that was told to stop and ended so. One that succeeded all the same has succeeded.
  package func reported(_ how: WorkerOutcome.How) -> WorkerOutcome.How {
    if case .success = how { return how }
    switch self {
    case .canceled: return .canceled
    case .timeout: return .failure(Failure(type: "timeout", message: "the attempt's time was over", retryable: true))
    case .shutdown: return .release(delay: nil)
    case .leaseLost: return how
    }
  }
}
