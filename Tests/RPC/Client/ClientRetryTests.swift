import HTTP2
import NIOCore
import Testing

@testable import RPC

/// Takes refused calls back, as a channel does.
private final class Router: ClientCallRouter {
  var refused: [ClientCall] = []
  var ended = 0

  func callRefused(_ call: ClientCall) -> Bool {
    guard call.takeSecondChance() else { return false }
    refused.append(call)
    return true
  }

  func callEnded(_ call: ClientCall) { ended += 1 }
}

@Suite struct ClientRetryTests {
  @Test func aRefusedCallIsSentAgainOnce() async throws {
    try await onLoop { loop in
      let peer = try ScriptedServer(loop)
      let router = Router()
      let handler = RecordingHandler()
      let call = peer.call(handler, router: router)
      call.send(ByteBuffer(string: "again"))
      call.halfClose()
      #expect(peer.client.start(call, now: peer.now))
      peer.pump()
      peer.server.reset(try #require(peer.slots.last), .refusedStream)
      peer.pump()
      #expect(router.refused.count == 1)
      #expect(handler.status == nil)
      #expect(peer.client.openCalls == 0)

      #expect(peer.client.start(call, now: peer.now))
      peer.pump()
      let slot = try #require(peer.slots.last)
      #expect(peer.slots.count == 2)
      #expect(peer.received[slot] == [0, 0, 0, 0, 5] + Array("again".utf8))
      #expect(peer.ended.contains(slot))

      peer.server.reset(slot, .refusedStream)
      peer.pump()
      #expect(handler.status?.code == .unavailable)
      #expect(router.ended == 1)
      #expect(peer.client.openCalls == 0)
    }
  }

  @Test func aCallThatWasAnsweredIsNotSentAgain() async throws {
    try await onLoop { loop in
      let peer = try ScriptedServer(loop)
      let router = Router()
      let handler = RecordingHandler()
      let call = peer.call(handler, router: router)
      call.send(ByteBuffer(string: "once"))
      #expect(peer.client.start(call, now: peer.now))
      peer.pump()
      let slot = try #require(peer.slots.last)
      peer.head(slot)
      peer.pump()
      peer.server.reset(slot, .refusedStream)
      peer.pump()
      #expect(router.refused.isEmpty)
      #expect(handler.status?.code == .unavailable)
    }
  }

  @Test func goAwaySparesWhatTheServerHasSeen() async throws {
    try await onLoop { loop in
      let peer = try ScriptedServer(loop)
      let router = Router()
      let seen = RecordingHandler()
      let (_, slot) = peer.started(seen)
      // The server says goodbye before it reads the second call.
      let unseen = RecordingHandler()
      let late = peer.call(unseen, router: router)
      late.send(ByteBuffer(string: "late"))
      late.halfClose()
      peer.server.submitGoAway(.noError)
      #expect(peer.client.start(late, now: peer.now))
      peer.pump()
      #expect(!peer.client.acceptsCalls)
      #expect(router.refused.count == 1)
      #expect(unseen.status == nil)
      peer.head(slot)
      peer.message(slot, "done")
      peer.trailers(slot, [("grpc-status", "0")])
      peer.pump()
      #expect(seen.status == .ok)
      #expect(seen.messages == ["done"])

      // Another connection takes it.
      let other = try ScriptedServer(loop)
      #expect(other.client.start(late, now: other.now))
      other.pump()
      #expect(other.received[try #require(other.slots.last)] == [0, 0, 0, 0, 4] + Array("late".utf8))
    }
  }

  @Test func aCallThatSentTooMuchIsNotKept() async throws {
    try await onLoop { loop in
      let peer = try ScriptedServer(loop)
      let router = Router()
      let handler = RecordingHandler()
      let call = peer.call(handler, router: router)
      #expect(peer.client.start(call, now: peer.now))
      for _ in 0..<5 {
        call.send(ByteBuffer(repeating: 1, count: 60_000))
        peer.pump()
      }
      peer.server.reset(try #require(peer.slots.last), .refusedStream)
      peer.pump()
      #expect(router.refused.isEmpty)
      #expect(handler.status?.code == .unavailable)
    }
  }
}
