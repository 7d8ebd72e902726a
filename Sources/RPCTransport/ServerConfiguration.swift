import HTTP2
import NIOCore
import RPC

/// Everything a server can be told. The defaults are safe towards the open network.
public struct ServerConfiguration: Sendable {
  /// Limits of HTTP/2 and of calls.
  public var rpc = RPCConfiguration()
  /// nil: plaintext with prior knowledge (RFC 9113 section 3.3).
  public var tls: ServerTLS?

  /// Connections of the whole server; more are closed at once.
  public var maxConnections = 20_000
  /// Connections of one IP address; more are closed at once. nil: no limit of its own.
  public var maxConnectionsPerPeer: Int?
  /// From accept until TLS, the HTTP/2 preface, SETTINGS and their acknowledgement are through.
  public var handshakeTimeout = TimeAmount.seconds(10)
  /// From the first byte of a header block to its last.
  public var headerTimeout = TimeAmount.seconds(10)
  /// The peer takes no byte from the socket for so long although some wait: the connection is closed.
  public var writeTimeout = TimeAmount.seconds(20)
  /// The peer opens no window for so long although responses wait for it: the connection is closed. nil: never.
  public var stallTimeout: TimeAmount? = .seconds(120)

  /// A PING is sent to a peer that was silent for so long (gRFC A9).
  public var keepaliveInterval = TimeAmount.minutes(2)
  /// The connection is closed when nothing comes back for so long.
  public var keepaliveTimeout = TimeAmount.seconds(20)
  /// PINGs of a peer that come more often, by more than a tenth, count as strikes (gRFC A8), whether it has calls open or not.
  public var minPingInterval = TimeAmount.seconds(10)
  /// More strikes than this, and the connection is closed with `too_many_pings`.
  public var maxPingStrikes = 2

  /// A connection without calls for so long is asked to go (`max_idle`). nil: never.
  public var maxConnectionIdle: TimeAmount?
  /// A connection older than this, ±10 %, is asked to go (`max_age`). nil: never.
  public var maxConnectionAge: TimeAmount?
  /// What its open calls get after that before they are cut. nil: as long as they like.
  public var maxConnectionAgeGrace: TimeAmount?

  /// Bytes that wait for a socket above which no more are produced or read for its connection.
  public var socketOutputLimit = 128 * 1024
  /// Bytes of requests and responses that all connections together may hold; the connections that hold most go first.
  public var maxBufferedBytes = 256 * 1024 * 1024
  /// Bytes of responses that may wait for their peers in all connections together before requests are held back. Connections that ask for
  /// little and read it are served nevertheless.
  public var maxQueuedOutput = 2 * 1024 * 1024
  /// While others wait for that, a connection that holds responses and does not read for so long is closed.
  public var crowdedStallTimeout = TimeAmount.milliseconds(500)
  /// Calls that all connections together may hold open, about; above it connections that hold more than a hundred get no further ones.
  public var maxOpenCalls = 200_000
  /// The listen queue (see listen(2)).
  public var backlog: Int32 = 1024

  public init() {}
}
