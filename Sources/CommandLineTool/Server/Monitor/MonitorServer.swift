import NIOCore
import NIOHTTP1
import NIOPosix

/// Serves health and metrics over HTTP/1.1: small, read-only and bounded.
final class MonitorServer: Sendable {
  /// The page at a path; nil: there is none.
  typealias Pages = @Sendable (_ path: String) async -> MonitorPage?

  /// More are accepted and closed at once.
  static let mostConnections = 64
  /// A connection that sends nothing for this long is closed.
  static let idleTime = TimeAmount.seconds(30)

  private let channel: any Channel

  private init(channel: any Channel) { self.channel = channel }

  var address: SocketAddress? { channel.localAddress }

  static func start(
    host: String, port: Int, group: any EventLoopGroup, pages: @escaping Pages
  ) async throws -> MonitorServer {
    // All connections on one loop, so that their count needs no lock.
    let loop = group.next()
    let count = NIOLoopBoundBox.makeBoxSendingValue(0, eventLoop: loop)
    let channel = try await ServerBootstrap(group: loop)
      .serverChannelOption(.backlog, value: 64)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        loop.makeCompletedFuture {
          guard count.value < mostConnections else {
            channel.close(promise: nil)
            return
          }
          count.value += 1
          channel.closeFuture.whenComplete { _ in count.value -= 1 }
          let pipeline = channel.pipeline.syncOperations
          try pipeline.addHandler(IdleStateHandler(allTimeout: idleTime))
          try pipeline.configureHTTPServerPipeline(withPipeliningAssistance: true, withErrorHandling: true)
          try pipeline.addHandler(MonitorHandler(pages: pages))
        }
      }
      .bind(host: host, port: port).get()
    return MonitorServer(channel: channel)
  }

  func stop() async {
    try? await channel.close().get()
  }
}
