import NIOCore

/// A synchronous streaming handler: one object per call, called on the connection's event loop and nowhere else.
public protocol CallHandler: AnyObject {
  /// One whole message, without its five-byte prefix. It may be a slice of the connection's read buffer: decode it or copy
  /// it, but do not keep it.
  func message(_ message: ByteBuffer, call: ServerCall)
  /// The client sent its last message.
  func halfClosed(call: ServerCall)
  /// The call had stopped being writable and now is again.
  func writable(call: ServerCall)
  /// The call is over. Called exactly once, last, and also when the server finished the call itself.
  func ended(_ reason: CallEnd, call: ServerCall)
}

extension CallHandler {
  public func halfClosed(call: ServerCall) {}
  public func writable(call: ServerCall) {}
  public func ended(_ reason: CallEnd, call: ServerCall) {}
}
