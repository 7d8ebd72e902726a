import DecodedMessages
import GRPCProtos
import NIOCore
import NIOPosix
import Protobuf
import RPC
import RPCServices
import Testing

@Suite struct HealthServiceTests {
  private let health = HealthStatus()

  private func transport() -> InProcessTransport {
    var methods = MethodTable()
    HealthService(health).register(in: &methods)
    return InProcessTransport(methods: methods, eventLoop: MultiThreadedEventLoopGroup.singleton.next())
  }

  private func request(_ service: String) -> ByteBuffer {
    var writer = WireWriter()
    writer.field(1, service)
    return ByteBuffer(bytes: writer.bytes)
  }

  /// Decoded by protobuf-c: an independent reading of what was written by hand.
  private func status(_ message: ByteBuffer) throws -> UInt32 {
    let response = try DecodedMessage(message.readableBytesUInt8Span, grpc__health__v1__health_check_response__init)
    return response.read { $0.pointee.status.rawValue }
  }

  private func check(_ service: String) async throws -> UInt32 {
    let response = await transport().call("/grpc.health.v1.Health/Check", messages: [request(service)])
    guard response.status.isOK else { throw response.status }
    return try status(try #require(response.messages.first))
  }

  @Test func checkTellsTheServerAndItsServices() async throws {
    health.set(.notServing, for: "a.B")
    #expect(try await check("") == 1)
    #expect(try await check("a.B") == 2)
    health.set(.unknown, for: "a.B")
    #expect(try await check("a.B") == 0)
  }

  @Test func checkOfAnUnknownServiceIsNotFound() async {
    let error = await #expect(throws: Status.self) { try await check("nobody") }
    #expect(error?.code == .notFound)
  }

  @Test func listTellsAllAndAtMostAHundred() async throws {
    for number in 1...99 { health.set(.serving, for: "service\(number)") }
    let response = await transport().call("/grpc.health.v1.Health/List", messages: [ByteBuffer()])
    #expect(response.status.isOK)
    let message = try #require(response.messages.first)
    let list = try DecodedMessage(message.readableBytesUInt8Span, grpc__health__v1__health_list_response__init)
    let names = list.read { list in
      (0..<list.pointee.n_statuses).compactMap { list.pointee.statuses[$0].map { String(cString: $0.pointee.key) } }
    }
    #expect(Set(names) == Set(health.all.keys))

    health.set(.serving, for: "one too many")
    let refused = await transport().call("/grpc.health.v1.Health/List", messages: [ByteBuffer()])
    #expect(refused.status.code == .resourceExhausted)
  }

  @Test func watchOfAnUnknownServiceStaysOpen() async throws {
    let response = await transport().call(
      "/grpc.health.v1.Health/Watch", messages: [request("nobody")], timeout: .milliseconds(100))
    #expect(response.status.code == .deadlineExceeded)
    #expect(try response.messages.map(status) == [3])
  }

  @Test func refusesMalformedRequests() async {
    for bytes: [UInt8] in [[0x0A, 5], [0x0A, 1, 0xFF], [0x08, 1]] {
      let response = await transport().call("/grpc.health.v1.Health/Check", messages: [ByteBuffer(bytes: bytes)])
      #expect(response.status.code == .internal)
    }
    let long = request(String(repeating: "x", count: 5000))
    let response = await transport().call("/grpc.health.v1.Health/Check", messages: [long])
    #expect(response.status.code == .resourceExhausted)
  }
}
