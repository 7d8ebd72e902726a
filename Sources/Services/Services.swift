import NIOCore
public import RPC
import Wire

/// gkick.v1: JobService, WorkerService and AdminService.
public enum Services {
  /// Adds all their methods. To be called before the first call is served.
  public static func register(
    into methods: inout MethodTable, host: EngineHost, configuration: ServicesConfiguration
  ) {
    let bounds = Bounds(payload: configuration.maxPayload)
    let zones = configuration.zones
    for desk in host.desks { desk.loop.execute { desk.configure(bounds, zones) } }
    registerJobService(into: &methods, host: host)
    registerWorkerService(into: &methods, host: host, configuration: configuration)
    registerFlow(into: &methods, host: host)
    registerAdminService(into: &methods, host: host, configuration: configuration)
  }
}

extension MethodTable {
  /// A unary method that is answered at this loop's desk.
  mutating func unary(
    _ path: String, host: EngineHost, _ handle: @escaping @Sendable (LoopDesk, Request) throws(Status) -> Void
  ) {
    unary(path) { call, message in
      guard let desk = host.desk(of: call.eventLoop) else { return call.finish(.wrongLoop) }
      do throws(Status) {
        try handle(desk, Request(call: call, message: message))
      } catch {
        call.finish(error)
      }
    }
  }

  /// A method whose handler is told when the call ends.
  mutating func stream(
    _ path: String, _ kind: MethodKind, host: EngineHost,
    _ make: @escaping @Sendable (LoopDesk, ServerCall) -> any CallHandler
  ) {
    stream(path, kind) { call in
      guard let desk = host.desk(of: call.eventLoop) else {
        call.finish(.wrongLoop)
        return DeadHandler()
      }
      return make(desk, call)
    }
  }
}

/// Of a call that was refused before it had one.
final class DeadHandler: CallHandler {
  func message(_ message: ByteBuffer, call: ServerCall) {}
}
