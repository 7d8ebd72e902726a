import ArgumentParser

/// What somebody may have meant who wrote something that there is not.
enum Suggestions {
  /// nil: the first word is a command, or there is none.
  static func command(in arguments: [String]) -> String? {
    guard let first = arguments.first, !first.hasPrefix("-"), first != "help" else { return nil }
    guard let command = commands.first(where: { name(of: $0) == first }) else {
      let meant = nearest(to: first, among: commands.map { name(of: $0) }).map { " Did you mean `gkick \($0)`?" } ?? ""
      return "there is no command '\(Table.onOneLine(first))'.\(meant)\nSee 'gkick --help' for all commands."
    }
    let parts = command.configuration.subcommands.map { name(of: $0) }
    guard !parts.isEmpty, arguments.count > 1, !arguments[1].hasPrefix("-"), arguments[1] != "help",
      !parts.contains(arguments[1])
    else { return nil }
    let meant = nearest(to: arguments[1], among: parts).map { " Did you mean `gkick \(first) \($0)`?" } ?? ""
    return "there is no command '\(first) \(Table.onOneLine(arguments[1]))'.\(meant)\n"
      + "There are: \(parts.joined(separator: ", "))."
  }

  /// The parser's message, with what an unknown flag may have been meant to be.
  static func flag(in message: String, _ arguments: [String]) -> String {
    let start = "Unknown option '"
    guard message.hasPrefix(start),
      let end = message.dropFirst(start.count).firstIndex(of: "'"),
      var command = commands.first(where: { name(of: $0) == arguments.first })
    else { return message }
    if arguments.count > 1,
      let part = command.configuration.subcommands.first(where: { name(of: $0) == arguments[1] })
        ?? command.configuration.defaultSubcommand
    {
      command = part
    }
    let given = String(message[message.index(message.startIndex, offsetBy: start.count)..<end])
    let flags = GKickTool.helpMessage(for: command).split { !$0.isLetter && $0 != "-" }
      .filter { $0.hasPrefix("--") }.map(String.init)
    guard let meant = nearest(to: given, among: flags) else { return message }
    return "\(start)\(given)'. Did you mean '\(meant)'?"
  }

  private static var commands: [any ParsableCommand.Type] {
    GKickTool.configuration.subcommands + GKickTool.configuration.groupedSubcommands.flatMap(\.subcommands)
  }

  private static func name(of command: any ParsableCommand.Type) -> String { command.configuration.commandName ?? "" }

  /// One that begins so or is a few letters off; the closest.
  static func nearest(to word: String, among words: [String]) -> String? {
    func rank(_ candidate: String) -> Int? {
      let plain = word.drop { $0 == "-" }
      if plain.count >= 2, candidate.drop(while: { $0 == "-" }).hasPrefix(plain) { return 0 }
      let distance = distance(word, candidate)
      return distance <= max(1, plain.count / 3) ? distance : nil
    }
    return words.compactMap { candidate in rank(candidate).map { ($0, candidate) } }
      .min { ($0.0, $0.1.count, $0.1) < ($1.0, $1.1.count, $1.1) }?.1
  }

  /// Letters to be put in, left out, changed or swapped with the next.
  static func distance(_ a: String, _ b: String) -> Int {
    let (a, b) = (Array(a), Array(b))
    var rows = [Array(0...b.count)]
    for i in 1...max(1, a.count) where i <= a.count {
      var row = [i]
      for j in 1...max(1, b.count) where j <= b.count {
        var best = min(rows[i - 1][j] + 1, row[j - 1] + 1, rows[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1))
        if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] { best = min(best, rows[i - 2][j - 2] + 1) }
        row.append(best)
      }
      rows.append(row)
    }
    return rows[a.count][b.count]
  }
}
