import Glibc
import Logging
import NIOCore
import NIOPosix
import RPC
import Synchronization
import Testing

@testable import Gateway

/// A gateway on a port of its own whose only page is `/page`.
private final class Running {
  let port: Int
  private let gateway: Gateway
  private let task: Task<Void, any Error>
  private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

  init(_ change: (inout GatewayConfiguration) -> Void) async throws {
    var configuration = GatewayConfiguration(host: "127.0.0.1", port: 0)
    change(&configuration)
    let (bound, tell) = AsyncStream.makeStream(of: Int.self)
    let transport = InProcessTransport(methods: MethodTable(), eventLoop: MultiThreadedEventLoopGroup.singleton.next())
    let gateway = try Gateway(
      configuration: configuration, transports: [transport], group: group, logger: Logger(label: "test"),
      pages: { path, _ in path == "/page" ? GatewayPage(status: 200, contentType: "text/plain", body: "it") : nil },
      bound: { channel in tell.yield(channel.localAddress?.port ?? 0) })
    self.gateway = gateway
    task = Task { try await gateway.run() }
    var ports = bound.makeAsyncIterator()
    port = try #require(await ports.next())
  }

  func stop() async throws {
    await gateway.stop()
    _ = await task.result
    try await group.shutdownGracefully()
  }
}

/// A blocking socket.
private final class Caller {
  private let descriptor: Int32

  init(port: Int) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    let code = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    try #require(code == 0)
  }

  deinit { close(descriptor) }

  func ask() {
    let text = "GET /page HTTP/1.1\r\nhost: a\r\n\r\n"
    _ = text.withCString { send(descriptor, $0, strlen($0), Int32(MSG_NOSIGNAL)) }
  }

  /// What comes within so many milliseconds; empty: nothing, or the end.
  func hear(within milliseconds: Int32) -> String {
    var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    guard poll(&poller, 1, milliseconds) == 1 else { return "" }
    var bytes = [UInt8](repeating: 0, count: 4_096)
    let count = recv(descriptor, &bytes, bytes.count, 0)
    return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : ""
  }
}

@Suite(.timeLimit(.minutes(1))) struct GatewayLimitTests {
  @Test func theBoundOfConnectionsIsTheOneInTheDocuments() {
    let standard = GatewayConfiguration(host: "h", port: 1)
    #expect(standard.maxConnections == 4_096)
    #expect(standard.headTimeout == .seconds(60) && standard.bodyTimeout == .seconds(30))
  }

  @Test func oneMoreThanTheBoundWaitsForAnotherToGo() async throws {
    let gateway = try await Running { $0.maxConnections = 3 }
    var callers = try (0..<3).map { _ in try Caller(port: gateway.port) }
    for caller in callers {
      caller.ask()
      #expect(caller.hear(within: 10_000).hasPrefix("HTTP/1.1 200"))
    }
    let late = try Caller(port: gateway.port)
    late.ask()
    #expect(late.hear(within: 300) == "")
    callers.removeFirst()
    #expect(late.hear(within: 10_000).hasPrefix("HTTP/1.1 200"))
    callers.removeAll()
    try await gateway.stop()
  }

  /// The whole way once, with short times: what RequestClockTests shows with a clock of its own is really in the pipeline.
  @Test func slowConnectionsAreClosed() async throws {
    let gateway = try await Running {
      $0.headTimeout = .milliseconds(200)
      $0.bodyTimeout = .milliseconds(200)
    }
    let silent = try Caller(port: gateway.port)
    let start = ContinuousClock.now
    #expect(silent.hear(within: 60_000) == "")
    // Far from the 60 s that a head may take, also on a machine that is busy with other tests.
    #expect(ContinuousClock.now - start < .seconds(40))
    try await gateway.stop()
  }

  @Test func whoHasSaidNothingDoesNotHoldUpTheEnd() async throws {
    let gateway = try await Running { _ in }
    let silent = try Caller(port: gateway.port)
    let other = try Caller(port: gateway.port)
    other.ask()
    #expect(other.hear(within: 10_000).hasPrefix("HTTP/1.1 200"))
    let start = ContinuousClock.now
    try await gateway.stop()
    // A head may take 60 s; this is far from that also on a machine that is busy with other tests.
    #expect(ContinuousClock.now - start < .seconds(40))
    #expect(silent.hear(within: 1_000) == "")
  }
}
