public import NIOCore

/// A synchronous reader of one client call, called on the connection's event loop and nowhere else.
public protocol ClientCallHandler: AnyObject {
  /// The call exists, and has perhaps no connection yet; what is sent from here on waits for one.
  func started(call: ClientCall)
  /// Response metadata; not called when the server answered with trailers only.
  func initialMetadata(_ metadata: Metadata, call: ClientCall)
  /// One whole message, without its five-byte prefix. It may be a slice of the connection's read buffer: decode it or copy
  /// it, but do not keep it.
  func message(_ message: ByteBuffer, call: ClientCall)
  /// What was read in one pass of the loop has been delivered: the place to act on messages in batches. Not called when the call
  /// has ended in the meantime.
  func readComplete(call: ClientCall)
  /// The call had stopped being writable and now is again.
  func writable(call: ClientCall)
  /// The call is over. Called exactly once, last, whatever ended it.
  func ended(_ status: Status, trailers: Metadata, call: ClientCall)
}

extension ClientCallHandler {
  public func started(call: ClientCall) {}
  public func initialMetadata(_ metadata: Metadata, call: ClientCall) {}
  public func readComplete(call: ClientCall) {}
  public func writable(call: ClientCall) {}
}
