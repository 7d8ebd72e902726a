/// Whether what --exec says can be run at all, as far as can be told without running it.
enum ProgramCheck {
  /// - Returns: why it cannot; nil: it can, or there is no telling.
  static func problem(with command: String) async -> String? {
    if let said = await answer("sh -n -c \"$1\"", command) { return said }
    guard let word = firstWord(of: command) else { return nil }
    // `command -v` knows paths, built-in commands and words of the shell's grammar.
    if await answer("command -v -- \"$1\" >/dev/null", word) != nil { return "'\(word)' is not found" }
    guard word.contains("/") else { return nil }
    if await answer("test -f \"$1\" || test ! -e \"$1\"", word) != nil { return "'\(word)' is no file" }
    return await answer("test -x \"$1\"", word) != nil ? "'\(word)' is not executable" : nil
  }

  /// The first word, where it is nothing but a word: quotes, variables and the like are the shell's to read.
  static func firstWord(of command: String) -> String? {
    let ends: Set<Character> = [" ", "\t", "\n", ";", "|", "&", "<", ">", "(", ")"]
    let plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./+:@%,-"
    let word = command.drop { $0 == " " || $0 == "\t" || $0 == "\n" }.prefix { !ends.contains($0) }
    guard !word.isEmpty, word.allSatisfy({ plain.contains($0) }) else { return nil }
    return String(word)
  }

  /// nil: the shell says yes; else what it says.
  private static func answer(_ question: String, _ argument: String) async -> String? {
    let run = ProgramRun(
      ProgramRun.Order(command: question, arguments: [argument], maxOutput: 0, grace: .zero))
    do {
      let result = try await run.result()
      if result.end == .exited(0) { return nil }
      let said = String(decoding: result.lastWords, as: UTF8.self)
      return said.isEmpty ? "no" : Table.onOneLine(said.split(separator: "\n").joined(separator: " "))
    } catch {
      return "a shell cannot be started: \(error)"
    }
  }
}
