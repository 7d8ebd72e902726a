public import NIOCore

/// A client channel's settings. The defaults are those of the gRPC documents.
public struct ClientConfiguration: Sendable {
  /// Which of several servers gets a call.
  public enum LoadBalancing: Sendable, Hashable {
    /// The first that can be connected to gets all.
    case pickFirst
    /// All are connected to and take turns.
    case roundRobin
  }

  /// `nil`: plaintext, HTTP/2 with prior knowledge.
  public var tls: ClientTLS?
  public var loadBalancing: LoadBalancing = .pickFirst
  public var backoff = ConnectionBackoff()
  /// `nil`: never asks.
  public var keepalive: ClientKeepalive? = ClientKeepalive()
  /// After so long without a call the connections are closed; the next call connects again. `nil`: never.
  public var idleTimeout: TimeAmount? = .minutes(30)
  /// Whether calls wait for a connection when the last attempt to connect failed, unless they say otherwise themselves.
  public var waitForReady = false
  /// Bytes of one received message, after inflating.
  public var maxReceiveMessageSize = 4 * 1024 * 1024
  /// Bytes of response metadata or trailers, counted as name + value + 32 per field.
  public var maxHeaderListSize = 16 * 1024
  /// Calls that may wait for a connection or a free stream; one more gets RESOURCE_EXHAUSTED.
  public var maxWaitingCalls = 10_000
  /// Bytes sent by one call that are kept until the server answers, so that the call can be sent again if the server has not looked
  /// at it. A call that has sent more is not sent again.
  public var retryBufferSize = 256 * 1024
  /// `:authority`; `nil`: made from the target.
  public var authority: String?
  public var userAgent = "gkick-swift"

  public init() {}
}
