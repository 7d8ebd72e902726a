import RedisStorage

/// Which store holds the jobs, from `--store`.
enum StoreLocation: Hashable, Sendable, CustomStringConvertible {
  /// SQLite files in this folder.
  case embedded(path: String)
  /// Nothing outlives the process.
  case memory
  /// A Redis, shared with other servers.
  case redis(RedisURL)

  static let form =
    "embedded:PATH, memory:, redis[s]://[USER:PASSWORD@]HOST[:PORT][/DB], redis+unix://PATH[?db=N] "
    + "or redis[s]+sentinel://HOST[:PORT],.../NAME[/DB]"

  /// nil: not of that form.
  init?(_ text: String) {
    if text == "memory:" {
      self = .memory
    } else if text.hasPrefix("embedded:"), text.count > "embedded:".count {
      self = .embedded(path: String(text.dropFirst("embedded:".count)))
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
    }
  }
}
