import Hummingbird
import NIOCore

/// What Hummingbird keeps of a request, and who sent it.
struct GatewayContext: RequestContext {
  var coreContext: CoreRequestContextStorage
  let address: String

  init(source: ApplicationRequestContextSource) {
    coreContext = .init(source: source)
    address = source.channel.callerAddress
  }
}

extension Channel {
  /// "127.0.0.1:50123", as the gRPC side writes it.
  var callerAddress: String {
    guard let remote = remoteAddress, let ip = remote.ipAddress, let port = remote.port else { return "http" }
    return ip.utf8.contains(UInt8(ascii: ":")) ? "[\(ip)]:\(port)" : "\(ip):\(port)"
  }
}
