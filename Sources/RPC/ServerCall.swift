public import NIOCore

/// One call on the server, confined to its connection's event loop and so not `Sendable`. Calling anything after the end does nothing.
public final class ServerCall {
  public let eventLoop: any EventLoop
  /// The full method name: `/gkick.v1.JobService/Enqueue`.
  public let path: String
  /// Request metadata, decoded when first asked for.
  public private(set) lazy var metadata = Metadata()
  public let peer: Peer
  /// From `grpc-timeout`; `nil` means none was given.
  public let deadline: NIODeadline?
  /// A slot for interceptors and handlers.
  public var context: AnyObject?

  init(eventLoop: any EventLoop, path: String, peer: Peer, deadline: NIODeadline?) {
    self.eventLoop = eventLoop
    self.path = path
    self.peer = peer
    self.deadline = deadline
  }

  /// Whether the client can still be told anything.
  public var isOpen: Bool { false }

  /// False while more bytes wait in this call than a good neighbour leaves there; `CallHandler.writable` says when it is true again.
  public var isWritable: Bool { false }

  /// Response metadata. Has no effect after the first message.
  public func setInitialMetadata(_ metadata: Metadata) {}

  /// Appends one message: `write` fills the buffer in place, behind the frame prefix, so there is no copy per message.
  /// `write` must only append.
  public func send(_ write: (inout ByteBuffer) -> Void) {}

  public func send(_ message: ByteBuffer) {}

  /// Ends the call. Messages sent before are delivered first.
  public func finish(_ status: Status = .ok, trailers: Metadata = Metadata()) {}

  /// Back-pressure: while paused, no further message is delivered and the peer's window is not replenished.
  public func pauseReading() {}

  public func resumeReading() {}
}

extension ServerCall {
  /// Sends the one answer of a unary call and ends it with `.ok`.
  public func reply(_ write: (inout ByteBuffer) -> Void) {
    send(write)
    finish(.ok)
  }
}
