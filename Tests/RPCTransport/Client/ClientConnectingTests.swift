import Glibc
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import RPC
import Testing

@testable import RPCTransport

@Suite(.timeLimit(.minutes(1))) struct ClientConnectingTests {
  @Test func saysWhyItCannotConnect() async throws {
    let port = try freePort()
    let channel = try ClientChannel.local(port)
    let response = await channel.unaryResponse(EchoServer.unary, text(""))
    #expect(response.status.code == .unavailable)
    #expect(response.status.message.contains("cannot connect to 127.0.0.1:\(port)"))
    #expect(response.status.message.contains("refused"))
    await channel.close()
  }

  @Test func waitsForAServerIfAsked() async throws {
    let port = try freePort()
    let channel = try ClientChannel.local(port)
    let waiting = Task {
      await channel.unaryResponse(EchoServer.unary, text("late"), options: CallOptions(waitForReady: true))
    }
    // It has failed at least once.
    _ = await channel.unaryResponse(EchoServer.unary, text(""))
    let server = try EchoServer()
    _ = try await server.listen(port: port)
    #expect(await waiting.value.status == .ok)
    await channel.close()
    await server.stop()
  }

  @Test func aDeadlineAlsoEndsTheWait() async throws {
    let channel = try ClientChannel.local(try freePort())
    // It has failed at least once.
    _ = await channel.unaryResponse(EchoServer.unary, text(""))
    let response = await channel.unaryResponse(
      EchoServer.unary, text(""), options: CallOptions(timeout: .milliseconds(500), waitForReady: true))
    #expect(response.status.code == .deadlineExceeded)
    #expect(response.status.message.contains("refused"))
    await channel.close()
  }

  @Test func comesBackAfterTheServerWent() async throws {
    let first = try EchoServer()
    let port = try await first.listen()
    let channel = try ClientChannel.local(port)
    _ = try await channel.unary(EchoServer.unary, text(""))
    await first.stop()
    let second = try EchoServer()
    _ = try await second.listen(port: port)
    let response = await channel.unaryResponse(
      EchoServer.unary, text("again"), options: CallOptions(waitForReady: true))
    #expect(response.status == .ok)
    #expect(second.calls.withLock { $0[EchoServer.unary] } == 1)
    await channel.close()
    await second.stop()
  }

  @Test func aServerThatDrainsIsLeftInPeace() async throws {
    let first = try EchoServer()
    let second = try EchoServer()
    let ports = (try await first.listen(), try await second.listen())
    let channel = try ClientChannel.local(ports.0, ports.1)
    _ = try await channel.unary(EchoServer.unary, text(""))
    let stream = channel.stream(EchoServer.stream)
    try await stream.send(text("one"))
    #expect(try await stream.nextBatch().count == 1)
    async let stopped: Void = first.stop(within: .seconds(10))
    // New calls go to the other one, without a single failure, while the open one goes on.
    while second.calls.withLock({ $0.isEmpty }) {
      let response = await channel.unaryResponse(EchoServer.unary, text(""), options: CallOptions(waitForReady: true))
      try #require(response.status == .ok)
    }
    try await stream.send(text("two"))
    #expect(try await stream.nextBatch().map { String(buffer: $0) } == ["two"])
    stream.finish()
    #expect(try await stream.nextBatch().isEmpty)
    await stopped
    await channel.close()
    await second.stop()
  }

  @Test func picksTheFirstThatWorks() async throws {
    let server = try EchoServer()
    let channel = try ClientChannel.local(try freePort(), try await server.listen())
    #expect(String(buffer: try await channel.unary(EchoServer.unary, text("x"))) == "x")
    await channel.close()
    await server.stop()
  }

  @Test func roundRobinSharesOut() async throws {
    let servers = [try EchoServer(), try EchoServer()]
    let ports = [try await servers[0].listen(), try await servers[1].listen()]
    // The third address is dead and does not matter.
    let channel = try ClientChannel.local(ports[0], ports[1], try freePort()) { $0.loadBalancing = .roundRobin }
    func counts() -> [Int] { servers.map { $0.calls.withLock { $0[EchoServer.unary] ?? 0 } } }
    // Both are there.
    while counts().contains(0) { _ = try await channel.unary(EchoServer.unary, text("")) }
    let before = counts()
    for _ in 0..<100 { _ = try await channel.unary(EchoServer.unary, text("")) }
    #expect(zip(counts(), before).allSatisfy { $0 - $1 >= 45 })
    // One goes: the other takes all.
    await servers[0].stop()
    for _ in 0..<20 {
      let response = await channel.unaryResponse(EchoServer.unary, text(""), options: CallOptions(waitForReady: true))
      try #require(response.status == .ok)
    }
    await channel.close()
    await servers[1].stop()
  }

  @Test func roundRobinComesBackToAServerThatWentWhileNothingWasAsked() async throws {
    let first = try EchoServer()
    let second = try EchoServer()
    let ports = (try await first.listen(), try await second.listen())
    let channel = try ClientChannel.local(ports.0, ports.1) { $0.loadBalancing = .roundRobin }
    while second.calls.withLock({ $0.isEmpty }) { _ = try await channel.unary(EchoServer.unary, text("")) }
    await second.stop()
    let third = try EchoServer()
    _ = try await third.listen(port: ports.1)
    // The first is always there, so that no call ever waits. One may still be sent on the connection that goes.
    while third.calls.withLock({ $0.isEmpty }) { _ = await channel.unaryResponse(EchoServer.unary, text("")) }
    await channel.close()
    await first.stop()
    await third.stop()
  }

  @Test func asksTheResolverAgain() async throws {
    let first = try EchoServer()
    let second = try EchoServer()
    let resolver = ScriptedResolver()
    resolver.answer = [try SocketAddress(ipAddress: "127.0.0.1", port: try await first.listen())]
    var configuration = ClientConfiguration()
    configuration.backoff.initial = .milliseconds(20)
    let channel = try ClientChannel(
      target: .hostPort("moving.example", 1), configuration: configuration, resolver: resolver,
      eventLoop: MultiThreadedEventLoopGroup.singleton.next(), logger: nil)
    _ = try await channel.unary(EchoServer.unary, text(""))
    resolver.answer = [try SocketAddress(ipAddress: "127.0.0.1", port: try await second.listen())]
    await first.stop()
    let response = await channel.unaryResponse(EchoServer.unary, text(""), options: CallOptions(waitForReady: true))
    #expect(response.status == .ok)
    #expect(second.calls.withLock { $0[EchoServer.unary] } == 1)
    #expect(resolver.asked >= 2)
    // A name that leads nowhere is said to.
    resolver.answer = []
    await second.stop()
    let lost = await channel.unaryResponse(EchoServer.unary, text(""))
    #expect(lost.status.code == .unavailable)
    await channel.close()
  }

  @Test func speaksOverUnixSockets() async throws {
    let folder = try TestFolder()
    let path = folder.file("s")
    let server = try EchoServer()
    _ = try await server.server.bind(.unix(path))
    let channel = try ClientChannel.make(.unix(path))
    #expect(String(buffer: try await channel.unary(EchoServer.unary, text("u"))) == "u")
    await channel.close()
    await server.stop()
    withExtendedLifetime(folder) {}
  }

  @Test func closesWhenIdleAndConnectsAgain() async throws {
    let server = try EchoServer()
    let channel = try ClientChannel.local(try await server.listen()) { $0.idleTimeout = .milliseconds(30) }
    _ = try await channel.unary(EchoServer.unary, text(""))
    try await eventually { server.server.statistics.openConnections == 0 }
    #expect(await channel.unaryResponse(EchoServer.unary, text("")).status == .ok)
    #expect(server.server.statistics.acceptedConnections == 2)
    await channel.close()
    await server.stop()
  }

  @Test func noticesASilentServer() async throws {
    // It accepts, says SETTINGS once, and then nothing, whatever it is asked.
    let silent = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        channel.writeAndFlush(ByteBuffer(bytes: [0, 0, 0, 4, 0, 0, 0, 0, 0]), promise: nil)
        return channel.eventLoop.makeSucceededVoidFuture()
      }
      .bind(host: "127.0.0.1", port: 0).get()
    let channel = try ClientChannel.local(silent.localAddress?.port ?? 0) {
      $0.keepalive = ClientKeepalive(time: .milliseconds(40), timeout: .milliseconds(40))
    }
    let response = await channel.unaryResponse(EchoServer.unary, text(""))
    #expect(response.status.code == .unavailable)
    // On a busy machine the connection is given up before the call is on it: then the channel says so.
    #expect(response.status.message.hasSuffix("the server did not answer a PING in time"))
    await channel.close()
    try await silent.close()
  }

  @Test func pingsDoNotHurtAQuietCall() async throws {
    var configuration = ServerConfiguration()
    configuration.minPingInterval = .milliseconds(1)
    let server = try EchoServer(configuration)
    let channel = try ClientChannel.local(try await server.listen()) {
      $0.keepalive = ClientKeepalive(time: .milliseconds(20), timeout: .seconds(20))
    }
    // It is connected before the time begins.
    _ = try await channel.unary(EchoServer.unary, text(""))
    let response = await channel.unaryResponse(
      EchoServer.hang, text(""), options: CallOptions(timeout: .milliseconds(200)))
    #expect(response.status.code == .deadlineExceeded)
    #expect(server.server.statistics.acceptedConnections == 1)
    await channel.close()
    await server.stop()
  }

  @Test func boundsTheCallsThatWait() async throws {
    let channel = try ClientChannel.local(try freePort()) { $0.maxWaitingCalls = 3 }
    let options = CallOptions(timeout: .seconds(2), waitForReady: true)
    let codes = await withTaskGroup(of: StatusCode.self) { group in
      for _ in 0..<5 {
        group.addTask { await channel.unaryResponse(EchoServer.unary, text(""), options: options).status.code }
      }
      return await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
    }
    #expect(codes == [.deadlineExceeded: 3, .resourceExhausted: 2])
    await channel.close()
  }
}

