/// How a call ended: the code, a message for humans and, optionally, details for programs.
///
/// It is an `Error`, so an async handler ends its call by throwing one.
public struct Status: Error, Sendable, Equatable {
  public var code: StatusCode
  /// Any text; it is percent-encoded on the wire (gRPC `doc/PROTOCOL-HTTP2.md`, "Status-Message").
  public var message: String
  /// The bytes of a `google.rpc.Status`, sent as `grpc-status-details-bin`. Its code must equal `code`.
  public var details: [UInt8]?
  /// Milliseconds a retrying client should wait, sent as `grpc-retry-pushback-ms`; negative means "do not retry" (gRFC A6).
  public var retryPushback: Int64?

  public init(_ code: StatusCode, _ message: String = "", details: [UInt8]? = nil, retryPushback: Int64? = nil) {
    self.code = code
    self.message = message
    self.details = details
    self.retryPushback = retryPushback
  }

  public static let ok = Status(.ok)

  public var isOK: Bool { code == .ok }
}
