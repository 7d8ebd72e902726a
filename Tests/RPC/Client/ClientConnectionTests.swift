import HTTP2
import NIOCore
import Testing

@testable import RPC

@Suite struct ClientConnectionTests {
  @Test func sendsTheRequestThatTheDocumentAsksFor() async throws {
    try await onLoop { loop in
      let peer = try ScriptedServer(loop)
      let handler = RecordingHandler()
      var metadata = Metadata(("x-one", "1"))
      metadata.add("x-two-bin", bytes: [0, 255, 1])
      let call = peer.call(
        handler, metadata: metadata, deadline: peer.now + .seconds(2))
      call.send(ByteBuffer(string: "hello"))
      call.halfClose()
      #expect(peer.client.start(call, now: peer.now))
      peer.pump()
      let slot = try #require(peer.slots.first)
      let request = try #require(peer.requests[slot])
      #expect(request[":method"] == "POST")
      #expect(request[":scheme"] == "http")
      #expect(request[":path"] == "/test.Service/Method")
      #expect(request[":authority"] == "localhost")
      #expect(request["te"] == "trailers")
      #expect(request["content-type"] == "application/grpc")
      #expect(request["grpc-timeout"] == "2000000u")
      #expect(request["x-one"] == "1")
      #expect(request["x-two-bin"] == "AP8B")
      #expect(peer.received[slot] == [0, 0, 0, 0, 5] + Array("hello".utf8))
      #expect(peer.ended.contains(slot))
    }
  }

  @Test(arguments: [false, true]) func takesAnAnswer(trickles: Bool) async throws {
    try await onLoop { loop in
      let peer = try ScriptedServer(loop)
      peer.trickles = trickles
      let handler = RecordingHandler()
      let (call, slot) = peer.started(handler)
      peer.head(slot, [("x-head", "h")])
      peer.message(slot, "a")
      peer.message(slot, "")
      peer.message(slot, "ccc")
      peer.trailers(slot, [("grpc-status", "0"), ("x-tail", "t"), ("x-tail-bin", "AP8=")])
      peer.pump()
      #expect(handler.messages == ["a", "", "ccc"])
      #expect(handler.status == .ok)
      #expect(handler.metadata?[first: "x-head"] == "h")
      #expect(handler.trailers[first: "x-tail"] == "t")
      #expect(handler.trailers[firstBytes: "x-tail-bin"] == [0, 255])
      #expect(!call.isOpen)
      #expect(peer.client.openCalls == 0)
    }
  }

  @Test func tellsOncePerRoundThatMessagesCame() async throws {
    try await onLoop { loop in
      let peer = try ScriptedServer(loop)
      let handler = RecordingHandler()
      let (_, slot) = peer.started(handler)
      peer.head(slot)
      for _ in 0..<10 { peer.message(slot, "x") }
      peer.pump()
      #expect(handler.messages.count == 10)
      #expect(handler.rounds == 1)
    }
  }

