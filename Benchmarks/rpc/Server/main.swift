import Glibc
import Logging
import NIOCore
import NIOPosix
import RPC
import RPCTransport

/// The server under load: one loop; unary by a synchronous and by an async handler, which answer with the first 16 bytes of the request,
/// and a bidirectional stream that sends back every message.
/// usage: rpc-bench-server PORT [CERTIFICATE KEY]
final class EchoStream: CallHandler {
  func message(_ message: ByteBuffer, call: ServerCall) { call.send(message) }
  func halfClosed(call: ServerCall) { call.finish() }
}

func firstBytes(_ request: ByteBuffer) -> ByteBuffer {
  request.getSlice(at: request.readerIndex, length: min(16, request.readableBytes)) ?? ByteBuffer()
}

var methods = MethodTable()
methods.unary("/bench.Echo/Sync") { call, request in
  let answer = firstBytes(request)
  call.reply { $0.writeImmutableBuffer(answer) }
}
methods.async("/bench.Echo/Async", .unary) { call in
  try await call.send(firstBytes(try await call.request()))
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
