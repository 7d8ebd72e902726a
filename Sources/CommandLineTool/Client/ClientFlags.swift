import ArgumentParser

/// What every command that asks a server something takes.
struct ClientFlags: ParsableArguments {
  @OptionGroup var connection: ConnectionFlags

  @Flag(help: "Print JSON, one document a line, for programs.")
  var json = false

  func settings() throws -> ClientSettings { try connection.settings() }
}
