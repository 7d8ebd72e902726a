import NIOCore
import Testing

@testable import RPC

/// The rules of gRPC over HTTP/2 that a server has to keep, one by one.
struct ServerRulesTests {
  let methods = TestMethods()
  let server: TestServer
  let one = TestServer.frame([1, 2, 3])

  init() throws { server = try TestServer(methods.table) }

  @Test func anAnswerHasHeadMessageAndTrailers() {
    let reply = server.call("/t.T/Echo", body: one)
    #expect(reply.head == [":status": "200", "content-type": "application/grpc"])
    #expect(reply.body == one)
    #expect(reply.trailers == ["grpc-status": "0"])
    #expect(reply.closed == .noError)
    #expect(server.connection.openCalls == 0 && server.connection.bufferedRequests == 0)
  }

  @Test(arguments: [
    ("GET", "application/grpc", "405"), ("PUT", "application/grpc", "405"), ("POST", "application/json", "415"),
    ("POST", "", "415"),
    ("POST", "application/grpcx", "415"), ("POST", "application/grpc-web", "415"),
  ])
  func whatIsNoGRPCGetsAPlainAnswer(method: String, type: String, status: String) {
    let reply = server.call("/t.T/Echo", [(":method", method), ("content-type", type)], body: one)
    #expect(reply.head[":status"] == status)
    #expect(reply.body.count >= 5)
    #expect(reply.status == nil)
  }

  @Test(arguments: [false, true])
  func whoAsksForTheHeadIsSentNoBody(endsAtOnce: Bool) {
    let slot = server.open("/", [(":method", "HEAD")], endStream: endsAtOnce)
    server.run()
    if !endsAtOnce { server.now = server.deadline ?? server.now }
    _ = server.connection.expireCalls(now: server.now)
    server.run()
    #expect(server.replies[slot]?.head[":status"] == "405")
    // The head ends the answer.
    #expect(server.replies[slot]?.isTrailersOnly == true && server.replies[slot]?.body.isEmpty == true)
  }

  @Test func aForeignRequestThatNeverEndsIsAnsweredAfterAWhile() {
    let slot = server.open("/t.T/Echo", [("content-type", "text/html")])
    server.run()
    #expect(server.replies[slot]?.head[":status"] == nil)
    server.now = server.deadline ?? server.now
    _ = server.connection.expireCalls(now: server.now)
    server.run()
    #expect(server.replies[slot]?.head[":status"] == "415")
  }

  @Test(arguments: ["application/grpc+proto", "application/grpc; charset=utf-8", "application/grpc"])
  func contentTypesOfGRPCAreTaken(type: String) {
    #expect(server.call("/t.T/Echo", [("content-type", type)], body: one).status == 0)
  }

  @Test(arguments: ["/t.T/None", "/t.t/Echo", "/t.T/echo", "/", "/t.T/Echo/"])
  func unknownMethodsAreUnimplemented(path: String) {
    let reply = server.call(path, body: one)
    #expect(reply.status == 12)
    #expect(reply.isTrailersOnly && reply.head[":status"] == "200" && reply.head["content-type"] == "application/grpc")
  }

  @Test(arguments: ["123456789S", "5", "S", "1s", "-1S", "1.5S"])
  func malformedTimeoutsAreRefused(timeout: String) {
    #expect(server.call("/t.T/Echo", [("grpc-timeout", timeout)], body: one).status == 13)
  }

  @Test func aDeadlineEndsTheCallAndTellsTheHandler() {
    let slot = server.open("/t.T/Probe", [("grpc-timeout", "1S")])
    server.run()
    #expect(server.deadline == server.now + .seconds(1))
    server.now = server.now + .milliseconds(999)
    #expect(server.connection.expireCalls(now: server.now) == server.now + .milliseconds(1))
    server.now = server.now + .milliseconds(1)
    #expect(server.connection.expireCalls(now: server.now) == nil)
    server.run()
    #expect(server.replies[slot]?.status == 4)
    #expect(methods.probe.end == .deadlineExceeded && methods.probe.ends == 1)
  }

  @Test(arguments: [([UInt8(2), 0, 0, 0, 0], 13), ([0, 0, 0, 0, 5, 1], 13), ([0, 0], 13), ([], 12)])
  func brokenFramingIsAnError(body: [UInt8], status: Int) {
    #expect(server.call("/t.T/Echo", body: body).status == status)
  }

  @Test func aUnaryMethodTakesExactlyOneMessage() {
    #expect(server.call("/t.T/Echo", body: one + one).status == 12)
    #expect(server.call("/t.T/AsyncEcho", body: one + one).status == 12)
    #expect(server.call("/t.T/Echo", body: TestServer.frame([])).status == 0)
  }

