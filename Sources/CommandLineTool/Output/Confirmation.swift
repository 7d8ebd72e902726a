import ArgumentParser

/// Asks before something is done that cannot be undone.
enum Confirmation {
  /// - Parameter isGiven: --yes was said.
  /// - Throws: the exit code to end with, when it is not to be done.
  static func ask(_ question: String, isGiven: Bool) throws {
    if isGiven { return }
    guard Terminal.isInteractive else {
      throw CommandFailure("\(question) Say --yes.", exitCode: ExitCodes.usage)
    }
    Terminal.show("\(question) [y/N] ")
    guard let answer = readLine(), ["y", "yes"].contains(answer.lowercased()) else {
      throw ExitCode(ExitCodes.failed)
    }
  }
}
