/// Where a Redis is, as people write it.
///
///     redis://[user:password@]host[:port][/db]
///     rediss://...                                    the same over TLS
///     redis+unix:///path/to/socket[?db=n]
///     redis+sentinel://[user:password@]h1[:port],h2,.../name[/db]
///     rediss+sentinel://...                           Redis and Sentinels over TLS
///
/// User and password may be percent-encoded. A password alone is written `:password@`.
public struct RedisURL: Hashable, Sendable {
  public enum Place: Hashable, Sendable {
    case tcp(RedisEndpoint)
    case unix(path: String)
    /// Asks the Sentinels, in this order, who the master of `name` is.
    case sentinel([RedisEndpoint], name: String)
  }

  public var place: Place
  public var isTLS: Bool
  /// Empty: Redis's default user.
  public var user: String
  /// Empty: no AUTH is sent.
  public var password: String
  public var database: Int

  /// Nil: not such a URL.
  public init?(_ text: String) {
    guard let colon = text.firstRange(of: "://") else { return nil }
    var rest = text[colon.upperBound...]
    user = ""
    password = ""
    database = 0
    switch text[..<colon.lowerBound] {
    case "redis", "redis+sentinel": isTLS = false
    case "rediss", "rediss+sentinel": isTLS = true
    case "redis+unix":
      isTLS = false
      if let question = rest.firstIndex(of: "?") {
        let query = rest[rest.index(after: question)...]
        guard query.hasPrefix("db="), let number = Int(query.dropFirst(3)), number >= 0 else { return nil }
        database = number
        rest = rest[..<question]
      }
      guard rest.hasPrefix("/"), rest.utf8.count <= 100 else { return nil }
      place = .unix(path: String(rest))
      return
    default: return nil
    }

    if let at = rest.lastIndex(of: "@") {
      let credentials = rest[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      guard let first = Self.decode(credentials[0]) else { return nil }
      if credentials.count == 2 {
        guard let second = Self.decode(credentials[1]) else { return nil }
        user = first
        password = second
      } else {
        password = first
      }
      rest = rest[rest.index(after: at)...]
    }
    let parts = rest.split(separator: "/", omittingEmptySubsequences: false)
    let isSentinel = text[..<colon.lowerBound].hasSuffix("sentinel")
    let port: UInt16 = isSentinel ? 26379 : 6379
    let endpoints = parts[0].split(separator: ",", omittingEmptySubsequences: false)
      .map { RedisEndpoint(String($0), port: port) }
    guard !endpoints.isEmpty, !endpoints.contains(nil) else { return nil }
    let index: Int
    if isSentinel {
      guard parts.count >= 2, !parts[1].isEmpty else { return nil }
      place = .sentinel(endpoints.compactMap { $0 }, name: String(parts[1]))
      index = 2
    } else {
      guard endpoints.count == 1, let endpoint = endpoints[0] else { return nil }
      place = .tcp(endpoint)
      index = 1
    }
    guard parts.count <= index + 1 else { return nil }
    if parts.count == index + 1, !parts[index].isEmpty {
      guard let number = Int(parts[index]), number >= 0 else { return nil }
      database = number
    }
  }

  private static func decode(_ text: Substring) -> String? {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%") {
        guard rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else {
          return nil
        }
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return String(validating: bytes, as: UTF8.self)
  }
}

extension RedisURL: CustomStringConvertible {
  /// For logs: without the password.
  public var description: String {
    let scheme = isTLS ? "rediss" : "redis"
    return switch place {
    case .tcp(let endpoint): "\(scheme)://\(endpoint)/\(database)"
    case .unix(let path): "redis+unix://\(path)?db=\(database)"
    case .sentinel(let endpoints, let name):
      "\(scheme)+sentinel://\(endpoints.map(\.description).joined(separator: ","))/\(name)/\(database)"
    }
  }
}
