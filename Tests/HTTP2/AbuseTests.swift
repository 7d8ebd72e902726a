import HTTP2
import NIOCore
import Testing

/// What a hostile client sends, and where the session draws the line.
struct AbuseTests {
  private func server() throws -> Recorder {
    let server = try Recorder(HTTP2Configuration(role: .server))
    server.receive(ByteBuffer(bytes: Frame.preface + Frame.settings + Frame.settingsAck))
    _ = server.produce()
    return server
  }

  /// Sends until the session has had enough; the number of rounds that took.
  private func rounds(_ limit: Int, _ server: Recorder, _ bytes: (Int) -> [UInt8]) -> Int {
    for round in 1...limit {
      server.receive(ByteBuffer(bytes: bytes(round)))
      let out = server.produce()
      if server.session.isFinished {
        #expect(out.readableBytes > 0, "the session said nothing before it ended")
        return round
      }
    }
    return limit + 1
  }

  private func stream(_ round: Int) -> UInt32 { UInt32(2 * round - 1) }

  @Test func resetsOfTheClientAreLimited() throws {
    let server = try server()
    let count = rounds(5000, server) { Frame.request(stream($0)) + Frame.frame(3, 0, stream($0), Frame.bytes(8)) }
    #expect((1900...2100).contains(count))
    #expect(server.session.failure?.error == .enhanceYourCalm)
    #expect(server.session.failure?.reason == "too_many_canceled_calls")
  }

  @Test func allCallsMayBeCanceledAtOnce() throws {
    let server = try server()
    for round in 0..<2 {
      let last = round * 1000
      for position in 0..<1000 { server.receive(ByteBuffer(bytes: Frame.request(stream(last + position + 1)))) }
      #expect(server.session.openStreams == 1000)
      for position in 0..<1000 {
        server.receive(ByteBuffer(bytes: Frame.frame(3, 0, stream(last + position + 1), Frame.bytes(8))))
      }
      _ = server.produce()
      #expect(server.session.openStreams == 0)
      #expect(server.session.failure == nil)
    }
  }

  @Test func faultsThatMakeUsResetAreLimited() throws {
    let server = try server()
    // The window overflows: a stream error of the client's making (CVE-2025-8671).
    let count = rounds(1000, server) {
      Frame.request(stream($0)) + Frame.frame(8, 0, stream($0), Frame.bytes(0x7fff_ffff))
    }
    #expect((90...200).contains(count))
    #expect(server.session.failure?.error == .enhanceYourCalm)
  }

  @Test func faultsAreForgivenWithTime() throws {
    let server = try server()
    let count = rounds(300, server) {
      server.now = server.now + .milliseconds(200)
      return Frame.request(stream($0)) + Frame.frame(8, 0, stream($0), Frame.bytes(0x7fff_ffff))
    }
    #expect(count == 301)
  }

  @Test(arguments: [
    Frame.frame(6, 0, 0, Array(repeating: 0, count: 8)), Frame.frame(2, 0, 1, [0, 0, 0, 0, 1]),
    Frame.frame(0xbe, 0, 0, [1]),
    Frame.frame(8, 0, 0, Frame.bytes(1)), Frame.settings,
  ])
  func framesWithoutUseAreLimited(frame: [UInt8]) throws {
    let server = try server()
    let burst = (0..<100).flatMap { _ in frame }
    #expect(rounds(100, server) { _ in burst } <= 22)
    #expect(server.session.failure?.error == .enhanceYourCalm)
  }

  @Test func emptyDataIsLimited() throws {
    let server = try server()
    server.receive(ByteBuffer(bytes: Frame.request(1)))
    let burst = (0..<100).flatMap { _ in Frame.frame(0, 0, 1, []) }
    #expect(rounds(100, server) { _ in burst } <= 22)
  }

  @Test func windowUpdatesOfABusyConnectionAreNot() throws {
    let server = try server()
    let count = rounds(20_000, server) { _ in
      Frame.frame(8, 0, 0, Frame.bytes(1)) + (server.session.openStreams == 0 ? Frame.request(1) : [])
        + Frame.frame(0, 0, 1, [7])
    }
    #expect(count == 20_001)
  }

  @Test func aStreamIDThatWasJumpedOverEndsTheConnection() throws {
    let server = try server()
    server.receive(ByteBuffer(bytes: Frame.request(5)))
    #expect(server.session.failure == nil)
    server.receive(ByteBuffer(bytes: Frame.request(3)))
    #expect(server.session.failure?.error == .protocolError)
    let out = server.produce()
    // GOAWAY, last stream 5, PROTOCOL_ERROR.
    #expect(Array(out.readableBytesView.prefix(17).suffix(14)) == [7, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 1])
  }

  @Test func aBlockThatDecodesToFarTooMuchEndsTheConnection() throws {
    let server = try server()
    // One 4000-byte value into the dynamic table, then one byte per repetition.
    var block = Frame.literals([(":method", "POST"), (":scheme", "http"), (":path", "/a")])
    block += [0x40] + Array(Frame.literals([("x-bomb", String(repeating: "v", count: 4000))]).dropFirst())
    block += Array(repeating: 0xbe, count: 200)
    server.receive(ByteBuffer(bytes: Frame.frame(1, 5, 1, block)))
    #expect(server.session.failure?.error == .enhanceYourCalm)
  }

  @Test func aContinuationFloodEndsTheConnection() throws {
    let server = try server()
    server.receive(ByteBuffer(bytes: Frame.frame(1, 0, 1, Frame.literals([("x", "y")]))))
    #expect(server.session.headerBlockOpen)
    let count = rounds(1000, server) { _ in Frame.frame(9, 0, 1, Frame.literals([("x", "y")])) }
    #expect(count <= 20)
  }

  @Test func whatIsNoHTTP2IsToldSo() throws {
    let server = try Recorder(HTTP2Configuration(role: .server))
    #expect(!server.receive(ByteBuffer(string: "GET / HTTP/1.1\r\nHost: a\r\n\r\n\r\n\r\n")))
    #expect(server.produce().readableBytes > 0)
    #expect(server.session.isFinished)
  }

  @Test func streamsOverTheLimitAreRefused() throws {
    let server = try server()
    let bytes = (0..<1500).flatMap { Frame.request(UInt32(2 * $0 + 1)) }
    server.receive(ByteBuffer(bytes: bytes))
    #expect(server.session.openStreams <= 1000)
  }
}
