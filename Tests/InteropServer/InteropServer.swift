import ArgumentParser
import Dispatch
import Glibc
import InteropProtos
import Logging
import NIOCore
import NIOPosix
import RPC
import RPCServices
import RPCTransport

/// A server for the gRPC interoperability and conformance suites.
@main
struct InteropServer: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rpc-interop-server",
    abstract: "Serves grpc.testing.TestService, health and reflection; prints one line when it is ready.",
    discussion: "SIGTERM ends it gracefully, SIGHUP reads the certificates again, SIGUSR1 prints its counters.")

  @Option(help: "TCP port; 0 takes any free one.")
  var port = 0

  @Option(help: "Address to listen on.")
  var host = "127.0.0.1"

  @Option(help: "Listen on this Unix socket, too.")
  var unix: String?

  @Option(help: "Certificate chain, PEM: serves TLS.")
  var tlsCert: String?

  @Option(help: "Private key, PEM.")
  var tlsKey: String?

  @Option(help: "Roots of client certificates, PEM: clients must have one.")
  var tlsClientCa: String?

  @Option(help: "Event loops; 0 is one per core.")
  var loops = 0

  @Option(help: "Seconds until the preface and SETTINGS must be there.")
  var handshakeTimeout: Int64?

  @Option(help: "Seconds a header block may take.")
  var headerTimeout: Int64?

  @Option(help: "Seconds of silence before a PING is sent.")
  var keepaliveTime: Int64?

  @Option(help: "Seconds that a PING's answer may take.")
  var keepaliveTimeout: Int64?

  @Option(help: "Seconds without a call after which a connection is closed.")
  var maxConnectionIdle: Int64?

  @Option(help: "Seconds after which a connection is closed.")
  var maxConnectionAge: Int64?

  @Option(help: "Seconds that calls get after that.")
  var maxConnectionAgeGrace: Int64?

  func validate() throws {
    guard (tlsCert == nil) == (tlsKey == nil), tlsClientCa == nil || tlsCert != nil else {
      throw ValidationError("--tls-cert and --tls-key go together, --tls-client-ca needs both")
    }
  }

  func run() async throws {
    signal(SIGPIPE, SIG_IGN)
    ProcessMemory.returnLargeBuffers()
    let health = HealthStatus()
    health.set(.serving, for: "grpc.testing.TestService")
    let server = try RPCServer(
      configuration: configuration, methods: try methods(health), group: group,
      logger: Logger(label: "rpc-interop-server"))
    let signals = Signals([SIGTERM, SIGINT, SIGHUP, SIGUSR1])
    let address = try await server.bind(.hostPort(host, port))
    if let unix { _ = try await server.bind(.unix(unix)) }
    say("listening on \(host):\(address.port ?? 0)")
    for await signal in signals.stream {
      switch signal {
      case SIGHUP:
        do { try server.reloadCertificates() } catch { say("certificates are bad: \(error)") }
      case SIGUSR1:
        let now = server.statistics
        say(
          "connections=\(now.openConnections) open=\(now.openCalls) started=\(now.startedCalls) ended=\(now.endedConnections)"
        )
      default:
        health.shutdown()
        return await server.shutdownGracefully(within: .seconds(10))
      }
    }
  }

  private var group: any EventLoopGroup {
    loops == 0 ? MultiThreadedEventLoopGroup.singleton : MultiThreadedEventLoopGroup(numberOfThreads: loops)
  }

  private var configuration: ServerConfiguration {
    var configuration = ServerConfiguration()
    if let tlsCert, let tlsKey {
      configuration.tls = ServerTLS(certificateChain: tlsCert, privateKey: tlsKey, clientRoots: tlsClientCa)
    }
    if let handshakeTimeout { configuration.handshakeTimeout = .seconds(handshakeTimeout) }
    if let headerTimeout { configuration.headerTimeout = .seconds(headerTimeout) }
    if let keepaliveTime { configuration.keepaliveInterval = .seconds(keepaliveTime) }
    if let keepaliveTimeout { configuration.keepaliveTimeout = .seconds(keepaliveTimeout) }
    configuration.maxConnectionIdle = maxConnectionIdle.map { .seconds($0) }
    configuration.maxConnectionAge = maxConnectionAge.map { .seconds($0) }
    configuration.maxConnectionAgeGrace = maxConnectionAgeGrace.map { .seconds($0) }
    return configuration
  }

  private func methods(_ health: HealthStatus) throws -> MethodTable {
    var methods = MethodTable()
    TestService(serverID: "rpc-interop-server-\(getpid())").register(in: &methods)
    HealthService(health).register(in: &methods)
    // Static memory of the generated code, of exactly that size.
    let descriptors = unsafe Array(
      UnsafeBufferPointer(start: interop_protos_descriptor_set(), count: interop_protos_descriptor_set_size()))
    ReflectionService(try DescriptorIndex([descriptors, DescriptorIndex.standardServices])).register(in: &methods)
    return methods
  }

  /// One line, at once.
  private func say(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    // The bytes outlive the call, which keeps no pointer.
    _ = unsafe write(STDOUT_FILENO, bytes, bytes.count)
  }
}

/// The signals that came, as a stream.
struct Signals {
  let stream: AsyncStream<Int32>
  private let sources: [any DispatchSourceSignal]

  init(_ numbers: [Int32]) {
    let (stream, continuation) = AsyncStream<Int32>.makeStream()
    self.stream = stream
    sources = numbers.map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number)
      source.setEventHandler { continuation.yield(number) }
      source.resume()
      return source
    }
  }
}
