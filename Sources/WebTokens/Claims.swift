import Access
import FoundationEssentials
import Jobs

/// A token's head: how it is signed, and with which key. Where else it says that a key can be found is not looked at.
struct TokenHead: Decodable {
  var algorithm: String
  var keyID: String?
  /// It has what must be understood, and nothing of that kind is.
  var isCritical: Bool

  private enum Field: String, CodingKey {
    case alg
    case kid
    case crit
  }

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Field.self)
    algorithm = try fields.decode(String.self, forKey: .alg)
    keyID = try fields.decodeIfPresent(String.self, forKey: .kid)
    isCritical = fields.contains(.crit)
  }
}

/// Reads those claims that an issuer's block names.
struct ClaimReader: Decodable {
  var claims = TokenClaims()

  /// Whose names of claims count, in the decoder's `userInfo`.
  static let issuer = CodingUserInfoKey(rawValue: "issuer")!

  init(from decoder: any Decoder) throws {
    guard let issuer = decoder.userInfo[Self.issuer] as? TokenIssuer else { return }
    let fields = try decoder.container(keyedBy: Key.self)
    claims.issuer = try fields.decodeIfPresent(String.self, forKey: Key("iss"))
    claims.audiences = try Self.list(fields, "aud", isSplit: false) ?? []
    claims.expires = try Self.time(fields, "exp")
    claims.notBefore = try Self.time(fields, "nbf")
    claims.subject = try Self.text(fields, issuer.nameClaim)
    claims.roles = try Self.list(fields, issuer.roleClaim, isSplit: true) ?? []
    claims.queues = try Self.list(fields, issuer.queueClaim, isSplit: true)
  }

  private typealias Fields = KeyedDecodingContainer<Key>

  private struct Key: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }
    init(_ text: String) { stringValue = text }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  /// Where a claim is: under its full name, or inside the object that its first word names.
  private static func find(_ fields: Fields, _ name: String) throws -> (fields: Fields, key: Key)? {
    if fields.contains(Key(name)) { return (fields, Key(name)) }
    guard let dot = name.firstIndex(of: ".") else { return nil }
    let outer = Key(String(name[..<dot]))
    guard fields.contains(outer) else { return nil }
    let inner = try fields.nestedContainer(keyedBy: Key.self, forKey: outer)
    return try find(inner, String(name[name.index(after: dot)...]))
  }

  private static func text(_ fields: Fields, _ name: String) throws -> String? {
    guard let place = try find(fields, name) else { return nil }
    return try place.fields.decode(String.self, forKey: place.key)
  }

  /// A list of strings, or one; with `isSplit` one with several words.
  private static func list(_ fields: Fields, _ name: String, isSplit: Bool) throws -> [String]? {
    guard let place = try find(fields, name) else { return nil }
    guard let text = try? place.fields.decode(String.self, forKey: place.key) else {
      return try place.fields.decode([String].self, forKey: place.key)
    }
    return isSplit ? text.split { $0 == " " || $0 == "," }.map(String.init) : [text]
  }

  /// Seconds since 1970, with a fraction or without; no later than the year 9999.
  private static func time(_ fields: Fields, _ name: String) throws -> Timestamp? {
    guard let seconds = try fields.decodeIfPresent(Double.self, forKey: Key(name)) else { return nil }
    guard seconds >= 0, seconds < 253_402_300_800 else { throw TokenFault("no time") }
    return Timestamp(microseconds: Int64(seconds * 1_000_000))
  }
}
