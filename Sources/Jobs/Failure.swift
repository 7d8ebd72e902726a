/// Why an attempt did not succeed.
public struct Failure: Hashable, Sendable {
  public var type: String
  public var message: String
  public var backtrace: String
  /// As the worker said.
  public var retryable: Bool
  public var at: Timestamp
  public var attempt: UInt32
  public var workerID: String

  public init(
    type: String, message: String, backtrace: String = "", retryable: Bool = true, at: Timestamp = .distantPast,
    attempt: UInt32 = 0, workerID: String = ""
  ) {
    self.type = type
    self.message = message
    self.backtrace = backtrace
    self.retryable = retryable
    self.at = at
    self.attempt = attempt
    self.workerID = workerID
  }
}
