import HTTP2
import NIOCore
import Testing

struct FrameLoanTests {
  /// The sessions of one loop share the buffer that frames are put together in. One that has to stop in the middle finds its frame again.
  @Test func sessionsThatTakeTurnsDoNotMixTheirFrames() throws {
    let scratch = HTTP2Scratch()
    let pairs = try (0..<3).map { _ in
      (
        server: try Recorder(HTTP2Configuration(role: .server), scratch: scratch),
        client: try Recorder(HTTP2Configuration(role: .client))
      )
    }
    for (number, pair) in pairs.enumerated() {
      _ = try #require(pair.client.session.request(.request, endStream: true))
      pair.server.receive(pair.client.produce())
      pair.server.session.respond(0, .response, endStream: false)
      pair.server.session.write(0, Array(repeating: UInt8(number), count: 50_000))
      pair.server.session.finish(0, trailers: HTTP2HeaderList([("grpc-status", String(number))]))
    }
    // A small limit: each turn ends with a frame that did not fit.
    for _ in 0..<200 {
      for pair in pairs {
        pair.client.receive(pair.server.produce(limit: 100))
        pair.server.receive(pair.client.produce())
      }
    }
    for (number, pair) in pairs.enumerated() {
      #expect(pair.client.session.failure == nil)
      #expect(pair.client.events.contains(.data(0, Array(repeating: UInt8(number), count: 50_000))))
      #expect(pair.client.events.contains(.trailers(0, ["grpc-status: \(number)"])))
    }
  }

  /// A client's session has its preface where frames are put together, from the start until it is connected.
  @Test func aClientKeepsItsPrefaceWhileOthersOfTheLoopSend() throws {
    let scratch = HTTP2Scratch()
    let clients = try (0..<3).map { _ in try Recorder(HTTP2Configuration(role: .client), scratch: scratch) }
    for client in clients {
      let bytes = client.produce()
      #expect(bytes.getBytes(at: 0, length: Frame.preface.count) == Frame.preface)
    }
  }
}
