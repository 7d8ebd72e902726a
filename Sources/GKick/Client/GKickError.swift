/// What went wrong between this program and the server, or inside the server.
public struct GKickError: Error, Sendable, Hashable {
  public enum Code: Sendable, Hashable {
    /// The request makes no sense; the message says why.
    case invalid
    case notFound
    /// A job with the unique key exists, and the enqueue asked to be refused then.
    case alreadyExists
    /// Not possible in the job's state.
    case notPossibleNow
    /// A limit is reached: the queue is full, or too many calls wait. `retryAfter` says when to come back, if the server knows.
    case limitReached
    case notAllowed
    /// The server cannot be reached, or goes away. Whether the request was carried out is not known.
    case unavailable
    /// The time for the call was over. Whether the request was carried out is not known.
    case timedOut
    /// The task that waited was cancelled.
    case cancelled
    /// The events asked for are no longer stored.
    case eventsTrimmed
    /// The server is too old for what was asked, or does not offer it.
    case notSupported
    /// Anything else: the server, or this library, has a fault.
    case other
  }

  public var code: Code
  public var message: String
  public var retryAfter: Duration?

  public init(_ code: Code, _ message: String, retryAfter: Duration? = nil) {
    self.code = code
    self.message = message
    self.retryAfter = retryAfter
  }
}

extension GKickError: CustomStringConvertible {
  public var description: String { "\(code): \(message)" }
}

/// A job that was waited for ended, and not well.
public struct JobFailedError: Error, Sendable, CustomStringConvertible {
  /// As it ended: `dead`, `canceled` or `expired`.
  public var job: JobInfo

  public var description: String {
    let reason = job.failures.last.map { ": \($0.type): \($0.message)" } ?? ""
    return "job \(job.id) (\(job.name)) is \(job.state)\(reason)"
  }
}
