import ArgumentParser
import Jobs

/// `gkick info`.
struct InfoCommand: RemoteCommand {
  static let configuration = CommandConfiguration(
    commandName: "info", abstract: "Show which server answers, its version and store.")

  @OptionGroup var client: ClientFlags

  func run(_ remote: Remote, _ output: Output) async throws {
    let info = try await remote.serverInfo()
    output.print(
      .members([
        ("server_id", .string(info.id)), ("version", .string(info.version)), ("store", .string(info.store)),
        ("started_at", JobDocument.time(info.startedAt)),
      ]),
      "\(info.id), gKick \(info.version), store \(info.store)"
        + (info.startedAt.map { ", up \(Format.interval(Remote.now - $0))" } ?? ""))
  }
}
