import Engine
import Jobs
import RPC
import Wire

extension Services {
  static func registerWorkerService(
    into methods: inout MethodTable, host: EngineHost, configuration: ServicesConfiguration
  ) {
    let service = "/gkick.v1.WorkerService/"
    let identity = ServerIdentity(id: configuration.serverID, version: configuration.version)
    methods.stream(service + "Work", .bidirectionalStreaming, host: host) { desk, call in
      WorkSession(call: call, desk: desk, host: host, identity: identity)
    }
    methods.stream(service + "Fetch", .unary, host: host) { desk, call in FetchCall(call: call, desk: desk) }
    methods.unary(service + "Report", host: host) { desk, request throws(Status) in
      var report = try request.decode(desk.codec.decodeReportRequest)
      report.scope = request.call.scope
      try ReportCall(call: request.call).start(report, desk: desk)
    }
  }
}

/// What a worker is told about the server in its welcome.
struct ServerIdentity: Sendable {
  var id: String
  var version: String
}
