/// Sees every call of a known method, on its event loop. A server without interceptors pays nothing for them.
public protocol ServerInterceptor: Sendable {
  /// The request headers have arrived, no handler ran yet. A status refuses the call with it.
  func callStarted(_ call: ServerCall) -> Status?
  /// The call is over; `status` is what the client was told, or would have been told if it was still there
  /// (cancelled calls: `CANCELLED`, lost connections: `UNAVAILABLE`). Called once for every call that `callStarted` let pass.
  func callEnded(_ call: ServerCall, status: Status)
}

extension ServerInterceptor {
  public func callStarted(_ call: ServerCall) -> Status? { nil }
  public func callEnded(_ call: ServerCall, status: Status) {}
}
