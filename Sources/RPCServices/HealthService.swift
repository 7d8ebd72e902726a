import NIOCore
public import RPC

/// The standard health service, `grpc.health.v1.Health` (gRPC `doc/health-checking.md`).
public struct HealthService: Sendable {
  /// How many services `List` may return, from the service's definition.
  static let maximumListed = 100

  private let status: HealthStatus

  public init(_ status: HealthStatus) {
    self.status = status
  }

  /// Adds Check, List and Watch to the server's methods.
  public func register(in methods: inout MethodTable) {
    let status = status
    methods.unary("/grpc.health.v1.Health/Check") { call, message in
      switch HealthMessages.service(of: message) {
      case .failure(let failure):
        call.finish(failure)
      case .success(let service):
        guard let answer = status[service] else { return call.finish(Status(.notFound, "unknown service")) }
        call.reply { $0.writeBytes(HealthMessages.response(answer.rawValue)) }
      }
    }
    methods.unary("/grpc.health.v1.Health/List") { call, _ in
      let all = status.all
      guard all.count <= Self.maximumListed else {
        return call.finish(Status(.resourceExhausted, "more than \(Self.maximumListed) services"))
      }
      call.reply { $0.writeBytes(HealthMessages.response(all)) }
    }
    methods.stream("/grpc.health.v1.Health/Watch", .serverStreaming) { _ in HealthWatch(status) }
  }
}
