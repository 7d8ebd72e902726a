import Glibc
import Logging
import NIOCore
import NIOPosix
import RPC
import Synchronization

@testable import RPCTransport

/// A server with a few methods that tests of the client call.
final class EchoServer: Sendable {
  let server: RPCServer
  let calls = Mutex<[String: Int]>([:])
  let ends = Mutex<[CallEnd]>([])
  let group: MultiThreadedEventLoopGroup

  static let unary = "/echo.Echo/Unary"
  static let fail = "/echo.Echo/Fail"
  static let hang = "/echo.Echo/Hang"
  static let stream = "/echo.Echo/Stream"
  static let flood = "/echo.Echo/Flood"
  static let upper = "/echo.Echo/Count"

  init(_ configuration: ServerConfiguration = ServerConfiguration()) throws {
    group = MultiThreadedEventLoopGroup.singleton
    let box = Weak()
    var methods = MethodTable()
    methods.unary(Self.unary) { call, message in
      box.count(Self.unary)
      var metadata = Metadata()
      for entry in call.metadata where entry.name.hasPrefix("x-") {
        switch entry.value {
        case .text(let text): metadata.add(entry.name, text)
        case .bytes(let bytes): metadata.add(entry.name, bytes: bytes)
        }
      }
      if !metadata.isEmpty { call.setInitialMetadata(metadata) }
      call.send(message)
      call.finish(.ok, trailers: metadata)
    }
    methods.unary(Self.fail) { call, message in
      call.finish(
        Status(.failedPrecondition, "said \(String(buffer: message)) – no", details: [8, 9], retryPushback: 75))
    }
    methods.stream(Self.hang, .unary) { _ in HangingHandler { end in box.end(end) } }
    methods.stream(Self.stream, .bidirectionalStreaming) { _ in EchoHandler() }
    methods.async(Self.flood, .serverStreaming) { call in
      let request = try await call.request()
      let count = Int(String(buffer: request)) ?? 0
      for index in 0..<count {
        try await call.send(ByteBuffer(string: "\(index):" + String(repeating: "x", count: 1000)))
      }
    }
    methods.stream(Self.upper, .clientStreaming) { _ in CountingHandler() }
    server = try RPCServer(
      configuration: configuration, methods: methods, group: group,
      logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    box.server.withLock { $0 = WeakReference(value: self) }
  }

  private struct WeakReference: Sendable {
    weak var value: EchoServer?
  }

  private final class Weak: Sendable {
    let server = Mutex<WeakReference>(WeakReference(value: nil))
    func count(_ path: String) { server.withLock { $0.value }?.calls.withLock { $0[path, default: 0] += 1 } }
    func end(_ end: CallEnd) { server.withLock { $0.value }?.ends.withLock { $0.append(end) } }
  }

  /// Listens on a free port of 127.0.0.1, or the given one.
  func listen(port: Int = 0) async throws -> Int {
    // Another test's outgoing connection may have been given the port that a server has just left; it goes soon.
    for _ in 0..<100 where port != 0 {
      do { return try await server.bind(.hostPort("127.0.0.1", port)).port ?? 0 } catch let error as IOError
        where error.errnoCode == EADDRINUSE
      { try await Task.sleep(for: .milliseconds(50)) }
    }
    return try await server.bind(.hostPort("127.0.0.1", port)).port ?? 0
  }

  func stop(within limit: TimeAmount = .milliseconds(0)) async { await server.shutdownGracefully(within: limit) }
}

private final class HangingHandler: CallHandler {
  let onEnd: @Sendable (CallEnd) -> Void
  init(_ onEnd: @escaping @Sendable (CallEnd) -> Void) { self.onEnd = onEnd }
  func message(_ message: ByteBuffer, call: ServerCall) {}
  func ended(_ reason: CallEnd, call: ServerCall) { onEnd(reason) }
}

private final class EchoHandler: CallHandler {
  func message(_ message: ByteBuffer, call: ServerCall) { call.send(message) }
  func halfClosed(call: ServerCall) { call.finish(.ok, trailers: Metadata(("x-tail", "end"))) }
}

private final class CountingHandler: CallHandler {
  var bytes = 0
  func message(_ message: ByteBuffer, call: ServerCall) { bytes += message.readableBytes }
  func halfClosed(call: ServerCall) {
    call.reply { $0.writeString("\(bytes)") }
  }
}

extension ClientChannel {
  /// To a server on this machine, with waits short enough for tests.
  static func local(
    _ ports: Int..., configure: (inout ClientConfiguration) -> Void = { _ in }
  ) throws -> ClientChannel {
    let target: ClientTarget =
      ports.count == 1 ? .hostPort("127.0.0.1", ports[0]) : .addresses(ports.map { .init("127.0.0.1", $0) })
    return try make(target, configure: configure)
  }

  static func make(
    _ target: ClientTarget, configure: (inout ClientConfiguration) -> Void = { _ in }
  ) throws -> ClientChannel {
    var configuration = ClientConfiguration()
    configuration.backoff.initial = .milliseconds(20)
    configuration.backoff.maximum = .milliseconds(100)
    configuration.backoff.connectTimeout = .seconds(5)
    configure(&configuration)
    return try ClientChannel(target: target, configuration: configuration, group: MultiThreadedEventLoopGroup.singleton)
  }
}

func text(_ string: String) -> ByteBuffer { ByteBuffer(string: string) }
