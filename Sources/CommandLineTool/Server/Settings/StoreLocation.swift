import RedisStorage

/// Which store holds the jobs, from `--store`.
enum StoreLocation: Hashable, Sendable, CustomStringConvertible {
  /// SQLite files in this folder.
  case embedded(path: String)
  /// Nothing outlives the process.
  case memory
  /// A Redis, shared with other servers.
  case redis(RedisURL)
  /// A PostgreSQL: the URL as libpq takes it.
  case postgres(String)
  /// A MariaDB or MySQL.
  case mysql(String)

  static let form =
    "embedded:PATH, memory:, redis[s]://[USER:PASSWORD@]HOST[:PORT][/DB], redis+unix://PATH[?db=N], "
    + "redis[s]+sentinel://HOST[:PORT],.../NAME[/DB], postgresql://USER:PASSWORD@HOST[:PORT]/DB "
    + "or mysql://USER:PASSWORD@HOST[:PORT]/DB"

  /// nil: not of that form.
  init?(_ text: String) {
    if text == "memory:" {
      self = .memory
    } else if text.hasPrefix("embedded:"), text.count > "embedded:".count {
      self = .embedded(path: String(text.dropFirst("embedded:".count)))
    } else if text.hasPrefix("postgresql://") || text.hasPrefix("postgres://") {
      self = .postgres(text)
    } else if text.hasPrefix("mysql://") || text.hasPrefix("mariadb://") {
      self = .mysql(text)
    } else if let url = RedisURL(text) {
      self = .redis(url)
    } else {
      return nil
    }
  }

  var description: String {
    switch self {
    case .embedded(let path): "embedded:\(path)"
    case .memory: "memory:"
    case .redis(let url): url.description
    case .postgres(let url), .mysql(let url): Self.withoutPassword(url)
    }
  }

  /// For logs: what stands between the user's name and the host is left out, and so are options, which may have one too.
  private static func withoutPassword(_ url: String) -> String {
    var text = url.prefix { $0 != "?" }
    if let at = text.lastIndex(of: "@"), let scheme = text.firstRange(of: "://") {
      let user = text[scheme.upperBound..<at].prefix { $0 != ":" }
      text = Substring(text[..<scheme.upperBound] + user + text[at...])
    }
    return String(text)
  }
}
