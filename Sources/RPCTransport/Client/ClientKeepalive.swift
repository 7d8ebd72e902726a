public import NIOCore

/// When a client asks whether its server is still there (gRPC `doc/keepalive.md`). Servers cut clients that ask more often than they
/// allow: gKick's let them every ten seconds, others at most every five minutes unless configured.
public struct ClientKeepalive: Sendable, Hashable {
  /// A PING is sent after so long without anything received.
  public var time: TimeAmount
  /// The connection is given up when nothing was received for so long after the PING.
  public var timeout: TimeAmount
  /// Whether to ask while there is no call: a way that broke in silence is then noticed before the next call takes it.
  public var withoutCalls: Bool

  public init(time: TimeAmount = .seconds(20), timeout: TimeAmount = .seconds(10), withoutCalls: Bool = true) {
    self.time = time
    self.timeout = timeout
    self.withoutCalls = withoutCalls
  }
}
