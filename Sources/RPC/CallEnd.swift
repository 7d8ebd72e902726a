/// Why a call is over.
public enum CallEnd: Sendable, Hashable {
  /// The server finished it (with whatever status).
  case finished
  /// The client reset the stream.
  case cancelled
  /// The call's `grpc-timeout` passed.
  case deadlineExceeded
  /// The connection went away under it.
  case connectionLost
}
