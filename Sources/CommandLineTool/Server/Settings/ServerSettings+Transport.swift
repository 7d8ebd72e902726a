import Jobs
import NIOCore
import RPC
import RPCTransport

extension ServerSettings {
  /// What the transport is told.
  var transport: ServerConfiguration {
    var configuration = ServerConfiguration()
    configuration.maxConnections = connections.maxConnections
    configuration.rpc.http2.maxConcurrentStreams = UInt32(clamping: connections.maxStreams)
    configuration.minPingInterval = .microseconds(connections.minPingInterval.microseconds)
    configuration.handshakeTimeout = .microseconds(connections.handshakeTimeout.microseconds)
    configuration.headerTimeout = .microseconds(connections.headerTimeout.microseconds)
    configuration.writeTimeout = .microseconds(connections.writeTimeout.microseconds)
    configuration.stallTimeout = .microseconds(connections.stallTimeout.microseconds)
    configuration.keepaliveInterval = .microseconds(connections.keepalive.microseconds)
    // A batch of small jobs or one of the largest, with room for what is around the payload.
    configuration.rpc.maxRequestMessage = max(4 << 20, maxPayload + (256 << 10))
    configuration.rpc.maxInflatedMessage = configuration.rpc.maxRequestMessage
    if let tls {
      configuration.tls = ServerTLS(
        certificateChain: tls.certificate, privateKey: tls.key, clientRoots: tls.clientAuthorities)
    }
    return configuration
  }
}

extension Endpoint {
  var listenAddress: ListenAddress {
    switch self {
    case .host(let host, let port): .hostPort(host, port)
    case .unix(let path): .unix(path)
    }
  }
}
