/// The right to run a job and to say what became of it.
public struct Lease: Hashable, Sendable {
  public var jobID: String
  /// Never given out twice by a store, not even across a crash, so it names the assignment by itself; never 0.
  public var token: UInt64

  public init(jobID: String, token: UInt64) {
    self.jobID = jobID
    self.token = token
  }
}
