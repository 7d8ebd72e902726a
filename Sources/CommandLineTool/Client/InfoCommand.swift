import ArgumentParser
import GKick
import Jobs

/// `gkick info`.
struct InfoCommand: RemoteCommand {
  static let configuration = CommandConfiguration(
    commandName: "info", abstract: "Show which server answers, its version and store.")

  @OptionGroup var client: ClientFlags

  func run(_ remote: Remote, _ output: Output) async throws {
    let info = try await remote.admin.serverInfo()
    output.print(
      Self.json(info),
      "\(info.id), gKick \(info.version), store \(info.store)"
        + (info.startedAt.map { ", up \(Format.interval(Timestamp.now - $0.timestamp))" } ?? ""))
  }

  static func json(_ server: ServerInfo) -> JSONValue {
    .members([
      ("server_id", .string(server.id)), ("version", .string(server.version)), ("store", .string(server.store)),
      ("started_at", JobDocument.time(server.startedAt?.timestamp)),
    ])
  }
}

/// `gkick servers`.
struct ServersCommand: RemoteCommand {
  static let configuration = CommandConfiguration(
    commandName: "servers", abstract: "Show all servers that share the store.")

  @OptionGroup var client: ClientFlags

  func run(_ remote: Remote, _ output: Output) async throws {
    let servers = try await remote.admin.servers()
    output.print(servers, Self.json, table: { Self.table(servers) }, ifNone: "no server is registered")
  }

  static func table(_ servers: [ServerStanding]) -> Table {
    var table = Table("SERVER", "ADDRESS", "VERSION", "#WORKERS", "#SEEN", "")
    for server in servers {
      table.add([
        server.id, server.address, server.version, String(server.workers),
        Format.interval(max(.zero, Timestamp.now - server.lastSeenAt.timestamp)),
        server.leads ? "leads" : "",
      ])
    }
    return table
  }

  static func json(_ server: ServerStanding) -> JSONValue {
    .members([
      ("server_id", .string(server.id)), ("address", .string(server.address)), ("version", .string(server.version)),
      ("leads", .bool(server.leads)), ("workers", JobDocument.count(server.workers)),
      ("started_at", JobDocument.time(server.startedAt.timestamp)),
      ("last_seen_at", JobDocument.time(server.lastSeenAt.timestamp)),
    ])
  }
}
