import NIOCore
import NIOEmbedded
import NIOHPACK
import NIOHTTP2
import Testing

@testable import Gateway
@testable import RPC

/// Calls that are answered on a connection of HTTP/2 without a channel for their stream, beside streams of others.
@Suite struct UnaryStreamsTests {
  private static let path = HeldServer.path

  /// Whoever makes channels of streams.
  private final class Behind: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame
    var streams: [HTTP2StreamID] = []
    var events: [String] = []
    func channelRead(context: ChannelHandlerContext, data: NIOAny) { streams.append(unwrapInboundIn(data).streamID) }
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) { events.append("\(type(of: event))") }
  }

  /// How often what was written was sent off.
  private final class Flushes: ChannelOutboundHandler {
    typealias OutboundIn = HTTP2Frame
    var count = 0
    func flush(context: ChannelHandlerContext) {
      count += 1
      context.flush()
    }
  }

  private let loop = EmbeddedEventLoop()
  private let channel: EmbeddedChannel
  private let server = HeldServer()
  private let behind = Behind()
  private let flushes = Flushes()

  init() throws {
    let calls = server.connectCalls(on: loop)
    let streams = UnaryStreams(calls, address: "c", bodyTimeout: .seconds(30))
    channel = EmbeddedChannel(handlers: [flushes, streams, behind], loop: loop)
    try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
  }

  private func receive(_ id: Int32, _ payloads: HTTP2Frame.FramePayload...) throws {
    for payload in payloads {
      try channel.writeInbound(HTTP2Frame(streamID: HTTP2StreamID(id), payload: payload))
    }
    loop.run()
  }

  private func tell(_ event: any Sendable) {
    channel.pipeline.fireUserInboundEventTriggered(event)
    loop.run()
  }

  private func head(
    _ path: String = path, _ fields: [(String, String)] = [], isAll: Bool = false
  ) -> HTTP2Frame.FramePayload {
    let all =
      [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "a")]
      + [("content-type", "application/proto")] + fields
    return .headers(.init(headers: HPACKHeaders(all), endStream: isAll))
  }

  private func body(_ text: String, isLast: Bool = true) -> HTTP2Frame.FramePayload {
    .data(.init(data: .byteBuffer(ByteBuffer(string: text)), endStream: isLast))
  }

  private func answer(_ index: Int, _ text: String) {
    server.answer(index, text)
  }

  /// What went out: "1: 200", "1: text.", with a dot at a stream's end.
  private func sent() throws -> [String] {
    var found: [String] = []
    while let frame = try channel.readOutbound(as: HTTP2Frame.self) {
      let id = Int(frame.streamID)
      switch frame.payload {
      case .headers(let headers):
        found.append("\(id): \(headers.headers.first(name: ":status") ?? "")\(headers.endStream ? "." : "")")
      case .data(let data):
        guard case .byteBuffer(let bytes) = data.data else { continue }
        found.append("\(id): \(String(buffer: bytes))\(data.endStream ? "." : "")")
      case .rstStream(let code): found.append("\(id): reset \(code.networkCode)")
      case .windowUpdate(let size): found.append("\(id): +\(size)")
      default: found.append("\(id): ?")
      }
    }
    return found
  }

  @Test func aBodyInPiecesIsOneMessage() throws {
    try receive(1, head(), body("ab", isLast: false), body("cd", isLast: false), body(""))
    #expect(server.got == ["abcd"])
    answer(0, "yes")
    loop.run()
    #expect(try sent() == ["1: 200", "1: yes."])
    #expect(behind.streams.isEmpty)
  }

  @Test func trailersEndABodyToo() throws {
    try receive(1, head(), body("ab", isLast: false), .headers(.init(headers: [:], endStream: true)))
    #expect(server.got == ["ab"])
  }

  /// Calls are answered as they end, and what ends in one turn of the loop leaves in one write.
  @Test func answersOvertakeAndLeaveTogether() throws {
    for id: Int32 in [1, 3, 5] { try receive(id, head(), body("\(id)")) }
    answer(2, "c")
    loop.run()
    #expect(try sent() == ["5: 200", "5: c."])
    let before = flushes.count
    answer(0, "a")
    answer(1, "b")
    loop.run()
    #expect(try sent() == ["1: 200", "1: a.", "3: 200", "3: b."])
    #expect(flushes.count == before + 1)
  }

  @Test func streamsOfOthersGoOn() throws {
    try receive(1, head("/events", isAll: true))
    try receive(3, head(), body("1"))
    try receive(5, head("/metrics", isAll: true))
    try receive(0, .settings(.ack))
    #expect(behind.streams == [1, 5, 0])
    // Nothing about a stream that is answered here reaches whoever knows nothing of it, also after the answer.
    answer(0, "a")
    loop.run()
    try receive(3, .windowUpdate(windowSizeIncrement: 9), .rstStream(.cancel))
    #expect(behind.streams == [1, 5, 0])
    // All of this is told: the connection's life is counted by its streams.
    tell(NIOHTTP2StreamCreatedEvent(streamID: 3, localInitialWindowSize: 9, remoteInitialWindowSize: 9))
    tell(StreamClosedEvent(streamID: 3, reason: nil))
    #expect(behind.events == ["NIOHTTP2StreamCreatedEvent", "StreamClosedEvent"])
  }

  @Test func whatIsTooLongIsRefusedOnce() throws {
    try receive(1, head(), body(String(repeating: "x", count: 101), isLast: false))
    let refusal = try sent()
    #expect(refusal.count == 2 && refusal[0] == "1: 429" && refusal[1].contains("resource_exhausted"))
    try receive(1, body("more", isLast: false), body("x"))
    try receive(3, head(Self.path, [("content-length", "101")]))
    #expect(try sent().first == "3: 429")
    #expect(server.calls.isEmpty)
  }

  @Test func aCallWithoutABodyIsOne() throws {
    try receive(1, head(isAll: true))
    #expect(server.got == [""])
    server.calls[0].finish(Status(.notFound, "no such queue"))
    loop.run()
    #expect(try sent() == ["1: 404", "1: {\"code\":\"not_found\",\"message\":\"no such queue\"}."])
  }

  @Test func aStreamThatIsResetEndsItsCall() throws {
    try receive(1, head(), body("1"))
    try receive(3, head(), body("2", isLast: false))
    tell(StreamClosedEvent(streamID: 1, reason: .cancel))
    tell(StreamClosedEvent(streamID: 3, reason: .cancel))
    #expect(server.ends == 1)
    #expect(try sent().isEmpty)
    try receive(5, head(), body("3"))
    channel.pipeline.fireChannelInactive()
    loop.run()
    #expect(server.ends == 2)
  }

  @Test func aBodyHasHalfAMinuteHoweverOftenAByteComes() throws {
    try receive(1, head())
    for _ in 0..<29 {
      loop.advanceTime(by: .seconds(1))
      try receive(1, body("x", isLast: false))
    }
    try receive(3, head())
    #expect(try sent().isEmpty)
    loop.advanceTime(by: .seconds(1))
    #expect(try sent() == ["1: reset 8"])
    tell(StreamClosedEvent(streamID: 1, reason: .cancel))
    loop.advanceTime(by: .seconds(28))
    #expect(try sent().isEmpty)
    loop.advanceTime(by: .seconds(2))
    #expect(try sent() == ["3: reset 8"])
    // An answer may take its time.
    tell(StreamClosedEvent(streamID: 3, reason: .cancel))
    try receive(5, head(), body("1"))
    loop.advanceTime(by: .hours(1))
    #expect(try sent().isEmpty)
  }

  @Test func aLongBodyIsLetIn() throws {
    try receive(1, head(), body("x", isLast: false))
    tell(NIOHTTP2WindowUpdatedEvent(streamID: 1, inboundWindowSize: 40_000, outboundWindowSize: 65_535))
    #expect(try sent().isEmpty)
    tell(NIOHTTP2WindowUpdatedEvent(streamID: 1, inboundWindowSize: 30_000, outboundWindowSize: 65_535))
    #expect(try sent() == ["1: +35535"])
    #expect(behind.events.isEmpty)
    tell(NIOHTTP2WindowUpdatedEvent(streamID: 0, inboundWindowSize: 30_000, outboundWindowSize: 65_535))
    #expect(behind.events.count == 1)
  }

  @Test func whoWaitsToSendABodyIsToldToGoOn() throws {
    try receive(1, head(Self.path, [("expect", "100-continue")]))
    #expect(try sent() == ["1: 100"])
    try receive(1, body("1"))
    answer(0, "a")
    loop.run()
    #expect(try sent() == ["1: 200", "1: a."])
    try receive(3, head(Self.path, [("expect", "100-continue"), ("content-length", "101")]))
    #expect(try sent().first == "3: 429")
    try receive(5, head("/session", [("expect", "100-continue")]))
    #expect(try sent() == ["5: 100"])
    #expect(behind.streams == [5])
  }
}
