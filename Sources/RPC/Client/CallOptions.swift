public import NIOCore

/// How one client call is to be made.
public struct CallOptions: Sendable {
  /// The call's whole time, queueing and retries included; it is sent as `grpc-timeout` and also kept locally. `nil`: no limit.
  public var timeout: TimeAmount?
  /// Whether the call waits for a connection while there is none, instead of failing with `UNAVAILABLE` once a connection
  /// attempt has failed (gRPC `doc/wait-for-ready.md`). `nil`: as the channel is configured.
  public var waitForReady: Bool?
  /// Whether messages are sent gzipped.
  public var compress: Bool
  /// Of a `ClientStream` whose server speaks at least so often by its protocol: silence of so long closes the connection. HTTP/2 PINGs
  /// do not tell, since proxies answer them.
  public var silence: TimeAmount?

  public init(
    timeout: TimeAmount? = nil, waitForReady: Bool? = nil, compress: Bool = false, silence: TimeAmount? = nil
  ) {
    self.silence = silence
    self.timeout = timeout
    self.waitForReady = waitForReady
    self.compress = compress
  }
}
