public import Jobs

/// Somebody whose signed tokens (JWTs) are believed here: a block `jwt NAME` of the file.
public struct TokenIssuer: Hashable, Sendable {
  /// Principals are named `NAME:SUBJECT`, so that nobody whom it names is taken for another of the file.
  public var name: String
  /// What `iss` must be.
  public var issuer = ""
  /// One of them must be in `aud`.
  public var audiences: [String] = []
  /// The path of the JWKS file with its public keys.
  public var keys = ""
  /// What each of its tokens may do, besides what the token's claim says.
  public var roles: RoleSet = []
  /// Where a token that does not say so itself may do it; none: in all queues.
  public var queues: [QueuePattern] = []
  /// Names of claims; what is not there under its full name is looked for inside objects, `realm_access.roles`.
  public var roleClaim = "roles"
  public var queueClaim = "queues"
  public var nameClaim = "sub"

  public init(name: String) { self.name = name }

  /// Clocks differ: a token is good so much before and after what it says.
  public static let leeway = Interval(microseconds: 5_000_000)

  /// Whom claims make, that a key of this issuer has signed.
  public func grant(_ claims: TokenClaims, at now: Timestamp) throws(TokenFault) -> Grant {
    guard claims.issuer == issuer else { throw TokenFault("the token is of another issuer") }
    guard claims.audiences.contains(where: audiences.contains) else {
      throw TokenFault("the token is for another audience")
    }
    guard let expires = claims.expires else { throw TokenFault("the token never expires (exp)") }
    let end = expires + Self.leeway
    guard now < end else { throw TokenFault("the token has expired") }
    if let begin = claims.notBefore, now + Self.leeway < begin {
      throw TokenFault("the token is not yet good (nbf)")
    }
    let principal = "\(name):\(claims.subject ?? "")"
    guard claims.subject?.isEmpty == false, Principal.isName(principal) else {
      throw TokenFault("the token's \(nameClaim) is no name of visible ASCII characters without spaces")
    }
    let roles = self.roles.union(RoleSet(claims.roles.compactMap(Role.init(rawValue:))))
    guard !roles.isEmpty else { throw TokenFault("the token has no role of gKick (\(roleClaim))") }
    var queues = self.queues
    if let own = claims.queues {
      // What says that there are none is not one that says nothing.
      guard !own.isEmpty, own.allSatisfy(Principal.isPattern) else {
        throw TokenFault("the token's \(queueClaim) is no list of queues")
      }
      queues = own.map { QueuePattern($0) }
    }
    return Grant(name: principal, roles: roles, queues: queues, expires: end)
  }
}

/// What a token says.
public struct TokenClaims: Hashable, Sendable {
  public var issuer: String?
  public var audiences: [String] = []
  public var expires: Timestamp?
  public var notBefore: Timestamp?
  public var subject: String?
  /// Words that are no role of gKick's are another program's.
  public var roles: [String] = []
  /// nil: it says nothing of queues.
  public var queues: [String]?

  public init() {}
}

/// Why a token is not believed. Nothing of the token is in it.
public struct TokenFault: Error, Hashable, Sendable {
  public let reason: String

  public init(_ reason: String) { self.reason = reason }
}

/// Reads tokens that others have signed.
public protocol SignedTokens: Sendable {
  /// - Parameter token: what `Token.isSigned` has found to look like one.
  func grant(of token: ArraySlice<UInt8>, at now: Timestamp) throws(TokenFault) -> Grant
}
