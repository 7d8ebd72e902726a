import RPC
import Wire

extension GKickError {
  package init(_ status: Status) {
    let code: Code
    switch status.code {
    case .ok, .unknown, .internal, .dataLoss: code = .other
    case .unimplemented: code = .notSupported
    case .cancelled: code = .cancelled
    case .invalidArgument: code = .invalid
    case .deadlineExceeded: code = .timedOut
    case .notFound: code = .notFound
    case .alreadyExists: code = .alreadyExists
    case .permissionDenied, .unauthenticated: code = .notAllowed
    case .resourceExhausted: code = .limitReached
    case .failedPrecondition, .aborted: code = .notPossibleNow
    case .outOfRange: code = .eventsTrimmed
    case .unavailable: code = .unavailable
    }
    let pushback = status.retryPushback.flatMap { $0 >= 0 ? Duration.milliseconds($0) : nil }
    self.init(code, status.message.isEmpty ? "\(status.code)" : status.message, retryAfter: pushback)
  }

  init(_ error: WireError) {
    self.init(.other, "the server's answer cannot be read: \(error)")
  }
}
