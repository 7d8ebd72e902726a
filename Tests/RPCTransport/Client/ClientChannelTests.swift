import NIOCore
import RPC
import Testing

@testable import RPCTransport

@Suite(.timeLimit(.minutes(1))) struct ClientChannelTests {
  @Test func callsAndIsAnswered() async throws {
    let server = try EchoServer()
    let channel = try ClientChannel.local(try await server.listen())
    #expect(String(buffer: try await channel.unary(EchoServer.unary, text("hello"))) == "hello")
    #expect(try await channel.unary(EchoServer.unary, ByteBuffer()).readableBytes == 0)
    await channel.close()
    await server.stop()
  }

  @Test func carriesMetadataBothWays() async throws {
    let server = try EchoServer()
    let channel = try ClientChannel.local(try await server.listen())
    var metadata = Metadata(("x-name", "Ada Lovelace"))
    metadata.add("x-raw-bin", bytes: [0, 1, 254, 255])
    let response = await channel.unaryResponse(EchoServer.unary, text("m"), metadata: metadata)
    #expect(response.status == .ok)
    #expect(response.initialMetadata[first: "x-name"] == "Ada Lovelace")
    #expect(response.initialMetadata[firstBytes: "x-raw-bin"] == [0, 1, 254, 255])
    #expect(response.trailers[first: "x-name"] == "Ada Lovelace")
    await channel.close()
    await server.stop()
  }

  @Test func throwsTheServersStatus() async throws {
    let server = try EchoServer()
    let channel = try ClientChannel.local(try await server.listen())
    await #expect(throws: Status(.failedPrecondition, "said so – no", details: [8, 9], retryPushback: 75)) {
      try await channel.unary(EchoServer.fail, text("so"))
    }
    let unknown = await channel.unaryResponse("/echo.Echo/Nothing", text(""))
    #expect(unknown.status.code == .unimplemented)
    await channel.close()
    await server.stop()
  }

  @Test func manyCallsShareOneConnection() async throws {
    let server = try EchoServer()
    let channel = try ClientChannel.local(try await server.listen())
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for index in 0..<2000 {
        group.addTask {
          String(buffer: try await channel.unary(EchoServer.unary, text("\(index)"))) == "\(index)"
        }
      }
      for try await isRight in group { #expect(isRight) }
    }
    #expect(server.calls.withLock { $0[EchoServer.unary] } == 2000)
    #expect(server.server.statistics.openConnections == 1)
    await channel.close()
    await server.stop()
  }

  @Test func aDeadlineEndsTheCallHereAndThere() async throws {
    let server = try EchoServer()
    let channel = try ClientChannel.local(try await server.listen())
    // The connection is there.
    _ = try await channel.unary(EchoServer.unary, text(""))
    // On a busy machine the time may be over before the call has left; then it is tried with more. And the answer may come seconds late there;
    // without a deadline it would never come.
    for milliseconds: Int64 in [50, 500, 5_000] {
      let start = ContinuousClock.now
      let response = await channel.unaryResponse(
        EchoServer.hang, text(""), options: CallOptions(timeout: .milliseconds(milliseconds)))
      #expect(response.status.code == .deadlineExceeded)
      #expect(ContinuousClock.now - start < .milliseconds(milliseconds) + .seconds(60))
      if server.calls.withLock({ $0[EchoServer.hang] }) != nil { break }
    }
    try await eventually { !server.ends.withLock { $0.isEmpty } }
    await channel.close()
    await server.stop()
  }

  @Test func cancellingTheTaskCancelsTheCall() async throws {
    let server = try EchoServer()
    let channel = try ClientChannel.local(try await server.listen())
    // The connection is there.
    _ = try await channel.unary(EchoServer.unary, text(""))
    let task = Task { await channel.unaryResponse(EchoServer.hang, text("")) }
    try await eventually { server.server.statistics.openCalls == 1 }
    task.cancel()
    #expect(await task.value.status.code == .cancelled)
    try await eventually { server.ends.withLock { $0 } == [.cancelled] }
    // And one that was cancelled before it began.
    let early = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      return await channel.unaryResponse(EchoServer.hang, text(""))
    }
    #expect(await early.value.status.code == .cancelled)
    await channel.close()
    await server.stop()
  }

  @Test func streamsBothWays() async throws {
    let server = try EchoServer()
    let channel = try ClientChannel.local(try await server.listen())
    let stream = channel.stream(EchoServer.stream)
    let writer = Task {
      for index in 0..<5000 { try await stream.send(text("message \(index)")) }
      stream.finish()
    }
    var next = 0
    for try await batch in stream.batches {
      for message in batch {
        #expect(String(buffer: message) == "message \(next)")
        next += 1
      }
    }
    try await writer.value
    #expect(next == 5000)
    #expect(stream.trailers[first: "x-tail"] == "end")
    #expect(try await stream.nextBatch().isEmpty)
    await channel.close()
    await server.stop()
  }

  @Test func aSlowReaderHoldsTheServerBackAndLosesNothing() async throws {
    let server = try EchoServer()
    let channel = try ClientChannel.local(try await server.listen())
    let stream = channel.stream(EchoServer.flood)
    try await stream.send(text("3000"))
    stream.finish()
    // 3 MB are on their way; at most the windows and the high-water mark are held.
    try await Task.sleep(for: .milliseconds(50))
    var count = 0
    var largest = 0
    for try await batch in stream.batches {
      largest = max(largest, batch.reduce(0) { $0 + $1.readableBytes })
      for message in batch {
        #expect(message.getString(at: 0, length: "\(count):".utf8.count) == "\(count):")
        count += 1
      }
      await Task.yield()
    }
    #expect(count == 3000)
    #expect(largest < 1_000_000)
    await channel.close()
    await server.stop()
  }

  @Test func aClientStreamHasOneAnswer() async throws {
    let server = try EchoServer()
    let channel = try ClientChannel.local(try await server.listen())
    let stream = channel.stream(EchoServer.upper)
    // More than windows and buffers hold: the writer has to wait.
    for _ in 0..<100 { try await stream.send(ByteBuffer(repeating: 1, count: 50_000)) }
    stream.finish()
    let answer = try await stream.nextBatch()
    #expect(answer.map { String(buffer: $0) } == ["5000000"])
    #expect(try await stream.nextBatch().isEmpty)
    await channel.close()
    await server.stop()
  }

  @Test func aStreamThatIsLetGoIsCancelled() async throws {
    let server = try EchoServer()
    let channel = try ClientChannel.local(try await server.listen())
    do {
      let stream = channel.stream(EchoServer.hang)
      try await stream.send(text(""))
      stream.finish()
      try await eventually { server.server.statistics.openCalls == 1 }
      withExtendedLifetime(stream) {}
    }
    try await eventually { server.ends.withLock { $0 } == [.cancelled] }
    await channel.close()
    await server.stop()
  }

  @Test func sendsGzip() async throws {
    let server = try EchoServer()
    let channel = try ClientChannel.local(try await server.listen())
    let long = String(repeating: "abc", count: 10_000)
    let response = try await channel.unary(EchoServer.unary, text(long), options: CallOptions(compress: true))
    #expect(String(buffer: response) == long)
    await channel.close()
    await server.stop()
  }

  @Test func refusesMessagesOverItsLimit() async throws {
    let server = try EchoServer()
    let channel = try ClientChannel.local(try await server.listen()) { $0.maxReceiveMessageSize = 1000 }
    let response = await channel.unaryResponse(EchoServer.unary, ByteBuffer(repeating: 1, count: 2000))
    #expect(response.status.code == .resourceExhausted)
    #expect(String(buffer: try await channel.unary(EchoServer.unary, text("ok"))) == "ok")
    await channel.close()
    await server.stop()
  }

  @Test func closingEndsWhatIsOpenAndRefusesWhatIsNew() async throws {
    let server = try EchoServer()
    let channel = try ClientChannel.local(try await server.listen())
    _ = try await channel.unary(EchoServer.unary, text(""))
    let open = Task { await channel.unaryResponse(EchoServer.hang, text("")) }
    try await eventually { server.server.statistics.openCalls == 1 }
    await channel.close(grace: .milliseconds(20))
    #expect(await open.value.status.code == .unavailable)
    #expect(
      await channel.unaryResponse(EchoServer.unary, text("")).status == Status(.unavailable, "the channel is closed"))
    await server.stop()
  }
}

/// Waits until it is so; fails after half a minute.
func eventually(_ condition: () -> Bool, sourceLocation: SourceLocation = #_sourceLocation) async throws {
  let end = ContinuousClock.now + .seconds(30)
  while !condition() {
    guard ContinuousClock.now < end else {
      Issue.record("did not happen in half a minute", sourceLocation: sourceLocation)
      return
    }
    try await Task.sleep(for: .milliseconds(2))
  }
}
