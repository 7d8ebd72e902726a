import Gateway
import Logging
import NIOCore
import NIOPosix
import RPC
import Services
import Synchronization

extension GatewayPage {
  static func text(_ status: Int, _ body: String) -> GatewayPage {
    GatewayPage(status: status, contentType: "text/plain; charset=utf-8", body: body + "\n")
  }
}

/// The gateway while it serves, on a thread of its own: health is told whatever the loops do.
final class HTTPSide: Sendable {
  /// How its calls look to the server.
  static let peer = GatewayCaller.peer

  private let task: Task<Void, any Error>

  private let gateway: Gateway
  private let transports: [InProcessTransport]

  private init(
    task: Task<Void, any Error>, gateway: Gateway, transports: [InProcessTransport]
  ) {
    self.task = task
    self.gateway = gateway
    self.transports = transports
  }

  /// Returns once it listens.
  /// - Parameter group: of one thread.
  static func start(
    _ configuration: GatewayConfiguration, transports: [InProcessTransport], group: any EventLoopGroup, logger: Logger,
    pages: @escaping Gateway.Pages
  ) async throws -> HTTPSide {
    let (bound, tell) = AsyncStream.makeStream(of: Result<Void, any Error>.self)
    let gateway = try Gateway(
      configuration: configuration, transports: transports, group: group, logger: logger, pages: pages,
      bound: { _ in tell.yield(.success(())) })
    let task = Task {
      do {
        try await gateway.run()
        tell.finish()
      } catch {
        tell.yield(.failure(error))
        throw error
      }
    }
    for await result in bound {
      try result.get()
      return HTTPSide(task: task, gateway: gateway, transports: transports)
    }
    throw StartFailure("the HTTP side ended before it listened")
  }

  /// Answers that are under way end with their calls, which this ends.
  /// - Parameter patience: returns when clients that do not read their answers are not waited for any longer.
  func stop(patience: @escaping @Sendable () async throws -> Void = { try await Task.sleep(for: .seconds(1)) }) async {
    await gateway.stop()
    for transport in transports { await transport.close() }
    let task = task
    let limit = Task {
      try await patience()
      task.cancel()
    }
    _ = await task.result
    limit.cancel()
  }
}

extension ServerSettings {
  func gateway(host: String, port: Int) -> GatewayConfiguration {
    var configuration = GatewayConfiguration(host: host, port: port)
    configuration.origins = httpOrigins
    // A JSON body carries bytes as base64: a third more.
    configuration.maxBody = transport.rpc.maxRequestMessage / 3 * 4 + (64 << 10)
    return configuration
  }

  /// What the gateway's calls are held to: the limits of messages, but not those that are about one client's connection, since all share one.
  var inProcess: RPCConfiguration {
    var configuration = transport.rpc
    configuration.http2.maxConcurrentStreams = 10_000
    configuration.http2.resetBurst = 100_000
    configuration.http2.resetsPerSecond = 10_000
    configuration.maxBufferedRequests = 64 << 20
    configuration.maxQueuedOutput = 64 << 20
    return configuration
  }
}
