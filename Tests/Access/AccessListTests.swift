import Jobs
import Testing

@testable import Access

@Suite struct AccessListTests {
  @Test func tokensAreFoundByTheirHashOnly() throws {
    let entries = (0..<200).map {
      Principal(name: "p\($0)", roles: RoleSet([.worker]), credentials: [.token(TokenHash(of: "t\($0)".utf8))]).entry
    }
    let list = AccessList(try AccessFile(entries.joined()))
    for index in 0..<200 { #expect(list.grant(token: TokenHash(of: "t\(index)".utf8))?.name == "p\(index)") }
    #expect(list.grant(token: TokenHash(of: "t200".utf8)) == nil)
    #expect(list.grant(token: TokenHash(of: [])) == nil)
  }

  @Test func hashesAreReadAsTheyAreWritten() {
    let hash = TokenHash(of: "secret".utf8)
    #expect(TokenHash(hex: hash.hex) == hash)
    #expect(TokenHash(hex: hash.hex.uppercased()) == hash)
    #expect(TokenHash(hex: String(hash.hex.dropLast())) == nil)
    #expect(TokenHash(hex: "g" + hash.hex.dropFirst()) == nil)
    #expect(hash.equals(TokenHash(of: "secret".utf8)))
    #expect(!hash.equals(TokenHash(of: "secreT".utf8)))
  }

  @Test func aSubjectMayBeWrittenFromEitherEnd() throws {
    let list = AccessList(try AccessFile("principal a\n  role admin\n  certificate CN=a,OU=x\\,y,O=Example\n"))
    #expect(list.grant(subject: "O=Example,OU=x\\,y,CN=a", names: [])?.name == "a")
    #expect(list.grant(subject: "OU=x\\,y,O=Example,CN=a", names: []) == nil)
    #expect(list.grant(subject: nil, names: []) == nil)
  }

  @Test func aGrantIsOverFromItsTimeOn() {
    let grant = Grant(name: "a", roles: RoleSet([.worker]), queues: [], expires: Timestamp(microseconds: 5))
    #expect(!grant.isOver(at: Timestamp(microseconds: 4)))
    #expect(grant.isOver(at: Timestamp(microseconds: 5)))
    #expect(!Grant(name: "a", roles: [], queues: []).isOver(at: Timestamp(microseconds: .max)))
  }

  @Test func whatChangesAGrantMakesItAnother() {
    let grant = Grant(name: "a", roles: RoleSet([.worker]), queues: [QueuePattern("q*")])
    #expect(grant.isLike(Grant(name: "a", roles: RoleSet([.worker]), queues: [QueuePattern("q*")])))
    #expect(!grant.isLike(Grant(name: "b", roles: RoleSet([.worker]), queues: [QueuePattern("q*")])))
    #expect(!grant.isLike(Grant(name: "a", roles: RoleSet([.worker, .admin]), queues: [QueuePattern("q*")])))
    #expect(!grant.isLike(Grant(name: "a", roles: RoleSet([.worker]), queues: [QueuePattern("q")])))
    let ends = Grant(
      name: "a", roles: RoleSet([.worker]), queues: [QueuePattern("q*")], expires: Timestamp(microseconds: 1))
    #expect(!grant.isLike(ends))
  }

  @Test func rolesAreOfTheTable() {
    #expect(AccessTable.roles(ofPath: "/gkick.v1.JobService/Enqueue") == RoleSet([.producer, .admin]))
    #expect(AccessTable.roles(ofPath: "/gkick.v1.AdminService/GetServerInfo") == RoleSet.all)
    // A call that nobody thought of is an admin's.
    #expect(AccessTable.roles(ofPath: "/gkick.v1.AdminService/Unheard") == RoleSet([.admin]))
    #expect(AccessTable.roles(ofPath: "/grpc.health.v1.Health/Check") == nil)
    for (call, roles) in AccessTable.roles { #expect(roles.contains(.admin), "\(call)") }
    #expect(RoleSet([.worker, .admin]).roles == [.worker, .admin])
  }

  @Test func aSignedTokenHasThreeParts() {
    #expect(Token.isSigned(Array("a.b.c".utf8)[...]))
    #expect(!Token.isSigned(Array(Token.make().utf8)[...]))
    #expect(!Token.isSigned(Array("a.b".utf8)[...]))
    #expect(!Token.isSigned(Array("a.b.c.d".utf8)[...]))
  }
}
