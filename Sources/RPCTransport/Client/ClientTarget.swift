/// Where a channel's servers are.
public enum ClientTarget: Sendable, Hashable {
  /// A name or address; a name is resolved again whenever a connection is lost.
  case hostPort(String, Int)
  /// A fixed list.
  case addresses([HostPort])
  /// The path of a Unix socket.
  case unix(String)

  public struct HostPort: Sendable, Hashable {
    public var host: String
    public var port: Int

    public init(_ host: String, _ port: Int) {
      self.host = host
      self.port = port
    }

    /// `host:port`, `[::1]:port`, or `host` alone.
    init?(_ text: some StringProtocol, defaultPort: Int) {
      var host = Substring(text)
      var port: Substring?
      if host.first == "[" {
        guard let close = host.firstIndex(of: "]") else { return nil }
        let rest = host[host.index(after: close)...]
        if rest.first == ":" { port = rest.dropFirst() } else if !rest.isEmpty { return nil }
        host = host[host.index(after: host.startIndex)..<close]
      } else if let colon = host.lastIndex(of: ":") {
        if host.firstIndex(of: ":") == colon {
          port = host[host.index(after: colon)...]
          host = host[..<colon]
        }  // else: an IPv6 address without brackets, which cannot carry a port
      }
      guard !host.isEmpty else { return nil }
      self.host = String(host)
      if let port {
        guard let number = UInt16(port) else { return nil }
        self.port = Int(number)
      } else {
        self.port = defaultPort
      }
    }

    var text: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
  }

  /// Reads the names of gRPC `doc/naming.md`: `host:port`, `dns:host:port`, `dns:///host:port`, `unix:path`, `unix:///path`,
  /// `ipv4:address:port,address:port` and `ipv6:`. `nil` for what it cannot read.
  public init?(_ text: String, defaultPort: Int) {
    if let path = text.dropping("unix://") ?? text.dropping("unix:") {
      guard !path.isEmpty else { return nil }
      self = .unix(String(path))
      return
    }
    if let list = text.dropping("ipv4:") ?? text.dropping("ipv6:") {
      let parts = list.split(separator: ",", omittingEmptySubsequences: false)
      let addresses = parts.compactMap { HostPort($0, defaultPort: defaultPort) }
      guard !addresses.isEmpty, addresses.count == parts.count else { return nil }
      self = .addresses(addresses)
      return
    }
    let name = text.dropping("dns:///") ?? text.dropping("dns:") ?? Substring(text)
    let parts = name.split(separator: ",", omittingEmptySubsequences: false)
    let addresses = parts.compactMap { HostPort($0, defaultPort: defaultPort) }
    guard let first = addresses.first, addresses.count == parts.count else { return nil }
    self = addresses.count == 1 ? .hostPort(first.host, first.port) : .addresses(addresses)
  }

  /// What the server is called in `:authority` and, without the port, in TLS.
  var authority: String {
    switch self {
    case .hostPort(let host, let port): HostPort(host, port).text
    case .addresses(let list): list.first?.text ?? "localhost"
    case .unix: "localhost"
    }
  }

  var serverName: String {
    switch self {
    case .hostPort(let host, _): host
    case .addresses(let list): list.first?.host ?? "localhost"
    case .unix: "localhost"
    }
  }
}

extension String {
  /// What follows `prefix`, if the text begins with it.
  fileprivate func dropping(_ prefix: String) -> Substring? {
    hasPrefix(prefix) ? dropFirst(prefix.count) : nil
  }
}
