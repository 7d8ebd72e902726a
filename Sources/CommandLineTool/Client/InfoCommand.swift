import ArgumentParser
import Jobs
import Wire

/// `gkick info`.
struct InfoCommand: RemoteCommand {
  static let configuration = CommandConfiguration(
    commandName: "info", abstract: "Show which server answers, its version and store.")

  @OptionGroup var client: ClientFlags

  func run(_ remote: Remote, _ output: Output) async throws {
    let info = try await remote.serverInfo()
    output.print(
      Self.json(info),
      "\(info.id), gKick \(info.version), store \(info.store)"
        + (info.startedAt.map { ", up \(Format.interval(Remote.now - $0))" } ?? ""))
  }

  static func json(_ server: ServerDescription) -> JSONValue {
    .members([
      ("server_id", .string(server.id)), ("version", .string(server.version)), ("store", .string(server.store)),
      ("started_at", JobDocument.time(server.startedAt)),
    ])
  }
}
