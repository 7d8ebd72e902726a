/// Where a channel's servers are.
public enum ClientTarget: Sendable, Hashable {
  /// A name or address; a name is resolved again whenever a connection is lost.
  case hostPort(String, Int)
  /// A fixed list of addresses.
  case addresses([HostPort])
  case unix(String)

  public struct HostPort: Sendable, Hashable {
    public var host: String
    public var port: Int

    public init(_ host: String, _ port: Int) {
      self.host = host
      self.port = port
    }
  }
}
