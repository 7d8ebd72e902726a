/// A host and a port. An IPv6 address is written in brackets.
public struct RedisEndpoint: Hashable, Sendable, CustomStringConvertible {
  public var host: String
  public var port: UInt16

  public init(host: String, port: UInt16) {
    self.host = host
    self.port = port
  }

  /// "host", "host:port", "[::1]", "[::1]:port"; nil: none of these.
  init?(_ text: String, port standard: UInt16) {
    var host = text[...]
    var rest: Substring = ""
    if host.hasPrefix("[") {
      guard let end = host.firstIndex(of: "]") else { return nil }
      rest = host[host.index(after: end)...]
      host = host[host.index(after: host.startIndex)..<end]
    } else if let colon = host.firstIndex(of: ":") {
      rest = host[colon...]
      host = host[..<colon]
    }
    guard !host.isEmpty else { return nil }
    if rest.isEmpty {
      port = standard
    } else {
      guard rest.hasPrefix(":"), let number = UInt16(rest.dropFirst()), number > 0 else { return nil }
      port = number
    }
    self.host = String(host)
  }

  public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
