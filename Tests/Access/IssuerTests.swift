import Jobs
import Testing

@testable import Access

@Suite struct IssuerTests {
  private let whole = """
    jwt corp
      issuer https://login.example.org
      audience gkick
      audience gkick-test
      keys jwks.json
      role watcher
      queue mail*
      role-claim realm_access.roles
      queue-claim https://example.org/queues
      name-claim email

    """

  @Test func aBlockIsRead() throws {
    let hash = TokenHash(of: "a".utf8).hex
    let file = try AccessFile(whole + "principal a\n  role admin\n  token-sha256 \(hash)\n")
    #expect(file.principals.map(\.name) == ["a"])
    var issuer = TokenIssuer(name: "corp")
    issuer.issuer = "https://login.example.org"
    issuer.audiences = ["gkick", "gkick-test"]
    issuer.keys = "jwks.json"
    issuer.roles = RoleSet([.watcher])
    issuer.queues = [QueuePattern("mail*")]
    issuer.roleClaim = "realm_access.roles"
    issuer.queueClaim = "https://example.org/queues"
    issuer.nameClaim = "email"
    #expect(file.issuers == [issuer])
  }

  @Test(arguments: [
    ("jwt\n", 1, "a name"),
    ("jwt \(String(repeating: "a", count: 33))\n", 1, "a name"),
    ("jwt a\n  issuer i\n  audience b\n", 1, "no keys"),
    ("jwt a\n  issuer i\n  keys k\n", 1, "no audience"),
    ("jwt a\n  audience b\n  keys k\n", 1, "no issuer"),
    ("jwt a\n  issuer\n", 2, "value is missing"),
    ("jwt a\n  token-sha256 x\n", 2, "unknown word"),
    ("jwt a\n  role boss\n", 2, "none of"),
    ("jwt a\n  issuer i\n  audience b\n  keys k\njwt a\n  issuer i\n  audience b\n  keys k\n", 5, "twice"),
    ((0..<17).map { "jwt a\($0)\n  issuer i\n  audience b\n  keys k\n" }.joined(), 65, "more than 16"),
  ])
  func aBadBlockSaysWhereAndWhy(_ text: String, _ line: Int, _ words: String) {
    expectRefusal(text, line, words)
  }

  private let now = Timestamp(microseconds: 1_000_000_000)

  private func claims(_ change: (inout TokenClaims) -> Void = { _ in }) -> TokenClaims {
    var claims = TokenClaims()
    claims.issuer = "https://login.example.org"
    claims.audiences = ["gkick-test"]
    claims.expires = Timestamp(microseconds: 2_000_000_000)
    claims.subject = "a@example.org"
    change(&claims)
    return claims
  }

  @Test func claimsAddToTheBlocksRoles() throws {
    let issuer = try #require(try AccessFile(whole).issuers.first)
    let grant = try issuer.grant(claims { $0.roles = ["worker", "unknown"] }, at: now)
    #expect(grant.name == "corp:a@example.org")
    #expect(grant.roles == RoleSet([.watcher, .worker]))
    #expect(grant.scope == QueueScope.of([QueuePattern("mail*")]))
    #expect(grant.expires == Timestamp(microseconds: 2_005_000_000))
    #expect(try issuer.grant(claims { $0.queues = ["*"] }, at: now).scope == nil)
  }

  @Test func nobodyIsMadeOfClaimsThatSayNoQueue() throws {
    let issuer = try #require(try AccessFile(whole).issuers.first)
    #expect(throws: TokenFault.self) { try issuer.grant(claims { $0.queues = [] }, at: now) }
    #expect(throws: TokenFault.self) { try issuer.grant(claims { $0.subject = "" }, at: now) }
    #expect(throws: TokenFault.self) { try issuer.grant(claims { $0.issuer = nil }, at: now) }
  }
}
