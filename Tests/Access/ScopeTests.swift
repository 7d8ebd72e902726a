import Jobs
import Testing

@testable import Access

@Suite struct ScopeTests {
  private func scope(_ words: String...) -> QueueScope? { QueueScope.of(words.map { QueuePattern($0) }) }

  @Test func nothingGivenIsEverything() {
    #expect(scope() == nil)
    #expect(scope("mail", "*") == nil)
    #expect(scope().covers("anything"))
    #expect(scope().covers(QueuePattern("*")))
  }

  @Test func patternsCoverQueues() {
    let scope = scope("mail*", "default")
    #expect(scope.covers("mail"))
    #expect(scope.covers("mail.bulk"))
    #expect(scope.covers("default"))
    #expect(!scope.covers("default2"))
    #expect(!scope.covers("mai"))
    #expect(!scope.covers(""))
  }

  @Test func aSubscriptionMustNotBeWider() {
    let scope = scope("mail*", "default")
    #expect(scope.covers(QueuePattern("mail.*")))
    #expect(scope.covers(QueuePattern("mail*")))
    #expect(!scope.covers(QueuePattern("ma*")))
    #expect(!scope.covers(QueuePattern("*")))
    #expect(!scope.covers(QueuePattern("default*")))
    #expect(scope.touches(QueuePattern("ma*")))
    #expect(scope.touches(QueuePattern("*")))
    #expect(!scope.touches(QueuePattern("x*")))
    #expect(!scope.touches(QueuePattern("x")))
  }

  @Test func certificatesAreFoundBySubjectThenName() throws {
    let list = AccessList(
      try AccessFile(
        "principal a\n  role admin\n  certificate CN=a\nprincipal b\n  role worker\n  certificate b.example.org\n"))
    #expect(list.grant(subject: "CN=a", names: ["b.example.org"])?.name == "a")
    #expect(list.grant(subject: "CN=x", names: ["c", "b.example.org"])?.name == "b")
    #expect(list.grant(subject: nil, names: []) == nil)
  }

  @Test func aSubjectMayBeWrittenFromEitherEnd() throws {
    let list = AccessList(try AccessFile("principal a\n  role admin\n  certificate CN=a\\,b,O=Example\n"))
    #expect(list.grant(subject: "O=Example,CN=a\\,b", names: [])?.name == "a")
    #expect(list.grant(subject: "CN=a\\,b,O=Example", names: [])?.name == "a")
    #expect(list.grant(subject: "CN=a,b,O=Example", names: []) == nil)
    #expect(AccessList.turned("x.example.org") == "x.example.org")
  }

  @Test func theTableIsTheIssues() {
    #expect(AccessTable.roles.count == 38)
    #expect(AccessTable.roles["GetServerInfo"] == RoleSet.all)
    #expect(AccessTable.roles["GetJob"] == RoleSet.all)
    #expect(AccessTable.roles["Work"] == RoleSet([.worker, .admin]))
    #expect(AccessTable.roles["ListServers"] == RoleSet([.watcher, .operator, .admin]))
    #expect(AccessTable.roles(ofPath: "/gkick.v1.JobService/SomethingNew") == RoleSet([.admin]))
    #expect(AccessTable.roles(ofPath: "/grpc.health.v1.Health/Check") == nil)
  }
}
