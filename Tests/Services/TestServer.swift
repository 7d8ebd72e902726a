import Engine
import Jobs
import Logging
import MemoryStorage
import NIOCore
import NIOPosix
import RPC
import RPCTransport
import Testing
import Wire

@testable import Services

/// The services on a real port of this process, jobs in memory, and a channel to them.
final class TestServer: Sendable {
  let host: EngineHost
  let server: RPCServer
  let channel: ClientChannel

  /// - Parameters:
  ///   - reading: what is read with in place of the store's own reader.
  ///   - group: the server's loops.
  init(
    _ limits: HostLimits, storage: any Storage = MemoryStorage(),
    reading: (any JobReader) -> any JobReader = { $0 },
    group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
  ) async throws {
    let reader = reading(storage.reader)
    host = try EngineHost(
      storage: storage, reader: reader, configuration: EngineConfiguration(), seed: 1, group: group, limits: limits)
    var methods = MethodTable()
    Services.register(
      into: &methods, host: host,
      configuration: ServicesConfiguration(
        serverID: "server-1", version: "1.2.3", storeKind: "memory", startedAt: Timestamp(seconds: 5), maxPayload: 100))
    host.start()
    server = try RPCServer(
      configuration: ServerConfiguration(), methods: methods, group: group,
      logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    let port = try await server.bind(.hostPort("127.0.0.1", 0)).port ?? 0
    channel = try ClientChannel(target: .hostPort("127.0.0.1", port), group: MultiThreadedEventLoopGroup.singleton)
  }

  func end() async throws {
    await channel.close()
    await server.shutdownGracefully(within: .seconds(0))
    try await host.stop()
  }

  /// One unary call, its request made and its response read by codecs of their own.
  func call<Value>(
    _ method: String, _ encode: (Codec) -> Int, _ decode: (Codec, RawSpan) throws(WireError) -> Value
  ) async throws -> Value {
    let response = try await channel.unary("/gkick.v1." + method, Self.bytes(encode))
    return try decode(Codec(), response.readableBytesSpan)
  }

  /// The status of a unary call.
  func status(_ method: String, _ encode: (Codec) -> Int) async -> Status {
    await channel.unaryResponse("/gkick.v1." + method, Self.bytes(encode)).status
  }

  static func bytes(_ encode: (Codec) -> Int) -> ByteBuffer {
    let codec = Codec()
    _ = encode(codec)
    return ByteBuffer(bytes: codec.packed())
  }

  func enqueue(_ spec: JobSpec) async throws -> JobReceipt {
    try await call(
      "JobService/Enqueue", { $0.encodeEnqueueRequest(spec) },
      { codec, bytes throws(WireError) in try codec.decodeEnqueueResponse(bytes) })
  }

  func job(_ id: String) async throws -> JobInfo {
    try await call(
      "JobService/GetJob", { $0.encodeJobIDRequest(id) },
      { codec, bytes throws(WireError) in try codec.decodeJobResponse(bytes) })
  }
}

/// A stream whose messages are taken one by one.
final class TestStream {
  let stream: ClientStream
  private var waiting: [ByteBuffer] = []

  init(_ server: TestServer, _ method: String) { stream = server.channel.stream("/gkick.v1." + method) }

  func send(_ encode: (Codec) -> Int) async throws { try await stream.send(TestServer.bytes(encode)) }

  /// nil: the call has ended OK. Throws the status it ended with otherwise.
  func next() async throws -> ByteBuffer? {
    if waiting.isEmpty { waiting = try await stream.nextBatch() }
    return waiting.isEmpty ? nil : waiting.removeFirst()
  }

  func nextWork() async throws -> WorkResponseInfo {
    let message = try #require(try await next())
    return try Codec().decodeWorkResponse(message.readableBytesSpan)
  }

  /// What ends the call.
  func end() async -> Status {
    do {
      while try await next() != nil {}
      return .ok
    } catch {
      return error as? Status ?? Status(.unknown, "\(error)")
    }
  }
}

func spec(queue: String = "q") -> JobSpec {
  var spec = JobSpec()
  spec.queue = queue
  spec.name = "n"
  return spec
}

func hello(_ queue: String, slots: UInt32 = 1) -> WorkerHello {
  WorkerHello(workerID: "", subscriptions: [Subscription(pattern: QueuePattern(queue))], maxInFlight: slots)
}

func withServer(_ limits: HostLimits = HostLimits(), _ body: (TestServer) async throws -> Void) async throws {
  let server = try await TestServer(limits)
  try await body(server)
  try await server.end()
}
