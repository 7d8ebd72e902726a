/// What one session advertises and how much it puts up with.
public struct HTTP2Configuration: Sendable {
  public enum Role: Sendable { case server, client }

  public var role: Role
  /// SETTINGS_MAX_CONCURRENT_STREAMS (RFC 9113 section 6.5.2): streams the peer may hold open at once.
  public var maxConcurrentStreams: UInt32 = 1000
  /// SETTINGS_MAX_HEADER_LIST_SIZE: bytes of one header block, counted as name + value + 32 per field. What comes above it is not
  /// stored; the block is then marked `tooLarge`.
  public var maxHeaderListSize: Int = 16 * 1024
  /// Fields of one header block, counted the same way.
  public var maxHeaderFields: Int = 256
  /// A block that decodes to more bytes than this ends the connection: it is no client, it is an HPACK bomb.
  public var maxDecodedHeaderBlock: Int = 256 * 1024
  /// SETTINGS_INITIAL_WINDOW_SIZE: bytes a peer may send on one stream before it is read.
  public var streamWindow: Int32 = 128 * 1024
  /// Bytes a peer may send on the connection before they are taken from the session.
  public var connectionWindow: Int32 = 1024 * 1024
  /// Streams a peer may reset: a burst, then so many per second (CVE-2023-44487). All its calls may be canceled at once, and again soon.
  public var resetBurst: Int = 2000
  public var resetsPerSecond: Int = 1000
  /// Streams that this side resets because of what the peer sent (CVE-2025-8671): a burst, then so many per second.
  public var faultBurst: Int = 100
  public var faultsPerSecond: Int = 10
  /// Frames without use (empty DATA, PRIORITY, unknown types, WINDOW_UPDATE, PING, SETTINGS): a burst, then so many per second. Frames of
  /// use earn credit, so that the WINDOW_UPDATEs of a busy connection never count against it.
  public var noiseBurst: Int = 2000
  public var noisePerSecond: Int = 200
  /// Bytes waiting in one stream above which it is reported as not writable.
  public var streamOutputLimit: Int = 64 * 1024

  public init(role: Role) { self.role = role }
}
