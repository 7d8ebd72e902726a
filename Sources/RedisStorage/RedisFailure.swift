import Jobs

/// Why a command gave no answer that can be used.
enum RedisFailure: Error {
  /// The connection is gone, or was given up. What was asked may or may not have been done.
  case connection(String)
  /// What came is not what Redis says: the connection cannot be used any more.
  case protocolError(String)
  /// Redis refused; nothing was done.
  case refused(String)

  /// Whether the connection must be made anew, perhaps to another Redis.
  var endsConnection: Bool {
    switch self {
    case .connection, .protocolError: true
    case .refused(let text):
      ["READONLY", "MASTERDOWN", "LOADING", "GKSTALE", "NOREPLICAS", "CLUSTERDOWN", "UNKILLABLE"]
        .contains { text.hasPrefix($0) }
    }
  }

  var storeError: StoreError {
    switch self {
    case .connection(let text): return StoreError(.unavailable, "Redis: \(text)")
    case .protocolError(let text): return StoreError(.unavailable, "Redis gave an answer that makes no sense: \(text)")
    case .refused(let text):
      let code = text.prefix { $0 != " " }
      switch code {
      case "OOM": return StoreError(.full, "Redis has reached its maxmemory: \(text)")
      case "MISCONF":
        return StoreError(
          text.contains("No space") ? .full : .unavailable, "Redis cannot write to its disk: \(text)")
      case "READONLY":
        return StoreError(.unavailable, "this Redis is a replica, it cannot be written to: \(text)")
      case "GKFENCED":
        return StoreError(.deposed, "another server leads by now, or Redis went back to an older state: \(text)")
      case "GKVERSION", "GKTORN", "GKWEAK", "WRONGTYPE", "NOPERM", "NOAUTH", "WRONGPASS", "CROSSSLOT", "MOVED":
        return StoreError(.unusable, "Redis: \(text)")
      case "GKSTALE":
        return StoreError(.unavailable, "Redis has lost or replaced the store's data; it is being opened anew")
      default: return StoreError(.unavailable, "Redis: \(text)")
      }
    }
  }
}
