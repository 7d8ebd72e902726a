import Engine
import GKick
import Glibc
import Jobs
import Logging
import MemoryStorage
import NIOCore
import NIOPosix
import RPC
import RPCTransport
import Services

/// A whole server in this process, jobs in memory, on a port of its own.
final class TestServer: Sendable {
  let host: EngineHost
  let server: RPCServer
  let endpoint: Endpoint
  let port: Int

  init(lease: Interval = .seconds(30), port: Int = 0) async throws {
    let group = MultiThreadedEventLoopGroup.singleton
    var configuration = EngineConfiguration()
    configuration.lease = lease
    host = try EngineHost(storage: MemoryStorage(), configuration: configuration, seed: 1, group: group)
    var methods = MethodTable()
    Services.register(
      into: &methods, host: host,
      configuration: ServicesConfiguration(
        serverID: "test", version: "0", storeKind: "memory", startedAt: EngineHost.wallClock()))
    host.start()
    server = try RPCServer(
      configuration: ServerConfiguration(), methods: methods, group: group,
      logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    self.port = try await Self.bind(server, port)
    endpoint = Endpoint("127.0.0.1:\(self.port)")
  }

  /// Another test's outgoing connection may have been given the port that a server has just left; it goes soon.
  private static func bind(_ server: RPCServer, _ port: Int) async throws -> Int {
    for _ in 0..<100 where port != 0 {
      do { return try await server.bind(.hostPort("127.0.0.1", port)).port ?? 0 } catch let error as IOError
        where error.errnoCode == EADDRINUSE
      { try await Task.sleep(for: .milliseconds(50)) }
    }
    return try await server.bind(.hostPort("127.0.0.1", port)).port ?? 0
  }

  func stop() async throws {
    await server.shutdownGracefully(within: .seconds(0))
    try await host.stop()
  }

  func worker(
    queues: [WorkerConfiguration.Queue] = ["default"], concurrency: Int = 4,
    configure: (inout WorkerConfiguration) -> Void = { _ in }, register: (Worker) throws -> Void
  ) rethrows -> Worker {
    var configuration = WorkerConfiguration(queues: queues, concurrency: concurrency)
    configuration.logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    configure(&configuration)
    let worker = Worker(endpoint, configuration: configuration)
    try register(worker)
    return worker
  }
}

/// Runs the body beside a server, and then ends both.
func withServer(
  lease: Interval = .seconds(30), _ body: (TestServer, Client) async throws -> Void
) async throws {
  let server = try await TestServer(lease: lease)
  let client = try Client(server.endpoint)
  do {
    try await body(server, client)
  } catch {
    await client.close()
    try await server.stop()
    throw error
  }
  await client.close()
  try await server.stop()
}

/// Runs the body beside a worker, which is stopped afterwards.
func withWorker(_ worker: Worker, _ body: () async throws -> Void) async throws {
  let task = Task { try await worker.run() }
  do {
    try await body()
  } catch {
    task.cancel()
    try? await task.value
    throw error
  }
  task.cancel()
  try await task.value
}