/// Answers as a test tells it to.
private final class ScriptedResolver: AddressResolver {
  private let state = NIOLockedValueBox<(answer: [SocketAddress], asked: Int)>(([], 0))
  struct Nowhere: Error {}

  var answer: [SocketAddress] {
    get { state.withLockedValue { $0.answer } }
    set { state.withLockedValue { $0.answer = newValue } }
  }
  var asked: Int { state.withLockedValue { $0.asked } }

  func resolve(on loop: any EventLoop) -> EventLoopFuture<[SocketAddress]> {
    let answer = state.withLockedValue {
      $0.asked += 1
      return $0.answer
    }
    return answer.isEmpty ? loop.makeFailedFuture(Nowhere()) : loop.makeSucceededFuture(answer)
  }
}

/// A port that nobody listens on, and that no other test is given: a socket stays bound to it while the process lives. A server that
/// reuses addresses may listen there.
func freePort() throws -> Int {
  let holder = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
  var yes: Int32 = 1
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
  var size = socklen_t(MemoryLayout<sockaddr_in>.size)
  let isBound = unsafe withUnsafeMutablePointer(to: &address) { address in
    unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
      unsafe setsockopt(holder, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size)) == 0
        && bind(holder, address, size) == 0 && getsockname(holder, address, &size) == 0
    }
  }
  try #require(isBound)
  return Int(UInt16(bigEndian: address.sin_port))
}
