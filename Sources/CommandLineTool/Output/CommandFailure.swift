/// What ends a command, in words and with a code; `GKickTool` prints it, with --json as a document.
struct CommandFailure: Error {
  let text: String
  let exitCode: Int32

  init(_ text: String, exitCode: Int32) {
    self.text = text
    self.exitCode = exitCode
  }
}
