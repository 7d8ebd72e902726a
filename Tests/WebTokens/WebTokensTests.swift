import Access
import FoundationEssentials
import JWTKit
import Jobs
import Testing

@testable import WebTokens

/// What a token of these tests says.
private struct Said: JWTPayload {
  var iss: String? = "https://login.example.org"
  var aud: [String]? = ["other", "gkick"]
  var exp: Double? = 2_000
  var nbf: Double?
  var sub: String? = "alice"
  var roles: [String]? = ["producer", "somebody-else's"]
  var queues: [String]?
  var realm_access: [String: [String]]?

  func verify(using algorithm: some JWTAlgorithm) {}
}

@Suite struct WebTokensTests {
  private let signer = ES256PrivateKey()
  private let now = Timestamp(microseconds: 1_000_000_000)

  private var issuer: TokenIssuer {
    var issuer = TokenIssuer(name: "corp")
    issuer.issuer = "https://login.example.org"
    issuer.audiences = ["gkick"]
    issuer.keys = "keys.json"
    return issuer
  }

  private func entry(_ id: String?, _ more: String = "") -> String {
    let parameters = signer.publicKey.parameters!
    let name = id.map { #""kid": "\#($0)","# } ?? ""
    return
      #"{"kty": "EC", "crv": "P-256", \#(name) \#(more) "x": "\#(url(parameters.x))", "y": "\#(url(parameters.y))"}"#
  }

  private func url(_ base64: String) -> String {
    String(base64.compactMap { $0 == "=" ? nil : $0 == "+" ? "-" : $0 == "/" ? "_" : $0 })
  }

  private func tokens(_ keys: String, _ issuers: [TokenIssuer]? = nil) async throws -> WebTokens {
    try await WebTokens(issuers ?? [issuer]) { _ in Array(#"{"keys": [\#(keys)]}"#.utf8) }
  }

  private func sign(_ said: Said, kid: String? = "k1", header: JWTHeader = JWTHeader()) async throws -> [UInt8] {
    let keys = JWTKeyCollection()
    await keys.add(ecdsa: signer)
    return Array(try await keys.sign(said, kid: kid.map { JWKIdentifier(string: $0) }, header: header).utf8)
  }

  /// The principal and its roles and queues, or why there is none.
  private func outcome(_ said: Said, _ change: (inout TokenIssuer) -> Void = { _ in }) async throws -> String {
    var issuer = issuer
    change(&issuer)
    let tokens = try await tokens(entry("k1"), [issuer])
    let token = try await sign(said)
    do {
      let grant = try tokens.grant(of: token[...], at: now)
      let queues = grant.scope?.patterns.map(\.word) ?? ["*"]
      return "\(grant.name) \(grant.roles.roles.map(\.rawValue)) \(queues)"
    } catch {
      return error.reason
    }
  }

  @Test func whatATokenSaysIsWhatItsBearerMay() async throws {
    #expect(try await outcome(Said()) == #"corp:alice ["producer"] ["*"]"#)
    #expect(try await outcome(Said(queues: ["mail*", "web"])) == #"corp:alice ["producer"] ["mail*", "web"]"#)
    let nested = Said(roles: nil, realm_access: ["roles": ["worker"]])
    #expect(try await outcome(nested) { $0.roleClaim = "realm_access.roles" } == #"corp:alice ["worker"] ["*"]"#)
    // What the block gives to all of its tokens.
    let given = try await outcome(Said(roles: nil)) {
      $0.roles = RoleSet([.watcher])
      $0.queues = [QueuePattern("mail*")]
    }
    #expect(given == #"corp:alice ["watcher"] ["mail*"]"#)
  }

  @Test func whatIsMissingOrWrongIsRefused() async throws {
    #expect(try await outcome(Said(iss: "https://evil.example.org")) == "the token is of another issuer")
    #expect(try await outcome(Said(iss: nil)) == "the token is of another issuer")
    #expect(try await outcome(Said(aud: ["other"])) == "the token is for another audience")
    #expect(try await outcome(Said(aud: nil)) == "the token is for another audience")
    #expect(try await outcome(Said(exp: nil)) == "the token never expires (exp)")
    #expect(try await outcome(Said(exp: 1e300)) == "the token's claims cannot be read")
    #expect(try await outcome(Said(exp: -1)) == "the token's claims cannot be read")
    #expect(try await outcome(Said(sub: nil)).contains("sub is no name"))
    #expect(try await outcome(Said(sub: "a b")).contains("sub is no name"))
    #expect(try await outcome(Said(sub: String(repeating: "a", count: 200))).contains("sub is no name"))
    #expect(try await outcome(Said(roles: ["boss"])) == "the token has no role of gKick (roles)")
    #expect(try await outcome(Said(queues: [])) == "the token's queues is no list of queues")
    #expect(try await outcome(Said(queues: ["a*b"])) == "the token's queues is no list of queues")
  }

  /// Clocks may differ by five seconds.
  @Test func timesHaveALeeway() async throws {
    #expect(try await outcome(Said(exp: 994.9)) == "the token has expired")
    #expect(try await outcome(Said(exp: 995.1)).hasPrefix("corp:alice"))
    #expect(try await outcome(Said(nbf: 1_005.1)) == "the token is not yet good (nbf)")
    #expect(try await outcome(Said(nbf: 1_004.9)).hasPrefix("corp:alice"))
    let tokens = try await tokens(entry("k1"))
    let grant = try tokens.grant(of: try await sign(Said(exp: 1_100.5))[...], at: now)
    #expect(grant.expires == Timestamp(microseconds: 1_105_500_000))
  }

  @Test func theKeyIsFoundByItsName() async throws {
    let tokens = try await tokens(entry("k1"))
    func reason(_ token: [UInt8]) -> String {
      do { return try tokens.grant(of: token[...], at: now).name } catch { return error.reason }
    }
    #expect(reason(try await sign(Said(), kid: "k2")) == "the token's key is not known here")
    // The only one for its algorithm.
    #expect(reason(try await sign(Said(), kid: nil)) == "corp:alice")
    #expect(reason(try await sign(Said(), header: ["crit": ["exp"]])).contains("crit"))

    var forged = try await sign(Said())
    let last = forged.lastIndex(of: UInt8(ascii: "."))! + 1
    forged[last + 1] = forged[last + 1] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
    #expect(reason(forged) == "the token's signature is wrong")
  }

  @Test(arguments: [
    "", ".", "..", "a.b.c", "....", "eyJhbGciOiJFUzI1NiJ9..", "eyJhbGciOiJFUzI1NiJ9.e30=.AAAA",
    String(repeating: "A", count: 4_000) + ".e30.AAAA",
  ])
  func garbageIsNoToken(_ text: String) async throws {
    let tokens = try await tokens(entry("k1"))
    #expect(throws: TokenFault.self) { try tokens.grant(of: Array(text.utf8)[...], at: now) }
  }

  /// The oldest attacks: no signature, and the public key as a secret.
  @Test func onlyTheKeysAlgorithmCounts() async throws {
    let tokens = try await tokens(entry("k1"))
    let claims = try JSONEncoder().encode(Said())
    let secrets = JWTKeyCollection()
    await secrets.add(hmac: HMACKey(from: signer.publicKey.pemRepresentation), digestAlgorithm: .sha256, kid: "s")
    let secret = try await secrets.getKey(for: "s")
    func encoded(_ bytes: some Sequence<UInt8>) -> String { url(Data(bytes).base64EncodedString()) }
    for algorithm in ["none", "None", "HS256", "ES384", "RS256", "EdDSA", "es256"] {
      let input = encoded(#"{"alg":"\#(algorithm)","kid":"k1"}"#.utf8) + "." + encoded(claims)
      for signature in ["", encoded(try secret.sign(Array(input.utf8)))] {
        let token = Array((input + "." + signature).utf8)
        #expect(throws: TokenFault.self) { try tokens.grant(of: token[...], at: now) }
      }
    }
  }

  @Test func twoBlocksMayHaveTheSameKeys() async throws {
    var other = issuer
    other.name = "other"
    other.issuer = "https://other.example.org"
    let tokens = try await tokens(entry("k1"), [other, issuer])
    #expect(try tokens.grant(of: try await sign(Said())[...], at: now).name == "corp:alice")
    let theirs = try await sign(Said(iss: "https://other.example.org"))
    #expect(try tokens.grant(of: theirs[...], at: now).name == "other:alice")
  }

  @Test func keysOfOtherKindsAreLeftOut() async throws {
    let others = #"{"kty": "oct", "k": "AAAA"}, {"kty": "RSA", "use": "enc", "n": "AQAB", "e": "AQAB"}, {"kty": "XYZ"}"#
    let tokens = try await tokens(others + "," + entry("k1", #""use": "sig", "alg": "ES256","#))
    #expect(try tokens.grant(of: try await sign(Said())[...], at: now).name == "corp:alice")
  }

  @Test func aBadSetSaysWhy() async throws {
    func reason(_ text: String) async -> String {
      do {
        _ = try await WebTokens([issuer]) { _ in Array(text.utf8) }
        return "taken"
      } catch { return "\(error)" }
    }
    let start = "jwt corp: keys keys.json: "
    #expect(await reason("{}").hasPrefix(start + "no JWK set"))
    #expect(await reason(#"{"keys": []}"#).hasPrefix(start + "no key for any of RS256"))
    #expect(await reason(#"{"keys": [\#(entry("a", #""d": "AAAA","#))]}"#).contains("private"))
    #expect(await reason(#"{"keys": [\#(entry("a")), \#(entry("a"))]}"#).contains("twice"))
    #expect(await reason(#"{"keys": [{"kty": "RSA", "kid": "r", "n": "AQAB", "e": "AQAB"}]}"#).contains("2048"))
    await #expect(throws: WebTokens.Failure.self) { try await WebTokens([issuer]) { _ in nil } }
  }

  @Test func base64IsReadInOneWayOnly() {
    #expect(Base64URL.decode(Array("AAECAw".utf8)[...]) == [0, 1, 2, 3])
    #expect(Base64URL.decode(Array("-_8".utf8)[...]) == [0xFB, 0xFF])
    #expect(Base64URL.decode([]) == [])
    for text in ["A", "AAECA", "AAECAw==", "AAECAx", "+/8", "AA AA", "-_9"] {
      #expect(Base64URL.decode(Array(text.utf8)[...]) == nil, "\(text)")
    }
  }
}
