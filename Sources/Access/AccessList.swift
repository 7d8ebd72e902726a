public import Jobs

/// What somebody who has shown who they are may do. One object per principal as long as nothing about it changes, so that what is
/// allowed is found by looking at it.
public final class Grant: Sendable {
  public let name: String
  public let roles: RoleSet
  /// nil: all queues.
  public let scope: QueueScope?
  public let expires: Timestamp?

  public init(name: String, roles: RoleSet, queues: [QueuePattern], expires: Timestamp? = nil) {
    self.name = name
    self.roles = roles
    scope = QueueScope.of(queues)
    self.expires = expires
  }

  public func isLike(_ other: Grant) -> Bool {
    name == other.name && roles == other.roles && scope == other.scope && expires == other.expires
  }

  public func isOver(at now: Timestamp) -> Bool { expires.map { $0 <= now } ?? false }
}

/// Who may come in, as a file said: found by what they show.
public final class AccessList: Sendable {
  public let file: AccessFile
  /// Reads tokens that others have signed; nil: there are none.
  public let signed: (any SignedTokens)?
  /// By the first bytes of the hash; the rest is compared in constant time.
  private let tokens: [UInt64: [(hash: TokenHash, grant: Grant)]]
  private let certificates: [String: Grant]

  public init(_ file: AccessFile, signed: (any SignedTokens)? = nil) {
    self.file = file
    self.signed = signed
    var tokens: [UInt64: [(hash: TokenHash, grant: Grant)]] = [:]
    var certificates: [String: Grant] = [:]
    for principal in file.principals {
      let grant = Grant(
        name: principal.name, roles: principal.roles, queues: principal.queues, expires: principal.expires)
      for credential in principal.credentials {
        switch credential {
        case .token(let hash): tokens[Self.bucket(hash), default: []].append((hash, grant))
        case .certificate(let name):
          certificates[name] = grant
          // Tools write a subject from its end (RFC 4514) or from its beginning.
          certificates[Self.turned(name)] = grant
        }
      }
    }
    self.tokens = tokens
    self.certificates = certificates
  }

  /// A subject with its parts in the other order; what is none stays as it is.
  static func turned(_ subject: String) -> String {
    var parts: [String] = [""]
    var isEscaped = false
    for character in subject {
      if character == ",", !isEscaped {
        parts.append("")
      } else {
        parts[parts.count - 1].append(character)
      }
      isEscaped = character == "\\" && !isEscaped
    }
    return parts.reversed().joined(separator: ",")
  }

  private static func bucket(_ hash: TokenHash) -> UInt64 { hash.bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) } }

  public func grant(token hash: TokenHash) -> Grant? {
    var found: Grant?
    for (known, grant) in tokens[Self.bucket(hash)] ?? [] where known.equals(hash) { found = grant }
    return found
  }

  /// The subject counts first, then the names in their order.
  public func grant(subject: String?, names: [String]) -> Grant? {
    if let subject, let grant = certificates[subject] { return grant }
    for name in names { if let grant = certificates[name] { return grant } }
    return nil
  }
}
