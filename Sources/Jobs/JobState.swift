/// Where a job stands. Raw values are those of `gkick.v1.JobState`.
public enum JobState: UInt8, Sendable, CaseIterable {
  /// Waits for its run_at.
  case scheduled = 1
  /// Waits for a free worker.
  case ready = 2
  /// Leased to a worker.
  case running = 3
  /// An attempt failed; waits for the next one's time.
  case retrying = 4
  case succeeded = 5
  /// Attempts exhausted, or failed as not retryable, or lost too often.
  case dead = 6
  case canceled = 7
  /// Not started before its start_before.
  case expired = 8
  /// Waits for the jobs it depends on.
  case blocked = 9

  /// As the contract calls it, without its prefix: READY.
  package var name: String { "\(self)".uppercased() }

  /// Whether nothing more happens to the job unless someone retries it.
  @inlinable public var isFinal: Bool {
    switch self {
    case .succeeded, .dead, .canceled, .expired: true
    case .scheduled, .ready, .running, .retrying, .blocked: false
    }
  }
}
