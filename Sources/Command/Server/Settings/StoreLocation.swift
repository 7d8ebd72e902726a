/// Which store holds the jobs, from `--store`.
enum StoreLocation: Hashable, Sendable, CustomStringConvertible {
  /// SQLite files in this folder.
  case embedded(path: String)
  /// Nothing outlives the process.
  case memory

  static let form = "embedded:PATH or memory:"

  /// nil: not of that form.
  init?(_ text: String) {
    if text == "memory:" {
      self = .memory
    } else if text.hasPrefix("embedded:"), text.count > "embedded:".count {
      self = .embedded(path: String(text.dropFirst("embedded:".count)))
    } else {
      return nil
    }
  }

  var description: String {
    switch self {
    case .embedded(let path): "embedded:\(path)"
    case .memory: "memory:"
    }
  }
}