  @Test func aHandlerThatAnswersWronglyIsAnInternalError() {
    #expect(server.call("/t.T/Silent", body: one).status == 13)
    #expect(server.call("/t.T/Twice", body: one).status == 13)
  }

  @Test func compressionFollowsTheHeaders() throws {
    var packed = ByteBuffer()
    #expect(Gzip().deflate(ByteBuffer(bytes: [1, 2, 3]), into: &packed))
    let body = TestServer.frame(Array(packed.readableBytesView), flag: 1)
    #expect(server.call("/t.T/Echo", [("grpc-encoding", "gzip")], body: body).body == one)
    #expect(server.call("/t.T/Echo", [("grpc-encoding", "gzip")], body: one).status == 0)
    #expect(server.call("/t.T/Echo", body: body).status == 13)
    #expect(server.call("/t.T/Echo", [("grpc-encoding", "identity")], body: body).status == 13)
    #expect(
      server.call("/t.T/Echo", [("grpc-encoding", "gzip")], body: TestServer.frame([1, 2], flag: 1)).status == 13)
    let unknown = server.call("/t.T/Echo", [("grpc-encoding", "br")], body: one)
    #expect(unknown.status == 12 && unknown.head["grpc-accept-encoding"] == "identity,gzip")
  }

  @Test func answersAreCompressedOnlyForThoseWhoTakeThat() throws {
    let plain = server.call("/t.T/Zip", body: one)
    #expect(plain.body == one && plain.head["grpc-encoding"] == nil)
    let zipped = server.call("/t.T/Zip", [("grpc-accept-encoding", "identity, deflate ,gzip")], body: one)
    #expect(zipped.head["grpc-encoding"] == "gzip" && zipped.body.first == 1)
    #expect(
      try Gzip().inflate(ByteBuffer(bytes: zipped.body.dropFirst(5)), limit: 100) == ByteBuffer(bytes: [1, 2, 3]))
    let other = server.call("/t.T/Zip", [("grpc-accept-encoding", "gzipx,deflate")], body: one)
    #expect(other.body == one)
  }

  @Test func aBombIsRefused() {
    var packed = ByteBuffer()
    #expect(Gzip().deflate(ByteBuffer(repeating: 0, count: 20_000_000), into: &packed))
    let body = TestServer.frame(Array(packed.readableBytesView), flag: 1)
    #expect(server.call("/t.T/Echo", [("grpc-encoding", "gzip")], body: body).status == 8)
  }

  @Test func aLongMessageIsRefusedFromItsPrefix() {
    let slot = server.open("/t.T/Echo")
    server.write(slot, [0, 0, 0x40, 0, 1])
    server.run()
    #expect(server.replies[slot]?.status == 8)
    #expect(server.replies[slot]?.closed == .noError)
    #expect(server.connection.bufferedRequests == 0)
  }

  @Test func metadataGoesBothWays() {
    let reply = server.call(
      "/t.T/Metadata",
      [
        ("a-bin", "AQI="), ("b-bin", "AQI,Aw"), ("c", "x"), ("c", "y"), ("d-bin", "!"), ("grpc-foo", "no"),
        ("u", "caf\u{e9}"),
      ], body: one)
    #expect(reply.status == 0)
    #expect(reply.head["i-c"] == "x,y")
    #expect(reply.head["i-grpc-foo"] == nil)
    #expect(reply.trailers["t-a-bin"] == "AQI")
    #expect(reply.trailers["t-b-bin"] == "AQI,Aw")
    #expect(reply.trailers["t-d-bin"] == nil)
  }

  @Test func aStatusCarriesEverything() {
    let reply = server.call("/t.T/Fail", body: one)
    #expect(reply.isTrailersOnly)
    #expect(reply.status == 5 && reply.message == "no %C3%A4 100%25")
    #expect(reply.head["grpc-status-details-bin"] == "AQI" && reply.head["grpc-retry-pushback-ms"] == "50")
    #expect(reply.head["x-t"] == "v")
  }

  @Test func headersOverTheLimitAreRefused() {
    let big = (0..<20).map { ("x-\($0)", String(repeating: "v", count: 1000)) }
    #expect(server.call("/t.T/Echo", big, body: one).status == 8)
    #expect(server.call("/t.T/Echo", big + [("content-type", "text/html")], body: one).head[":status"] == "431")
    #expect(server.call("/t.T/Echo", body: one).status == 0)
  }
}
