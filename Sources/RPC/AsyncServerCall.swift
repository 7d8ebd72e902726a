public import NIOCore

/// One call as an async handler sees it. Its methods may be awaited from anywhere; they are cheap in the handler's own task, which
/// runs on the call's event loop.
public final class AsyncServerCall: Sendable {
  public let eventLoop: any EventLoop
  public let path: String
  public let metadata: Metadata
  public let peer: Peer
  public let deadline: NIODeadline?

  init(_ call: ServerCall) {
    eventLoop = call.eventLoop
    path = call.path
    metadata = call.metadata
    peer = call.peer
    deadline = call.deadline
  }

  /// The messages that arrived since the last call, at least one; waits for one. Empty when the client has sent its last.
  /// Throws `CancellationError` when the call is over.
  public func nextBatch() async throws -> [ByteBuffer] { [] }

  /// The one message of a unary or server-streaming call.
  public func request() async throws -> ByteBuffer { throw CancellationError() }

  /// Response metadata. Has no effect after the first message.
  public func setInitialMetadata(_ metadata: Metadata) async {}

  /// Trailing metadata for the end of the call, whatever its status.
  public func setTrailers(_ trailers: Metadata) async {}

  /// Sends one message; waits while the call is not writable. Throws `CancellationError` when the call is over.
  public func send(_ message: ByteBuffer) async throws {}
}
