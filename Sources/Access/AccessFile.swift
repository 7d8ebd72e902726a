import Jobs

/// The file of `--auth`: lines of a word and its value, in blocks that begin with `principal NAME` or `jwt NAME`.
public struct AccessFile: Hashable, Sendable {
  public var principals: [Principal] = []
  /// Whose tokens are believed.
  public var issuers: [TokenIssuer] = []
  private var known: Set<Principal.Credential> = []

  /// What is wrong with a file, and where.
  public struct Failure: Error, Hashable, CustomStringConvertible {
    public var line: Int
    public var reason: String

    public var description: String { "line \(line): \(reason)" }
  }

  public static let maxBytes = 4 << 20
  /// A token may have to be verified once for each of them.
  public static let maxIssuers = 16

  public init(_ text: String) throws(Failure) {
    var block: AnyBlock?
    for (index, raw) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
      let line = Self.trimmed(raw)
      if line.isEmpty || line.first == "#" { continue }
      let word = line.prefix { $0 != " " && $0 != "\t" }
      let value = String(Self.trimmed(line.dropFirst(word.count)))
      if word == "principal" || word == "jwt" {
        if let block { try take(block) }
        block =
          word == "jwt"
          ? .issuer(try IssuerBlock(value, line: index + 1)) : .principal(try Block(value, line: index + 1))
      } else if var open = block {
        block = nil
        try open.take(String(word), value, line: index + 1)
        block = open
      } else {
        throw Failure(line: index + 1, reason: "\"\(word)\" before the first \"principal NAME\" or \"jwt NAME\"")
      }
    }
    if let block { try take(block) }
  }

  private enum AnyBlock {
    case principal(Block)
    case issuer(IssuerBlock)

    mutating func take(_ word: String, _ value: String, line: Int) throws(Failure) {
      switch self {
      case .principal(var block):
        try block.take(word, value, line: line)
        self = .principal(block)
      case .issuer(var block):
        try block.take(word, value, line: line)
        self = .issuer(block)
      }
    }
  }

  private mutating func take(_ block: AnyBlock) throws(Failure) {
    switch block {
    case .principal(let block): try take(block)
    case .issuer(let block):
      let issuer = try block.whole()
      guard issuers.count < Self.maxIssuers else {
        throw Failure(line: block.line, reason: "more than \(Self.maxIssuers) blocks of \"jwt NAME\"")
      }
      guard issuers.allSatisfy({ $0.name != issuer.name }) else {
        throw Failure(line: block.line, reason: "jwt \(issuer.name) is there twice")
      }
      issuers.append(issuer)
    }
  }

  private mutating func take(_ block: Block) throws(Failure) {
    let principal = block.principal
    guard !principal.roles.isEmpty else {
      throw Failure(line: block.line, reason: "principal \(principal.name) has no role: \(Role.words)")
    }
    guard !principal.credentials.isEmpty else {
      throw Failure(line: block.line, reason: "principal \(principal.name) has neither token-sha256 nor certificate")
    }
    for credential in principal.credentials {
      guard known.insert(credential).inserted else {
        throw Failure(
          line: block.line, reason: "principal \(principal.name) has the token or certificate of another")
      }
    }
    principals.append(principal)
  }

  private static func trimmed(_ text: Substring) -> Substring {
    func isSpace(_ character: Character) -> Bool { character == " " || character == "\t" }
    var text = text.drop(while: isSpace)
    while let last = text.last, isSpace(last) { text = text.dropLast() }
    return text
  }

  static func role(_ value: String, line: Int) throws(Failure) -> RoleSet {
    guard let role = Role(rawValue: value) else {
      throw Failure(line: line, reason: "role: \"\(value)\" is none of \(Role.words)")
    }
    return RoleSet([role])
  }

  static func queue(_ value: String, line: Int) throws(Failure) -> QueuePattern {
    guard Principal.isPattern(value) else {
      throw Failure(line: line, reason: "queue: \"\(value)\" is neither a queue's name nor the beginning of one and *")
    }
    return QueuePattern(value)
  }

  private struct Block {
    var principal: Principal
    var line: Int

    init(_ name: String, line: Int) throws(Failure) {
      guard Principal.isName(name) else {
        throw Failure(line: line, reason: "principal: a name of 1 to 128 visible ASCII characters without spaces")
      }
      principal = Principal(name: name, roles: [])
      self.line = line
    }

    mutating func take(_ word: String, _ value: String, line: Int) throws(Failure) {
      switch word {
      case "role":
        principal.roles.formUnion(try AccessFile.role(value, line: line))
      case "queue":
        principal.queues.append(try AccessFile.queue(value, line: line))
      case "token-sha256":
        guard let hash = TokenHash(hex: value) else {
          throw Failure(line: line, reason: "token-sha256: 64 hexadecimal digits, as gkick token new prints them")
        }
        principal.credentials.append(.token(hash))
      case "certificate":
        guard !value.isEmpty else { throw Failure(line: line, reason: "certificate: a subject or a name of one") }
        principal.credentials.append(.certificate(value))
      case "expires":
        guard let time = UTCTime.read(value) else {
          throw Failure(line: line, reason: "expires: \"\(value)\" is not like 2027-01-31 or 2027-01-31T12:00:00Z")
        }
        principal.expires = time
      default:
        throw Failure(
          line: line,
          reason: "unknown word \"\(word)\"; a principal has role, queue, token-sha256, certificate, expires")
      }
    }
  }
}