  @Test func readsTheStatusOfTrailersOnly() async throws {
    try await onLoop { loop in
      let peer = try ScriptedServer(loop)
      let handler = RecordingHandler()
      let (_, slot) = peer.started(handler)
      peer.only(
        slot,
        [
          (":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "5"),
          ("grpc-message", "no %E2%82%AC here"), ("grpc-status-details-bin", "CAU"), ("grpc-retry-pushback-ms", "250"),
        ])
      peer.pump()
      #expect(handler.status == Status(.notFound, "no € here", details: [8, 5], retryPushback: 250))
    }
  }

  @Test(arguments: [
    ("400", StatusCode.internal), ("401", .unauthenticated), ("403", .permissionDenied), ("404", .unimplemented),
    ("429", .unavailable), ("502", .unavailable), ("503", .unavailable), ("504", .unavailable), ("500", .unknown),
    ("200", .unknown),
  ])
  func mapsHTTPStatus(http: String, code: StatusCode) async throws {
    try await onLoop { loop in
      let peer = try ScriptedServer(loop)
      let handler = RecordingHandler()
      let (_, slot) = peer.started(handler)
      peer.only(slot, [(":status", http), ("content-type", "text/html")])
      peer.pump()
      #expect(handler.status?.code == code)

      // With a body.
      let other = RecordingHandler()
      let (_, second) = peer.started(other)
      peer.head(second, status: http, contentType: "text/html")
      peer.raw(second, Array("<html>".utf8))
      peer.server.finish(second)
      peer.pump()
      #expect(other.status?.code == code)
    }
  }

  @Test func believesGRPCStatusMoreThanHTTP() async throws {
    try await onLoop { loop in
      let peer = try ScriptedServer(loop)
      let handler = RecordingHandler()
      let (_, slot) = peer.started(handler)
      peer.only(slot, [(":status", "503"), ("content-type", "application/grpc"), ("grpc-status", "7")])
      peer.pump()
      #expect(handler.status?.code == .permissionDenied)
    }
  }

  @Test(arguments: [
    (HTTP2ErrorCode.noError, StatusCode.internal), (.protocolError, .internal), (.internalError, .internal),
    (.flowControlError, .internal), (.frameSizeError, .internal), (.compressionError, .internal),
    (.refusedStream, .unavailable), (.cancel, .cancelled), (.enhanceYourCalm, .resourceExhausted),
    (.inadequateSecurity, .permissionDenied), (.streamClosed, .unknown),
  ])
  func mapsResets(error: HTTP2ErrorCode, code: StatusCode) async throws {
    try await onLoop { loop in
      let peer = try ScriptedServer(loop)
      let handler = RecordingHandler()
      let (_, slot) = peer.started(handler)
      peer.server.reset(slot, error)
      peer.pump()
      #expect(handler.status?.code == code)
      #expect(peer.client.openCalls == 0)
    }
  }

  @Test func findsFaultWithBadAnswers() async throws {
    try await onLoop { loop in
      let peer = try ScriptedServer(loop)
      func ending(_ answer: (Int32) -> Void) -> StatusCode? {
        let handler = RecordingHandler()
        let (_, slot) = peer.started(handler)
        answer(slot)
        peer.pump()
        return handler.status?.code
      }
      // No grpc-status.
      #expect(
        ending {
          peer.head($0)
          peer.message($0, "x")
          peer.server.finish($0)
        } == .unknown)
      #expect(
        ending {
          peer.head($0)
          peer.trailers($0, [("x", "y")])
        } == .unknown)
      // No number, and no code of gRPC's.
      #expect(
        ending {
          peer.head($0)
          peer.trailers($0, [("grpc-status", "ok")])
        } == .unknown)
      #expect(
        ending {
          peer.head($0)
          peer.trailers($0, [("grpc-status", "99")])
        } == .unknown)
      // The end inside of a prefix, and of a message.
      #expect(
        ending {
          peer.head($0)
          peer.raw($0, [0, 0, 0])
          peer.trailers($0, [("grpc-status", "0")])
        } == .internal)
      #expect(
        ending {
          peer.head($0)
          peer.raw($0, [0, 0, 0, 0, 9, 1, 2])
          peer.trailers($0, [("grpc-status", "0")])
        } == .internal)
      // A flag that does not exist, compression that was not announced or not offered, gzip that is none.
      #expect(
        ending {
          peer.head($0)
          peer.message($0, "x", flag: 7)
        } == .internal)
      #expect(
        ending {
          peer.head($0)
          peer.message($0, "x", flag: 1)
        } == .internal)
      #expect(ending { peer.head($0, [("grpc-encoding", "snappy")]) } == .internal)
      #expect(
        ending {
          peer.head($0, [("grpc-encoding", "gzip")])
          peer.message($0, "no gzip", flag: 1)
        } == .internal)
      // Too large: known from the prefix alone.
      #expect(
        ending {
          peer.head($0)
          peer.raw($0, [0, 0x7f, 0, 0, 0])
        } == .resourceExhausted)
      // Other protocols.
      #expect(ending { peer.head($0, contentType: "application/grpc-web") } == .unknown)
      #expect(ending { peer.head($0, contentType: "text/plain") } == .unknown)
      // Headers over the limit.
      #expect(
        ending { peer.head($0, [("x-big", String(repeating: "x", count: 20_000))]) } == .resourceExhausted)
      // The connection has come through all of that.
      #expect(
        ending {
          peer.head($0)
          peer.message($0, "fine")
          peer.trailers($0, [("grpc-status", "0")])
        } == .ok)
      #expect(peer.client.openCalls == 0)
    }
  }

  @Test func resetsTheStreamOfACancelledCallAndKeepsTheConnection() async throws {
    try await onLoop { loop in
      let peer = try ScriptedServer(loop)
      let handler = RecordingHandler()
      let (call, slot) = peer.started(handler, halfClosed: false)
      call.cancel()
      peer.pump()
      #expect(handler.status?.code == .cancelled)
      #expect(peer.closed[slot] == .cancel)
      let next = RecordingHandler()
      let (_, second) = peer.started(next)
      peer.only(second, [(":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "0")])
      peer.pump()
      #expect(next.status == .ok)
    }
  }

  @Test func aServerMayAnswerBeforeAllWasSent() async throws {
    try await onLoop { loop in
      let peer = try ScriptedServer(loop)
      let handler = RecordingHandler()
      let (call, slot) = peer.started(handler, halfClosed: false)
      peer.only(slot, [(":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "3")])
      peer.pump()
      #expect(handler.status?.code == .invalidArgument)
      call.send(ByteBuffer(string: "late"))
      peer.pump()
      #expect(peer.closed[slot] != nil)
    }
  }

  @Test func aPausedReaderHoldsBackMessagesAndTheEnd() async throws {
    try await onLoop { loop in
      let peer = try ScriptedServer(loop)
      let handler = RecordingHandler()
      let (call, slot) = peer.started(handler)
      handler.onMessage = { $0.pauseReading() }
      peer.head(slot)
      for text in ["a", "b", "c"] { peer.message(slot, text) }
      peer.trailers(slot, [("grpc-status", "0")])
      peer.pump()
      #expect(handler.messages == ["a"])
      #expect(handler.status == nil)
      // Its stream is gone; another may have taken its place.
      let (_, other) = peer.started(RecordingHandler())
      #expect(other >= 0)
      call.resumeReading()
      #expect(handler.messages == ["a", "b"])
      call.resumeReading()
      call.resumeReading()
      #expect(handler.messages == ["a", "b", "c"])
      #expect(handler.status == .ok)
      #expect(peer.client.openCalls == 1)
    }
  }

  @Test func aPausedReaderStopsItsSender() async throws {
    try await onLoop { loop in
      let peer = try ScriptedServer(loop)
      let handler = RecordingHandler()
      let (call, slot) = peer.started(handler)
      call.pauseReading()
      peer.head(slot)
      let window = Int(peer.client.configuration.http2.streamWindow)
      peer.raw(slot, [0] + withUnsafeBytes(of: UInt32(3 * window).bigEndian, Array.init))
      peer.raw(slot, Array(repeating: 1, count: 3 * window))
      peer.pump()
      #expect(peer.server.pendingOutput(slot) >= 2 * window)
      call.resumeReading()
      peer.pump()
      #expect(peer.server.pendingOutput(slot) == 0)
      peer.trailers(slot, [("grpc-status", "0")])
      peer.pump()
      #expect(handler.messages.map(\.utf8.count) == [3 * window])
      #expect(handler.status == .ok)
    }
  }

  @Test func saysWhenItIsWritableAgain() async throws {
    try await onLoop { loop in
      let peer = try ScriptedServer(loop)
      let handler = RecordingHandler()
      let (call, _) = peer.started(handler, halfClosed: false)
      #expect(call.isWritable)
      call.send(ByteBuffer(repeating: 7, count: 200_000))
      #expect(!call.isWritable)
      peer.pump()
      #expect(handler.writables == 1)
      #expect(call.isWritable)
    }
  }

  @Test func sendsAndReadsGzip() async throws {
    try await onLoop { loop in
      let peer = try ScriptedServer(loop)
      let handler = RecordingHandler()
      let call = peer.call(handler, options: CallOptions(compress: true))
      call.send(ByteBuffer(string: String(repeating: "z", count: 1000)))
      call.halfClose()
      #expect(peer.client.start(call, now: peer.now))
      peer.pump()
      let slot = try #require(peer.slots.last)
      #expect(peer.requests[slot]?["grpc-encoding"] == "gzip")
      let sent = try #require(peer.received[slot])
      #expect(sent[0] == 1)
      #expect(sent.count < 100)
      // The server sends back what it got.
      peer.head(slot, [("grpc-encoding", "gzip")])
      peer.raw(slot, sent)
      peer.message(slot, "plain")
      peer.trailers(slot, [("grpc-status", "0")])
      peer.pump()
      #expect(handler.messages == [String(repeating: "z", count: 1000), "plain"])
      #expect(handler.status == .ok)
    }
  }

  @Test func aLostConnectionEndsItsCalls() async throws {
    try await onLoop { loop in
      let peer = try ScriptedServer(loop)
      let handlers = (0..<3).map { _ in RecordingHandler() }
      for handler in handlers { _ = peer.started(handler) }
      peer.client.connectionLost("gone")
      #expect(handlers.allSatisfy { $0.status == Status(.unavailable, "gone") })
      #expect(peer.client.openCalls == 0)
    }
  }

  @Test func opensNoMoreStreamsThanTheServerAllows() async throws {
    try await onLoop { loop in
      var configuration = HTTP2Configuration(role: .server)
      configuration.maxConcurrentStreams = 2
      let peer = try ScriptedServer(loop, serverConfiguration: configuration)
      let (_, slot) = peer.started(RecordingHandler())
      _ = peer.started(RecordingHandler())
      #expect(!peer.client.hasRoom)
      let third = peer.call(RecordingHandler())
      #expect(!peer.client.start(third, now: peer.now))
      peer.only(slot, [(":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "0")])
      peer.pump()
      #expect(peer.client.hasRoom)
      #expect(peer.client.start(third, now: peer.now))
    }
  }
}
