import Glibc
import Logging
import NIOCore
import NIOPosix
import RPC
import RPCTransport

/// The server under load: one loop, an echo of 16 bytes, unary by a synchronous and by an async handler, and a bidirectional stream.
/// usage: rpc-bench-server PORT [CERTIFICATE KEY]
final class EchoStream: CallHandler {
  func message(_ message: ByteBuffer, call: ServerCall) { call.send(message) }
  func halfClosed(call: ServerCall) { call.finish() }
}

var methods = MethodTable()
methods.unary("/bench.Echo/Sync") { call, request in
  call.reply { $0.writeImmutableBuffer(request) }
}
methods.async("/bench.Echo/Async", .unary) { call in
  try await call.send(try await call.request())
}
methods.stream("/bench.Echo/Stream", .bidirectionalStreaming) { _ in EchoStream() }

let arguments = CommandLine.arguments
var configuration = ServerConfiguration()
configuration.minPingInterval = .seconds(0)
if arguments.count > 3 {
  configuration.tls = ServerTLS(certificateChain: arguments[2], privateKey: arguments[3])
}
let port = arguments.count > 1 ? Int(arguments[1]) ?? 0 : 0
let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
let server = try RPCServer(configuration: configuration, methods: methods, group: group, logger: Logger(label: "bench"))
let address = try await server.bind(.hostPort("127.0.0.1", port))
print("listening on \(address)")
fflush(nil)
while true { try await Task.sleep(nanoseconds: 1_000_000_000_000) }
