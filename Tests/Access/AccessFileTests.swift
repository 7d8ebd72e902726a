import Jobs
import Testing

@testable import Access

@Suite struct AccessFileTests {
  private let hash = TokenHash(of: "secret".utf8)

  @Test func whatIsPrintedIsRead() throws {
    let principal = Principal(
      name: "ci", roles: RoleSet([.producer, .watcher]), queues: [QueuePattern("mail*"), QueuePattern("default")],
      credentials: [.token(hash), .certificate("CN=ci,O=Example Ltd")],
      expires: Timestamp(microseconds: 1_800_000_000_000_000))
    let other = Principal(name: "w", roles: RoleSet([.worker]), credentials: [.certificate("w.example.org")])
    let file = try AccessFile("# ours\n\n" + principal.entry + "\n" + other.entry)
    #expect(file.principals == [principal, other])
  }

  /// `gkick token new >> FILE` twice for one name: a token is changed without a moment in which neither is good.
  @Test func aNameMayHaveSeveralEntries() throws {
    let entry = Principal(name: "ci", roles: RoleSet([.producer]), credentials: [.token(hash)]).entry
    let next = Principal(name: "ci", roles: RoleSet([.producer]), credentials: [.token(TokenHash(of: "b".utf8))]).entry
    let list = AccessList(try AccessFile(entry + "\n" + next))
    #expect(list.grant(token: hash)?.name == "ci")
    #expect(list.grant(token: TokenHash(of: "b".utf8))?.name == "ci")
  }

  @Test func windowsLinesAndTabsAreTaken() throws {
    let file = try AccessFile("principal a\r\n\trole admin\r\n\ttoken-sha256 \(hash.hex)\r\n")
    #expect(file.principals.first?.roles.contains(.admin) == true)
  }

  @Test func anEmptyFileHasNobody() throws { #expect(try AccessFile("# nobody yet\n").principals.isEmpty) }

  @Test(arguments: [
    ("role admin\n", 1, "before the first"),
    ("principal\n", 1, "a name"),
    ("principal a b\n", 1, "a name"),
    ("principal a\n  role boss\n", 2, "none of"),
    ("principal a\n  role admin\n  queue a*b\n", 3, "queue:"),
    ("principal a\n  token-sha256 12\n", 2, "64 hexadecimal"),
    ("principal a\n  token plain\n", 2, "unknown word"),
    ("principal a\n  expires tomorrow\n", 2, "expires"),
    ("principal a\n  expires 2027-02-29\n", 2, "expires"),
    ("principal a\n  expires 2027-01-31T12:00:00\n", 2, "expires"),
    ("principal a\n  certificate a\n", 1, "no role"),
    ("\nprincipal a\n  role admin\n", 2, "neither"),
    (
      "principal a\n  role admin\n  certificate a\nprincipal b\n  role admin\n  certificate a\n", 4, "of another"
    ),
  ])
  func aBadFileSaysWhereAndWhy(_ text: String, _ line: Int, _ words: String) {
    expectRefusal(text, line, words)
  }

  @Test(
    arguments: [
      ("1970-01-01", 0), ("2000-02-29", 951_782_400), ("2027-01-31T12:34:56Z", 1_801_398_896),
      ("2027-01-31T14:34:56+02:00", 1_801_398_896), ("9999-12-31T23:59:59Z", 253_402_300_799),
    ] as [(String, Int64)])
  func timesAreUTC(_ text: String, _ seconds: Int64) {
    #expect(UTCTime.read(text) == Timestamp(microseconds: seconds * 1_000_000))
    #expect(
      UTCTime.read(TimestampText.text(Timestamp(microseconds: seconds * 1_000_000), milliseconds: false))?.microseconds
        == seconds * 1_000_000)
  }

  @Test(arguments: ["1969-12-31", "2027-1-31", "2027-01-31T12:34:56", "2027-01-31Z", "2027-13-01", "٢٠٢٧-٠١-٣١"])
  func whatIsNoTimeIsRefused(_ text: String) { #expect(UTCTime.read(text) == nil) }

  @Test func tokensAreRandomAndLong() {
    let tokens = Set((0..<100).map { _ in Token.make() })
    #expect(tokens.count == 100)
    // log2(62^43) is 256.03.
    #expect(tokens.allSatisfy { $0.utf8.count == Token.prefix.utf8.count + 43 })
  }
}
