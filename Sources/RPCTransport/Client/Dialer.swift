import NIOCore
import NIOPosix
import NIOSSL

/// Makes connections.
protocol Dialer: Sendable {
  /// Connects, and puts `handler` on the connection. Called on `loop`, which is to be the connection's.
  func dial(_ address: SocketAddress, _ handler: ClientConnectionHandler, on loop: any EventLoop) -> EventLoopFuture<
    Void
  >
}

/// Over sockets, with TLS or without.
struct SocketDialer: Dialer {
  var connectTimeout: TimeAmount
  var tls: CertificateStore?
  /// For SNI and the certificate; `nil` when the target is an address.
  var serverName: String?

  func dial(
    _ address: SocketAddress, _ handler: ClientConnectionHandler, on loop: any EventLoop
  ) -> EventLoopFuture<Void> {
    let bound = NIOLoopBound(handler, eventLoop: loop)
    // Certificates are renewed while a client runs. Files that cannot be used, as half written ones, leave it with what it has.
    _ = try? tls?.reloadIfChanged()
    let tls = tls?.context
    let serverName = serverName
    var bootstrap = ClientBootstrap(group: loop)
      .connectTimeout(connectTimeout)
      .channelOption(.writeBufferWaterMark, value: .init(low: 64 * 1024, high: 256 * 1024))
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          if let tls {
            try channel.pipeline.syncOperations.addHandler(
              NIOSSLClientHandler(context: tls, serverHostname: serverName))
          }
          try channel.pipeline.syncOperations.addHandler(bound.value)
        }
      }
    if case .unixDomainSocket = address {
    } else {
      bootstrap = bootstrap.channelOption(.tcpOption(.tcp_nodelay), value: 1)
    }
    return bootstrap.connect(to: address).map { _ in }
  }
}
