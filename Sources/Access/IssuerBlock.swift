import Jobs

/// A block `jwt NAME` while it is read.
struct IssuerBlock {
  var issuer: TokenIssuer
  var line: Int

  /// Leaves room for a subject in a principal's name.
  private static let longestName = 32

  init(_ name: String, line: Int) throws(AccessFile.Failure) {
    guard Principal.isName(name), name.utf8.count <= Self.longestName else {
      throw AccessFile.Failure(
        line: line, reason: "jwt: a name of 1 to \(Self.longestName) visible ASCII characters without spaces")
    }
    issuer = TokenIssuer(name: name)
    self.line = line
  }

  mutating func take(_ word: String, _ value: String, line: Int) throws(AccessFile.Failure) {
    switch word {
    case "role": issuer.roles.formUnion(try AccessFile.role(value, line: line))
    case "queue": issuer.queues.append(try AccessFile.queue(value, line: line))
    case "issuer", "audience", "keys", "role-claim", "queue-claim", "name-claim":
      guard !value.isEmpty else { throw AccessFile.Failure(line: line, reason: "\(word): a value is missing") }
      switch word {
      case "issuer": issuer.issuer = value
      case "audience": issuer.audiences.append(value)
      case "keys": issuer.keys = value
      case "role-claim": issuer.roleClaim = value
      case "queue-claim": issuer.queueClaim = value
      default: issuer.nameClaim = value
      }
    default:
      throw AccessFile.Failure(
        line: line,
        reason: """
          unknown word "\(word)"; a jwt block has issuer, audience, keys, role, queue, role-claim, queue-claim, name-claim
          """)
    }
  }

  /// The issuer, if all is there that has to be.
  func whole() throws(AccessFile.Failure) -> TokenIssuer {
    let missing = [
      (issuer.issuer.isEmpty, "issuer"), (issuer.audiences.isEmpty, "audience"), (issuer.keys.isEmpty, "keys"),
    ]
    for (isMissing, word) in missing where isMissing {
      throw AccessFile.Failure(line: line, reason: "jwt \(issuer.name) has no \(word)")
    }
    return issuer
  }
}
