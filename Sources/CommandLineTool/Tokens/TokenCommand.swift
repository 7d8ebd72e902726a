import Access
import ArgumentParser
import Jobs

/// `gkick token`.
struct TokenCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "token", abstract: "Make tokens for a server with --auth.", subcommands: [NewTokenCommand.self])
}

/// `gkick token new`: asks no server, keeps nothing.
struct NewTokenCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "new", abstract: "Print a new token, and its entry for the file of --auth.",
    discussion: """
      The token is the first line, printed once and kept nowhere. What follows is its entry, which holds only the token's \
      SHA-256: append it to the file, as in `gkick token new --name ci --role producer | tee >(head -1 > ci.token) | tail -n \
      +2 >> auth`.
      """)

  @Option(help: ArgumentHelp("Whose it is, as logs and events name it.", valueName: "name"))
  var name: String

  @Option(
    help: ArgumentHelp(
      "What it may do: \(Role.words). May be given several times.", valueName: "role"),
    completion: .list(Role.allCases.map(\.rawValue)))
  var role: [String]

  @Option(
    help: ArgumentHelp(
      "A queue that it may do it to, mail or mail*. May be given several times; none: all queues.",
      valueName: "pattern"))
  var queue: [String] = []

  @Option(
    name: .customLong("valid-for"),
    help: ArgumentHelp("How long it is good; nothing: until its entry is taken out.", valueName: "time"),
    transform: Self.term)
  var validFor: Interval?

  func validate() throws { _ = try principal(TokenHash(of: [])) }

  func run() async throws {
    let token = Token.make()
    // The empty line belongs to the entry: it may follow a last line without an end.
    Terminal.print(token + "\n\n" + (try principal(TokenHash(of: token.utf8)).entry.dropLast()))
  }

  private func principal(_ hash: TokenHash) throws -> Principal {
    guard Principal.isName(name) else {
      throw ValidationError("--name: 1 to 128 visible ASCII characters without spaces")
    }
    guard !role.isEmpty else { throw ValidationError("--role: at least one of \(Role.words)") }
    let roles = try role.map { word in
      guard let role = Role(rawValue: word) else {
        throw ValidationError("--role: '\(word)' is none of \(Role.words)")
      }
      return role
    }
    for pattern in queue where !Principal.isPattern(pattern) {
      throw ValidationError("--queue: '\(pattern)' is neither a queue's name nor the beginning of one and *")
    }
    return Principal(
      name: name, roles: RoleSet(roles), queues: queue.map { QueuePattern($0) }, credentials: [.token(hash)],
      expires: validFor.map { Timestamp.now + $0 })
  }

  private static func term(_ text: String) throws -> Interval {
    let term = try IntervalText.read(text)
    guard term > .zero else { throw ValidationError("a token must be good for some time") }
    return term
  }
}
