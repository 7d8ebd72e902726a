import Gateway
import Glibc
import Logging
import NIOPosix
import RPC
import Synchronization
import Testing

@testable import CommandLineTool

private final class Flag: Sendable {
  let isSet = Atomic(false)
}

@Suite(.timeLimit(.minutes(1))) struct HTTPSideTests {
  /// Serves one answer that is more than sockets take in by themselves, and of which a client has read the first byte: one that has not begun
  /// may be dropped.
  private func serveOne(_ bytes: Int) async throws -> (side: HTTPSide, client: Int32) {
    let transport = InProcessTransport(methods: MethodTable(), eventLoop: MultiThreadedEventLoopGroup.singleton.next())
    let port = try freePort()
    let large = String(repeating: "x", count: bytes)
    let side = try await HTTPSide.start(
      GatewayConfiguration(host: "127.0.0.1", port: port), transports: [transport],
      group: MultiThreadedEventLoopGroup.singleton.next(), logger: Logger(label: "test")
    ) { _, _ in GatewayPage(status: 200, contentType: "text/plain", body: large) }
    let client = try connected(port)
    let request = "GET /large HTTP/1.1\r\nhost: a\r\n\r\n"
    _ = request.withCString { send(client, $0, strlen($0), Int32(MSG_NOSIGNAL)) }
    var first: UInt8 = 0
    #expect(recv(client, &first, 1, 0) == 1)
    return (side, client)
  }

  /// A client that does not read its answer holds the end up for as long as is said, and no longer.
  @Test func stoppingWaitsForReadersOnlySoLong() async throws {
    let (side, client) = try await serveOne(64 << 20)
    defer { close(client) }
    let flag = Flag()
    let patience = AsyncStream.makeStream(of: Void.self)
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        await side.stop {
          for await _ in patience.stream { return }
        }
        flag.isSet.store(true, ordering: .relaxed)
      }
      group.addTask {
        // The answer cannot end: nobody reads.
        try? await Task.sleep(for: .milliseconds(300))
        let hasStoppedEarly = flag.isSet.load(ordering: .relaxed)
        #expect(!hasStoppedEarly)
        patience.continuation.yield()
      }
      await group.waitForAll()
    }
    let hasStoppedAtLast = flag.isSet.load(ordering: .relaxed)
    #expect(hasStoppedAtLast)
  }

  /// All of it was written before the server was told to end, and most of it not yet sent.
  @Test func anAnswerIsSentToItsEndWhileTheServerEnds() async throws {
    let bytes = 64 << 20
    let (side, client) = try await serveOne(bytes)
    defer { close(client) }
    async let stopped: Void = side.stop { try await Task.sleep(for: .seconds(3_600)) }
    // Until the server has had the time to close what it should not.
    try await Task.sleep(for: .milliseconds(100))
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    var count = 1
    while true {
      let got = recv(client, &buffer, buffer.count, 0)
      guard got > 0 else { break }
      count += got
    }
    #expect(count > bytes, "of the head and \(bytes) bytes")
    await stopped
  }

  private func freePort() throws -> Int {
    let probe = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(probe) }
    var address = loopback(0)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let code = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(probe, $0, length) == 0 ? getsockname(probe, $0, &length) : -1
      }
    }
    try #require(code == 0)
    return Int(in_port_t(bigEndian: address.sin_port))
  }

  private func connected(_ port: Int) throws -> Int32 {
    let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = loopback(port)
    let code = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(client, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    try #require(code == 0)
    return client
  }

  private func loopback(_ port: Int) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    return address
  }
}
