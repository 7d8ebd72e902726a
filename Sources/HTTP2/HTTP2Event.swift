/// What a session has to tell after it was given bytes or has produced some. Plain values: the header fields and data they speak of
/// lie in the scratch and in the input that they came from.
public enum HTTP2Event: Sendable, Equatable {
  /// A request (server) or a response head (client) is complete.
  case headers(slot: Int32, block: HTTP2HeaderBlock, endStream: Bool)
  /// A trailing header block is complete; it always ends the peer's side.
  case trailers(slot: Int32, block: HTTP2HeaderBlock)
  /// Payload of a DATA frame: `length` bytes at `offset` of the bytes given to `receive`. They count against the peer's window until
  /// `consume` is called.
  case data(slot: Int32, offset: Int32, length: Int32)
  /// The peer's side of the stream ended with a DATA frame.
  case endStream(slot: Int32)
  /// The stream's output went below half of the limit after it had been above it.
  case writable(slot: Int32)
  /// The stream is gone. The slot stays taken until `release` is called.
  case closed(slot: Int32, error: HTTP2ErrorCode)
  /// A PING came; it was already answered.
  case ping
  /// Our PING was answered, with the bytes it was sent with.
  case pingAck(UInt64)
  /// The peer will accept no stream above `lastStreamID`.
  case goAway(lastStreamID: Int32, error: HTTP2ErrorCode)
  /// The peer's SETTINGS came; they are already in force.
  case settings
}

/// Where a received header block lies in the scratch's arena. Read it with `HTTP2HeaderFields`.
public struct HTTP2HeaderBlock: Sendable, Equatable {
  public var offset: Int32
  public var length: Int32
  /// The block went over a limit: fields are missing.
  public var tooLarge: Bool
}
