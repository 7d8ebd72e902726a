/// Where a server listens.
public enum ListenAddress: Sendable, Hashable {
  /// A name or numeric address and a port; port 0 takes any free one.
  case hostPort(String, Int)
  /// A Unix domain socket. A socket file that is already there is replaced.
  case unix(String)
}
