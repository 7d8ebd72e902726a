/// Where the server listens.
enum Endpoint: Hashable, Sendable, CustomStringConvertible {
  case host(String, port: Int)
  case unix(path: String)

  static let form = "HOST:PORT, [IPV6]:PORT or unix:/path"

  /// nil: not of that form.
  init?(_ text: String) {
    if text.hasPrefix("unix:") {
      let path = text.dropFirst("unix:".count)
      // sun_path holds 107 bytes and a NUL.
      guard !path.isEmpty, path.utf8.count <= 107 else { return nil }
      self = .unix(path: String(path))
      return
    }
    guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
      (0...65_535).contains(port)
    else { return nil }
    var host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
    } else if host.contains(":") {
      return nil
    }
    guard !host.isEmpty else { return nil }
    self = .host(String(host), port: port)
  }

  /// Whether only this machine can reach it.
  var isLocal: Bool {
    switch self {
    case .unix: true
    case .host(let host, _): host == "localhost" || host == "::1" || Self.isLoopback(host)
    }
  }

  /// 127.0.0.0/8; not a name that begins like it.
  private static func isLoopback(_ host: String) -> Bool {
    let numbers = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
    return numbers.count == 4 && numbers[0] == 127 && numbers.allSatisfy { $0 != nil }
  }

  var description: String {
    switch self {
    case .unix(let path): "unix:\(path)"
    case .host(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
  }
}
