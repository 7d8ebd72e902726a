import Jobs

/// What PostgreSQL or libpq said.
struct PostgresFailure: Error {
  /// Five characters; empty: the connection failed.
  var state: String
  var message: String

  static func connection(_ message: String) -> PostgresFailure { PostgresFailure(state: "", message: message) }

  init(state: String, message: String) {
    self.state = state
    self.message = message
  }

  /// Of a connection that was refused: `... FATAL:  3D000: database "x" does not exist`, whatever the language. nil: there is no code in it.
  init?(refusal text: String) {
    for line in text.split(whereSeparator: \.isNewline) {
      let parts = line.split(separator: ": ", maxSplits: 10, omittingEmptySubsequences: false)
      for (index, part) in parts.enumerated() where index > 0 && index + 1 < parts.count {
        // After the severity stand two spaces.
        let code = part.dropFirst()
        guard part.first == " ", code.utf8.count == 5,
          code.utf8.allSatisfy({ (48...57).contains($0) || (65...90).contains($0) })
        else { continue }
        self.init(state: String(code), message: parts[(index + 1)...].joined(separator: ": "))
        return
      }
    }
    return nil
  }

  /// The connection is of no more use, or not to the server that we want: connect anew.
  var endsConnection: Bool {
    state.isEmpty || state.hasPrefix("08") || state.hasPrefix("57P") || state == "25006" || state.hasPrefix("XX")
      || state == "25P03" || state == "57014"
  }

  /// Nothing was written, and the same may well succeed now.
  var isPassing: Bool { state == "40001" || state == "40P01" }

  var storeError: StoreError {
    let text = "PostgreSQL: \(message)"
    switch state {
    case "GK001": return StoreError(.deposed, message)
    case "GK002": return StoreError(.unusable, message)
    case "53100": return StoreError(.full, "\(text): its disk is full")
    case "53200": return StoreError(.full, text)
    case "53300": return StoreError(.unavailable, "\(text): raise max_connections, or give the role some of its own")
    case "25006":
      return StoreError(.unavailable, "\(text): this is a standby, or the database was made read-only")
    case "42501":
      return StoreError(.unusable, "\(text): the role lacks a right; Docs/sql.md lists those that gKick needs")
    case "3D000", "3F000", "42P01", "42703", "42883", "28000", "28P01", "0A000": return StoreError(.unusable, text)
    case _ where state.hasPrefix("XX"): return StoreError(.unusable, text)
    default: return StoreError(.unavailable, text)
    }
  }
}
