import HTTPTypes
import NIOCore
import NIOEmbedded
import NIOHTTPTypes
import Testing

@testable import Gateway

/// The times that a connection is given, with a loop whose clock the test turns.
@Suite struct RequestClockTests {
  private let loop = EmbeddedEventLoop()
  private let channel: EmbeddedChannel

  init() throws {
    let times = GatewayConfiguration(host: "127.0.0.1", port: 0)
    channel = EmbeddedChannel(
      handler: RequestClock<HTTPRequestPart, HTTPResponsePart>(
        headTimeout: times.headTimeout, bodyTimeout: times.bodyTimeout), loop: loop)
    try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
  }

  private func receive(_ part: HTTPRequestPart) throws { try channel.writeInbound(part) }

  private func send(_ part: HTTPResponsePart) throws { try channel.writeOutbound(part) }

  private var head: HTTPRequestPart {
    .head(HTTPRequest(method: .post, scheme: "http", authority: "a", path: "/"))
  }

  @Test func whoSaysNothingHasAMinute() {
    loop.advanceTime(by: .seconds(59))
    #expect(channel.isActive)
    loop.advanceTime(by: .seconds(1))
    #expect(!channel.isActive)
  }

  @Test func aBodyHasHalfAMinuteHoweverOftenAByteComes() throws {
    loop.advanceTime(by: .seconds(50))
    try receive(head)
    for _ in 0..<29 {
      loop.advanceTime(by: .seconds(1))
      try receive(.body(ByteBuffer(string: "x")))
    }
    #expect(channel.isActive)
    loop.advanceTime(by: .seconds(1))
    #expect(!channel.isActive)
  }

  @Test func anAnswerMayLastAndThenTheHeadIsTimedAgain() throws {
    try receive(head)
    try receive(.end(nil))
    try send(.head(HTTPResponse(status: .ok)))
    for _ in 0..<100 {
      loop.advanceTime(by: .hours(1))
      try send(.body(ByteBuffer(string: "data: x\n\n")))
    }
    #expect(channel.isActive)
    try send(.end(nil))
    loop.advanceTime(by: .seconds(59))
    #expect(channel.isActive)
    loop.advanceTime(by: .seconds(1))
    #expect(!channel.isActive)
  }

  @Test func aConnectionThatEndsIsForgotten() throws {
    try receive(head)
    try channel.close().wait()
    loop.advanceTime(by: .hours(1))
    #expect(!channel.isActive)
  }
}
