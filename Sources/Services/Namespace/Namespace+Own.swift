import Jobs
import NIOCore
public import RPC
import Wire

/// What every server answers itself, whoever leads.
extension Namespace {
  public static let ownPaths: Set<String> = [
    "/gkick.v1.AdminService/GetServerInfo", "/gkick.v1.AdminService/ListServers",
  ]

  /// Whether another server is there that could lead.
  public var hasOthers: Bool { servers.contains { $0.id != serverID && !$0.address.isEmpty } }

  public func registerOwn(into methods: inout MethodTable, _ configuration: ServicesConfiguration) {
    methods.unary("/gkick.v1.AdminService/GetServerInfo") { call, _ in
      let codec = Codec()
      call.reply(
        codec,
        codec.encodeServerInfo(
          id: configuration.serverID, version: configuration.version, store: configuration.storeKind,
          startedAt: configuration.startedAt))
    }
    methods.unary("/gkick.v1.AdminService/ListServers") { [self] call, _ in
      let list = ServerList.encode(servers)
      call.reply { $0.writeBytes(list) }
    }
  }
}
