import ArgumentParser

/// The executable. Each subcommand has a folder of its own.
@main
struct GKickTool: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gkick",
    abstract: "Background jobs over gRPC.",
    version: Version.text,
    subcommands: [ServerCommand.self])
}
