import NIOCore
import RPC
import RPCTransport

extension ServerSettings {
  /// What the transport is told.
  var transport: ServerConfiguration {
    var configuration = ServerConfiguration()
    configuration.maxConnections = maxConnections
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
