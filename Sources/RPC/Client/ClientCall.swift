public import NIOCore

/// One call as its caller's synchronous handler sees it: confined to the connection's event loop and so not `Sendable`.
/// Calling anything after the end does nothing.
public final class ClientCall {
  public let eventLoop: any EventLoop
  public let path: String

  init(eventLoop: any EventLoop, path: String) {
    self.eventLoop = eventLoop
    self.path = path
  }

  /// Whether the call has not ended yet.
  public var isOpen: Bool { false }

  /// False while more bytes wait in this call than a good neighbour leaves there; `ClientCallHandler.writable` says when it
  /// is true again.
  public var isWritable: Bool { false }

  /// Appends one message: `write` fills the buffer in place, behind the frame prefix, so there is no copy per message.
  /// `write` must only append.
  public func send(_ write: (inout ByteBuffer) -> Void) {}

  public func send(_ message: ByteBuffer) {}

  /// The last message has been sent.
  public func halfClose() {}

  /// Gives the call up: the server is told by RST_STREAM CANCEL, the handler by `ended` with `status`.
  public func cancel(_ status: Status = Status(.cancelled)) {}

  /// Back-pressure: while paused, no further message is delivered and the peer's window is not replenished.
  public func pauseReading() {}

  public func resumeReading() {}
}
