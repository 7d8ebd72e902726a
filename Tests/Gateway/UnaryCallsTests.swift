import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import Gateway
@testable import RPC

/// Calls that are answered where their bytes come in, beside requests that somebody behind answers; on one connection of HTTP/1.1, whose answers go
/// out in the order of the requests.
@Suite struct UnaryCallsTests {
  private static let path = HeldServer.path

  /// Whoever is behind: what he is handed.
  private final class Behind: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    var parts: [HTTPServerRequestPart] = []
    var events: [String] = []
    func channelRead(context: ChannelHandlerContext, data: NIOAny) { parts.append(unwrapInboundIn(data)) }
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) { events.append("\(type(of: event))") }
  }

  private let loop = EmbeddedEventLoop()
  private let channel: EmbeddedChannel
  private let server = HeldServer()
  private let behind = Behind()

  init() throws {
    let calls = server.connectCalls(on: loop, origins: ["https://a.example"])
    channel = EmbeddedChannel(handlers: [UnaryCalls(calls, address: "c"), behind], loop: loop)
    try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
  }

  private func receive(_ parts: HTTPServerRequestPart...) throws {
    for part in parts { try channel.writeInbound(part) }
    loop.run()
  }

  private func head(
    _ path: String = path, _ fields: [(String, String)] = [], version: HTTPVersion = .http1_1
  ) -> HTTPServerRequestPart {
    let fields = [("Host", "a"), ("Content-Type", "application/proto")] + fields
    return .head(HTTPRequestHead(version: version, method: .POST, uri: path, headers: HTTPHeaders(fields)))
  }

  private func body(_ text: String) -> HTTPServerRequestPart { .body(ByteBuffer(string: text)) }

  private func answer(_ index: Int, _ text: String) {
    server.answer(index, text)
    loop.run()
  }

  /// The answers that went out: "200 text".
  private func sent() throws -> [String] {
    var found: [String] = []
    var text = ""
    while let part = try channel.readOutbound(as: WebPart.self) {
      switch part {
      case .whole(let bytes):
        let (head, body) = Self.split(bytes)
        found.append("\(head[0].dropFirst("HTTP/1.1 ".count).prefix(3)) \(body)")
      case .part(.head(let head)):
        text = "\(head.status.code) "
        if head.status == .continue { found.append("100") }
      case .part(.body(.byteBuffer(let bytes))): text += String(buffer: bytes)
      case .part(.body): break
      case .part(.end): found.append(text)
      }
    }
    return found
  }

  private static func split(_ answer: ByteBuffer) -> (head: [String], body: String) {
    let text = String(buffer: answer)
    guard let end = text.firstRange(of: "\r\n\r\n") else { return ([text], "") }
    return (
      text[..<end.lowerBound].split(separator: "\r\n").map(String.init), String(text[end.upperBound...])
    )
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
    func write(_ part: HTTPServerResponsePart) { tail.writeAndFlush(NIOAny(part), promise: nil) }
    write(.head(HTTPResponseHead(version: .http1_1, status: .notFound)))
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
    try receive(head(Self.path, [("Content-Length", "101")]))
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
    try receive(head(Self.path, [("Connection", "close")]), .end(nil))
    #expect(channel.isActive)
    // The embedded channel knows no half of a close.
    server.calls[0].finish(Status(.notFound, "no such queue"))
    loop.run()
    guard case .whole(let bytes)? = try channel.readOutbound(as: WebPart.self) else {
      Issue.record("no answer")
      return
    }
    let answer = Self.split(bytes)
    #expect(answer.head.first == "HTTP/1.1 404 Not Found" && answer.head.contains("connection: close"))
    #expect(answer.body == "{\"code\":\"not_found\",\"message\":\"no such queue\"}")
  }

  @Test func onlyOriginsThatAreNamedSeeTheAnswer() throws {
    for (origin, allowed) in [("https://a.example", true), ("https://b.example", false)] {
      try receive(head(Self.path, [("Origin", origin)]), .end(nil))
      answer(server.calls.count - 1, "a")
      guard case .whole(let bytes)? = try channel.readOutbound(as: WebPart.self) else {
        Issue.record("no answer")
        continue
      }
      let head = Self.split(bytes).head
      #expect(head.contains("access-control-allow-origin: \(origin)") == allowed)
      #expect(head.contains("content-length: 1") && head.contains { $0.hasPrefix("date: ") })
      #expect(!head.contains { $0.hasPrefix("connection: ") })
    }
  }

  /// RFC 9110, section 10.1.1: a caller that waits is told to go on, or is answered at once.
  @Test func whoWaitsToSendABodyIsToldToGoOn() throws {
    let expect = ("Expect", "100-Continue")
    try receive(head(Self.path, [expect]))
    #expect(try sent() == ["100"])
    try receive(body("1"), .end(nil))
    answer(0, "a")
    #expect(try sent() == ["200 a"])
    // A body that would be refused is not asked for.
    try receive(head(Self.path, [expect, ("Content-Length", "101")]))
    #expect(try sent().first?.hasPrefix("429 ") == true)
    try receive(.end(nil))
    // Whoever is behind gets it the same way.
    try receive(head("/session", [expect]))
    #expect(try sent() == ["100"])
    #expect(behind.parts.count == 1)
  }

  /// Nobody is told to go on before those who asked earlier have their answers, nor who knows nothing of it.
  @Test func toGoOnIsSaidInItsTurn() throws {
    try receive(head(), body("1"), .end(nil), head(Self.path, [("Expect", "100-continue")]))
    #expect(try sent().isEmpty)
    answer(0, "a")
    #expect(try sent() == ["200 a", "100"])
    try receive(body("2"), .end(nil))
    answer(1, "b")
    try receive(head(Self.path, [("Expect", "100-continue")], version: .http1_0), body("3"), .end(nil))
    #expect(server.got == ["1", "2", "3"])
    answer(2, "c")
    #expect(try sent() == ["200 b", "200 c"])
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
