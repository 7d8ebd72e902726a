import HTTP2
import NIOCore
import Testing

@testable import RPC

/// How calls flow, pause and end.
struct CallLifeTests {
  let methods = TestMethods()
  let one = TestServer.frame([1, 2, 3])

  @Test func aResetCancelsTheHandlerAndTheConnectionGoesOn() throws {
    let server = try TestServer(methods.table)
    let slot = server.open("/t.T/Probe")
    server.write(slot, one)
    server.run()
    #expect(methods.probe.messages == [[1, 2, 3]])
    server.client.reset(slot, .cancel)
    server.run()
    #expect(methods.probe.end == .cancelled && methods.probe.ends == 1)
    #expect(methods.probe.call?.isOpen == false)
    methods.probe.call?.send(ByteBuffer(bytes: [1]))
    methods.probe.call?.finish()
    #expect(server.call("/t.T/Echo", body: one).status == 0)
    #expect(methods.probe.ends == 1)
  }

  /// All heads of a round lie in one piece of memory; a call that stays open longer must not keep it from being used again.
  @Test(arguments: ["/t.T/Probe", "/t.T/Echo", "/t.T/AsyncStream"])
  func aCallThatLastsHoldsItsOwnHeadOnly(path: String) throws {
    let server = try TestServer(methods.table)
    func heads() -> UnsafeRawPointer? {
      // Compared only, never read through.
      unsafe server.connection.context.scratch.arena.withUnsafeReadableBytes { $0.baseAddress }
    }
    let before = unsafe heads()
    let slot = server.open(path, [("x-kept", "value")])
    server.run()
    #expect(server.call("/t.T/Metadata", [("x-other", "there")], body: one).head["i-x-other"] == "there")
    #expect(unsafe heads() == before)
    guard case .call(let call) = server.connection.entries[0] else { throw CancellationError() }
    if path == "/t.T/Probe" { #expect(call.metadata[first: "x-kept"] == "value") }
    #expect(call.isOpen)
    server.client.reset(slot, .cancel)
    server.run()
    #expect(server.connection.openCalls == 0 && call.metadata.isEmpty == (path != "/t.T/Probe"))
  }

  @Test func aLostConnectionEndsItsCalls() throws {
    let server = try TestServer(methods.table)
    _ = server.open("/t.T/Probe")
    server.run()
    server.connection.connectionLost()
    #expect(methods.probe.end == .connectionLost && methods.probe.ends == 1)
    #expect(server.connection.openCalls == 0)
  }

  /// Who answered hears of it when the answer cannot have arrived: not all of it had left.
  @Test(arguments: ["reset", "lost", "sent"]) func anAnswerThatDidNotLeaveIsTold(_ end: String) throws {
    let server = try TestServer(methods.table)
    server.clientReads = false
    var told = 0
    methods.probe.onMessage = { _, call in
      call.undelivered = { told += 1 }
      call.send { $0.writeRepeatingByte(7, count: end == "sent" ? 10 : 5_000_000) }
      call.finish()
    }
    let slot = server.open("/t.T/Probe")
    server.write(slot, one)
    server.run()
    #expect(methods.probe.end == .finished && told == 0)
    if end == "reset" { server.client.reset(slot, .cancel) }
    server.run()
    if end == "lost" { server.connection.connectionLost() }
    #expect(told == (end == "sent" ? 0 : 1))
    server.connection.connectionLost()
    #expect(told == (end == "sent" ? 0 : 1))
  }

  @Test func anEarlyAnswerEndsTheStream() throws {
    let server = try TestServer(methods.table)
    methods.probe.onMessage = { _, call in call.finish(Status(.failedPrecondition, "enough")) }
    let slot = server.open("/t.T/Probe")
    server.write(slot, one + one)
    server.run()
    #expect(server.replies[slot]?.status == 9 && server.replies[slot]?.closed == .noError)
    #expect(methods.probe.messages.count == 1 && methods.probe.end == .finished)
  }

  @Test func aPausedReaderStopsItsSender() throws {
    let server = try TestServer(methods.table)
    methods.probe.onMessage = { _, call in call.pauseReading() }
    let slot = server.open("/t.T/Probe")
    let message = TestServer.frame(Array(repeating: 5, count: 50_000))
    for _ in 0..<20 { server.write(slot, message) }
    server.client.finish(slot)
    server.run()
    #expect(methods.probe.messages.count == 1)
    #expect(server.client.pendingOutput(slot) > 500_000)
    #expect(server.connection.bufferedRequests <= 128 * 1024)
    // Others are not held up.
    #expect(server.call("/t.T/Echo", body: one).status == 0)
    methods.probe.call?.resumeReading()
    server.run()
    #expect(methods.probe.messages.count == 2)
    methods.probe.onMessage = { _, _ in }
    methods.probe.call?.resumeReading()
    server.run()
    #expect(methods.probe.messages.count == 20 && methods.probe.isHalfClosed)
    #expect(server.replies[slot]?.status == 0)
    #expect(server.connection.bufferedRequests == 0)
  }

  @Test func aReaderMayPauseAndResumeWhileItIsHandedMessages() throws {
    let server = try TestServer(methods.table)
    methods.probe.onMessage = { _, call in
      call.pauseReading()
      call.resumeReading()
    }
    let slot = server.open("/t.T/Probe")
    server.write(slot, one + one + one)
    server.client.finish(slot)
    server.run()
    #expect(methods.probe.messages.count == 3 && server.replies[slot]?.status == 0)
  }

  @Test func aFullStreamSaysWhenItIsWritable() throws {
    let server = try TestServer(methods.table)
    server.clientReads = false
    let slot = server.open("/t.T/Probe")
    server.run()
    let call = try #require(methods.probe.call)
    var sent = 0
    while call.isWritable {
      call.send { $0.writeRepeatingByte(7, count: 10_000) }
      sent += 1
    }
    server.run()
    #expect(sent == 7)
    // The client's window took them; fill it until bytes stay.
    while call.isWritable { call.send { $0.writeRepeatingByte(7, count: 100_000) }; server.run() }
    let before = methods.probe.writables
    server.client.consume(slot, connection: 0, stream: server.replies[slot]!.body.count)
    server.client.consume(slot, connection: server.replies[slot]!.body.count, stream: 0)
    server.run()
    #expect(methods.probe.writables == before + 1 && call.isWritable)
  }

  @Test func answersThatNobodyTakesStopFurtherWork() throws {
    let server = try TestServer(methods.table)
    server.clientReads = false
    let slots = (0..<50).map { _ in
      let slot = server.open("/t.T/Big")
      server.write(slot, one)
      server.client.finish(slot)
      return slot
    }
    server.run()
    #expect(server.connection.session.queuedBytes < 3 * 1024 * 1024)
    #expect(server.connection.openCalls > 30)
    server.clientReads = true
    for slot in slots {
      let count = server.replies[slot]!.body.count
      server.client.consume(slot, connection: count, stream: count)
    }
    server.run()
    for slot in slots { #expect(server.replies[slot]?.body.count == 600_005 && server.replies[slot]?.status == 0) }
    #expect(server.connection.session.queuedBytes == 0 && server.connection.bufferedRequests == 0)
  }

  @Test func requestsThatNeverEndAreBounded() throws {
    let server = try TestServer(methods.table)
    let message = TestServer.frame(Array(repeating: 5, count: 3_000_000)).dropLast()
    var refused = 0
    for _ in 0..<20 {
      let slot = server.open("/t.T/Echo")
      server.write(slot, Array(message))
      server.run()
      if server.replies[slot]?.status == 8 { refused += 1 }
    }
    #expect(refused >= 14)
    #expect(server.connection.bufferedRequests <= 16 * 1024 * 1024)
  }

  @Test func anAnswerMayComeLater() throws {
    let server = try TestServer(methods.table)
    let slot = server.open("/t.T/Later")
    server.write(slot, one)
    server.client.finish(slot)
    server.run()
    #expect(server.replies[slot]?.status == nil)
    let asked = server.outputAsked
    methods.probe.call?.reply { $0.writeBytes([9]) }
    #expect(server.outputAsked > asked)
    server.run()
    #expect(server.replies[slot]?.body == TestServer.frame([9]) && server.replies[slot]?.status == 0)
  }

  @Test func asyncHandlersAnswerThrowAndStream() throws {
    let server = try TestServer(methods.table)
    let echo = server.call("/t.T/AsyncEcho", body: one)
    #expect(echo.body == one && echo.status == 0 && echo.trailers["x-async"] == "1")
    let thrown = server.call("/t.T/AsyncThrows", body: one)
    #expect(thrown.status == 10 && thrown.message == "thrown")
    let slot = server.open("/t.T/AsyncStream")
    server.write(slot, one)
    server.run()
    #expect(server.replies[slot]?.body == one)
    server.write(slot, one + one)
    server.client.finish(slot)
    server.run()
    #expect(server.replies[slot]?.body == one + one + one && server.replies[slot]?.status == 0)
    #expect(server.connection.openCalls == 0)
  }

  @Test func anAsyncHandlerIsCancelledWithItsCall() throws {
    let server = try TestServer(methods.table)
    let slot = server.open("/t.T/AsyncStream")
    server.write(slot, one)
    server.run()
    server.client.reset(slot, .cancel)
    server.run()
    #expect(server.connection.openCalls == 0)
    #expect(server.connection.bufferedRequests == 0)
  }

  /// A refusal may be told later: until then the call is none any more, and what else comes of it is dropped.
  @Test func aRefusalWaitsForItsTurn() throws {
    final class Later: ServerInterceptor {
      func callStarted(_ call: ServerCall) -> Status? {
        call.refusedAt = call.startedAt + .seconds(Int64(call.metadata[first: "wait"] ?? "") ?? 0)
        return Status(.unauthenticated, "who?")
      }
      func callEnded(_ call: ServerCall, status: Status) { Issue.record("it never began") }
    }
    var table = TestMethods().table
    table.intercept(Later())
    let server = try TestServer(table)
    let begin = server.now
    #expect(server.call("/t.T/Echo", [("wait", "0")], body: TestServer.frame([1])).status == 16)
    let slots = ["2", "1", "3"].map { server.open("/t.T/Echo", [("wait", $0)]) }
    server.run()
    #expect(server.connection.openCalls == 0 && server.connection.bufferedRequests == 0)
    server.write(slots[0], TestServer.frame([UInt8](repeating: 1, count: 100_000)))
    server.client.reset(slots[2], .cancel)
    server.run()
    #expect(server.connection.bufferedRequests == 0)
    #expect(server.deadline == begin + .seconds(1))
    server.now = begin + .seconds(1)
    #expect(server.connection.expireCalls(now: server.now) == begin + .seconds(2))
    server.run()
    #expect(server.replies[slots[0]]?.status == nil && server.replies[slots[1]]?.status == 16)
    server.now = begin + .seconds(2)
    #expect(server.connection.expireCalls(now: server.now) == nil)
    server.run()
    #expect(server.replies[slots[0]]?.message == "who?" && server.replies[slots[0]]?.isTrailersOnly == true)
    #expect(server.replies[slots[2]]?.status == nil)
  }

  @Test func interceptorsSeeEveryCall() throws {
    final class Guard: ServerInterceptor, @unchecked Sendable {
      // Used on the test's thread only.
      var seen: [String] = []
      func callStarted(_ call: ServerCall) -> Status? {
        seen.append("start \(call.path) \(call.methodIndex)")
        return call.metadata[first: "token"] == nil ? Status(.unauthenticated, "no token") : nil
      }
      func callEnded(_ call: ServerCall, status: Status) { seen.append("end \(call.path) \(status.code)") }
    }
    let interceptor = Guard()
    var table = methods.table
    table.intercept(interceptor)
    let server = try TestServer(table)
    #expect(server.call("/t.T/Echo", body: one).status == 16)
    #expect(server.call("/t.T/Echo", [("token", "x")], body: one).status == 0)
    #expect(server.call("/t.T/None", body: one).status == 12)
    #expect(
      interceptor.seen == ["start /t.T/Echo 0", "start /t.T/Echo 0", "end /t.T/Echo ok"])
  }
}
