import HTTPTypes
import NIOCore
import NIOEmbedded
import NIOHTTPTypes
import Testing

@testable import Gateway
@testable import RPC

/// Calls that are answered where their bytes come in, beside requests that somebody behind answers; on one connection of HTTP/1.1, whose answers go
/// out in the order of the requests.
@Suite struct UnaryCallsTests {
  private static let path = "/gkick.v1.AdminService/PauseQueue"

  /// Answers when the test says so.
  private final class Waiting: CallHandler {
    let server: Server
    init(_ server: Server) { self.server = server }
    func message(_ message: ByteBuffer, call: ServerCall) { server.got.append(String(buffer: message)) }
    func ended(_ reason: CallEnd, call: ServerCall) { server.ends += 1 }
  }

  private final class Server {
    var calls: [ServerCall] = []
    var got: [String] = []
    var ends = 0
  }

  /// Whoever is behind: what he is handed.
  private final class Behind: ChannelInboundHandler {
    typealias InboundIn = HTTPRequestPart
    var parts: [HTTPRequestPart] = []
    var events: [String] = []
    func channelRead(context: ChannelHandlerContext, data: NIOAny) { parts.append(unwrapInboundIn(data)) }
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) { events.append("\(type(of: event))") }
  }

  private let loop = EmbeddedEventLoop()
  private let channel: EmbeddedChannel
  private let server = Server()
  private let behind = Behind()

  init() throws {
    let bound = NIOLoopBound(server, eventLoop: loop)
    var methods = MethodTable()
    methods.stream(Self.path, .unary) { call in
      bound.value.calls.append(call)
      return Waiting(bound.value)
    }
    let transport = InProcessTransport(methods: methods, eventLoop: loop)
    let calls = ConnectCalls(deck: TransportDeck([transport]), maxBody: 100, origins: ["https://a.example"])
    channel = EmbeddedChannel(handlers: [UnaryCalls(calls, address: "c"), behind], loop: loop)
    try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
  }

  private func receive(_ parts: HTTPRequestPart...) throws {
    for part in parts { try channel.writeInbound(part) }
    loop.run()
  }

  private func head(_ path: String = path, _ fields: [(HTTPField.Name, String)] = []) -> HTTPRequestPart {
    var head = HTTPRequest(method: .post, scheme: "http", authority: "a", path: path)
    head.headerFields[.contentType] = "application/proto"
    for (name, value) in fields { head.headerFields[name] = value }
    return .head(head)
  }

  private func body(_ text: String) -> HTTPRequestPart { .body(ByteBuffer(string: text)) }

  private func answer(_ index: Int, _ text: String) {
    server.calls[index].send(ByteBuffer(string: text))
    server.calls[index].finish(.ok)
    loop.run()
  }

  /// The answers that went out: "200 text".
  private func sent() throws -> [String] {
    var found: [String] = []
    var text = ""
    while let part = try channel.readOutbound(as: HTTPResponsePart.self) {
      switch part {
      case .head(let head): text = "\(head.status.code) "
      case .body(let bytes): text += String(buffer: bytes)
      case .end: found.append(text)
      }
    }
    return found
  }

  @Test func aBodyInPiecesIsOneMessage() throws {
    try receive(head(), body("ab"), body("cd"), .end(nil))
    #expect(server.got == ["abcd"])
    #expect(try sent().isEmpty)
    answer(0, "yes")
    #expect(try sent() == ["200 yes"])
    #expect(behind.parts.isEmpty)
  }

  @Test func theNextCallBeginsWhenTheOneBeforeIsAnswered() throws {
    try receive(head(), body("1"), .end(nil), head(), body("2"), .end(nil), head(), body("3"), .end(nil))
    #expect(server.got == ["1"])
    answer(0, "a")
    #expect(server.got == ["1", "2"])
    answer(1, "b")
    answer(2, "c")
    #expect(try sent() == ["200 a", "200 b", "200 c"])
  }

  /// Nobody's answer overtakes another's, whoever gives them.
  @Test func requestsOfOthersKeepTheirPlace() throws {
    try receive(head("/events"), .end(nil), head(), body("1"), .end(nil), head("/metrics"), .end(nil))
    #expect(behind.parts == [head("/events"), .end(nil)])
    #expect(server.got.isEmpty)
    let tail = try channel.pipeline.syncOperations.context(handler: behind)
    func write(_ part: HTTPResponsePart) { tail.writeAndFlush(NIOAny(part), promise: nil) }
    write(.head(HTTPResponse(status: .notFound)))
    loop.run()
    #expect(server.got.isEmpty)
    write(.end(nil))
    loop.run()
    #expect(server.got == ["1"])
    #expect(behind.parts.count == 2)
    answer(0, "a")
    #expect(behind.parts.count == 4)
    #expect(try sent() == ["404 ", "200 a"])
  }

  @Test func whatIsTooLongIsRefusedBeforeItIsThereAndTheNextIsServed() throws {
    try receive(head(), body(String(repeating: "x", count: 101)))
    #expect(try sent().first?.hasPrefix("429 {\"code\":\"resource_exhausted\"") == true)
    try receive(body("more"), .end(nil), head(), body("1"), .end(nil))
    answer(0, "a")
    #expect(try sent() == ["200 a"])
    try receive(head(Self.path, [(.contentLength, "101")]))
    #expect(try sent().first?.hasPrefix("429 ") == true)
    #expect(server.calls.count == 1)
  }

  @Test func aCallerThatIsGoneEndsTheCall() throws {
    try receive(head(), .end(nil))
    #expect(server.ends == 0)
    channel.pipeline.fireChannelInactive()
    loop.run()
    #expect(server.ends == 1)
    #expect(try sent().isEmpty)
  }

  /// The end of the input and of the server are told behind only when the answer is out: either would close the connection.
  @Test func endsWaitForTheAnswer() throws {
    try receive(head(), .end(nil))
    channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
    #expect(behind.events.isEmpty)
    answer(0, "a")
    #expect(try sent() == ["200 a"])
    #expect(behind.events == ["ChannelEvent", "ChannelShouldQuiesceEvent"])
    channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
    #expect(behind.events.count == 3)
  }

  @Test func whoWantsNoMoreIsClosedAfterTheAnswer() throws {
    try receive(head(Self.path, [(.connection, "close")]), .end(nil))
    #expect(channel.isActive)
    // The embedded channel knows no half of a close.
    server.calls[0].finish(Status(.notFound, "no such queue"))
    loop.run()
    #expect(try sent() == ["404 {\"code\":\"not_found\",\"message\":\"no such queue\"}"])
  }

  @Test func onlyOriginsThatAreNamedSeeTheAnswer() throws {
    for (origin, allowed) in [("https://a.example", true), ("https://b.example", false)] {
      try receive(head(Self.path, [(.origin, origin)]), .end(nil))
      answer(server.calls.count - 1, "a")
      guard case .head(let head)? = try channel.readOutbound(as: HTTPResponsePart.self) else {
        Issue.record("no answer")
        continue
      }
      #expect(head.headerFields[.accessControlAllowOrigin] == (allowed ? origin : nil))
      #expect(head.headerFields[.contentLength] == "1" && head.headerFields[.date] != nil)
      _ = try sent()
    }
  }

  @Test(arguments: [
    (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"), (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
    (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT"), (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
    (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"), (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
    (1_798_761_599, "Thu, 31 Dec 2026 23:59:59 GMT"),
  ])
  func datesAreWrittenAsHTTPAsks(_ second: Int, _ text: String) {
    #expect(ResponseDate.text(second) == text)
  }
}
