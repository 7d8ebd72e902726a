import NIOCore

/// Runs calls against a method table without sockets, over a pair of HTTP/2 sessions in memory: for tests.
public final class InProcessTransport: Sendable {
  /// All that came back from one call.
  public struct Response: Sendable {
    public var initialMetadata: Metadata
    public var messages: [ByteBuffer]
    public var status: Status
    public var trailers: Metadata
  }

  public init(methods: MethodTable, eventLoop: any EventLoop, peer: Peer = Peer(address: "in-process")) {}

  /// One call with all its request messages; returns when it ended.
  public func call(
    _ path: String, messages: [ByteBuffer], metadata: Metadata = Metadata(), timeout: TimeAmount? = nil
  ) async -> Response {
    Response(initialMetadata: Metadata(), messages: [], status: Status(.unimplemented), trailers: Metadata())
  }
}
