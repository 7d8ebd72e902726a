public import Jobs

/// Somebody who may do something: a program, a team, a person.
public struct Principal: Hashable, Sendable {
  /// How somebody shows who they are.
  public enum Credential: Hashable, Sendable {
    case token(TokenHash)
    /// The subject of a TLS client certificate, or one of its names.
    case certificate(String)
  }

  public var name: String
  public var roles: RoleSet
  /// None: all queues.
  public var queues: [QueuePattern]
  public var credentials: [Credential]
  /// From then on it is nobody.
  public var expires: Timestamp?

  public init(
    name: String, roles: RoleSet, queues: [QueuePattern] = [], credentials: [Credential] = [],
    expires: Timestamp? = nil
  ) {
    self.name = name
    self.roles = roles
    self.queues = queues
    self.credentials = credentials
    self.expires = expires
  }

  /// 1 to 128 characters that a log, a header and a file can hold as they are.
  public static func isName(_ text: String) -> Bool {
    (1...128).contains(text.utf8.count) && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
  }

  /// A queue's name, or the beginning of one and `*`.
  public static func isPattern(_ text: String) -> Bool {
    let name = text.hasSuffix("*") ? text.dropLast() : Substring(text)
    guard name.utf8.count <= 128, !text.isEmpty else { return false }
    return name.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: ":"),
        UInt8(ascii: "-"):
        true
      default: false
      }
    }
  }

  /// As it stands in the file.
  public var entry: String {
    var lines = ["principal \(name)"]
    for role in roles.roles { lines.append("  role \(role.rawValue)") }
    for queue in queues { lines.append("  queue \(queue.word)") }
    for credential in credentials {
      switch credential {
      case .token(let hash): lines.append("  token-sha256 \(hash.hex)")
      case .certificate(let name): lines.append("  certificate \(name)")
      }
    }
    if let expires { lines.append("  expires \(TimestampText.text(expires, milliseconds: false))") }
    return lines.joined(separator: "\n") + "\n"
  }
}

extension QueuePattern {
  /// As written: "mail", "mail*".
  public var word: String { isPrefix ? text + "*" : text }
}

/// Times as the file has them: 2027-01-31, 2027-01-31T12:00:00Z, or another zone instead of the Z, as `TimestampText` reads it.
enum UTCTime {
  static func read(_ text: String) -> Timestamp? {
    TimestampText.parse(text.utf8.count == 10 ? text + "T00:00:00Z" : text)
  }
}
