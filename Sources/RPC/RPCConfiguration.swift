import HTTP2

/// What a server's connections put up with, and how they behave, apart from sockets.
public struct RPCConfiguration: Sendable {
  public var http2 = HTTP2Configuration(role: .server)
  /// Bytes of one request message, known from its prefix; above it the call ends with RESOURCE_EXHAUSTED.
  public var maxRequestMessage = 4 * 1024 * 1024
  /// Bytes one compressed request message may inflate to.
  public var maxInflatedMessage = 4 * 1024 * 1024
  /// Bytes of incomplete or undelivered request messages of one connection; the call that goes above it ends with RESOURCE_EXHAUSTED.
  public var maxBufferedRequests = 16 * 1024 * 1024
  /// Bytes of responses that wait in one connection above which further requests whose client sends one message are held back, so that a peer
  /// that does not read cannot make the server produce.
  public var maxQueuedOutput = 1024 * 1024

  public init() {}
}
