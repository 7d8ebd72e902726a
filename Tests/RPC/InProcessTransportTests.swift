import NIOCore
import NIOPosix
import RPC
import Testing

@Suite struct InProcessTransportTests {
  private final class Gone: CallHandler {
    let told: @Sendable (CallEnd) -> Void
    init(_ told: @escaping @Sendable (CallEnd) -> Void) { self.told = told }
    func message(_ message: ByteBuffer, call: ServerCall) {}
    func halfClosed(call: ServerCall) {}
    func ended(_ reason: CallEnd, call: ServerCall) { told(reason) }
  }

  private func transport(_ register: (inout MethodTable) -> Void) -> InProcessTransport {
    var methods = MethodTable()
    register(&methods)
    return InProcessTransport(methods: methods, eventLoop: MultiThreadedEventLoopGroup.singleton.next())
  }

  @Test func carriesMessagesMetadataAndStatusBothWays() async {
    let transport = transport {
      $0.unary("/t/Echo") { call, message in
        var initial = Metadata()
        initial.add("x-initial", call.metadata[first: "x-asked"] ?? "nothing")
        call.setInitialMetadata(initial)
        call.send(message)
        var trailers = Metadata()
        trailers.add("x-trailer", "t")
        call.finish(.ok, trailers: trailers)
      }
    }
    var metadata = Metadata()
    metadata.add("x-asked", "this")
    // More than any window, so that both sides have to give it back.
    let message = ByteBuffer(bytes: [UInt8](repeating: 7, count: 3_000_000))
    let response = await transport.call("/t/Echo", messages: [message], metadata: metadata)
    #expect(response.status == .ok)
    #expect(response.messages == [message])
    #expect(response.initialMetadata[first: "x-initial"] == "this")
    #expect(response.trailers[first: "x-trailer"] == "t")
    #expect(await transport.call("/t/Nothing", messages: [message]).status.code == .unimplemented)
  }

  @Test func streamsThroughAsyncHandlers() async {
    let transport = transport {
      $0.async("/t/Stream", .bidirectionalStreaming) { call in
        while true {
          let batch = try await call.nextBatch()
          if batch.isEmpty { return }
          for message in batch { try await call.send(message) }
        }
      }
    }
    let messages = (0..<1_000).map { ByteBuffer(integer: UInt32($0)) }
    let response = await transport.call("/t/Stream", messages: messages)
    #expect(response.status == .ok)
    #expect(response.messages == messages)
  }

  @Test func deadlinesAndCancelledTasksReachTheHandler() async {
    let (ends, end) = AsyncStream<CallEnd>.makeStream()
    let transport = transport {
      $0.stream("/t/Never", .serverStreaming) { _ in Gone { end.yield($0) } }
    }
    let response = await transport.call("/t/Never", messages: [ByteBuffer()], timeout: .milliseconds(30))
    #expect(response.status.code == .deadlineExceeded)
    var reasons = ends.makeAsyncIterator()
    #expect(await reasons.next() != nil)
    let task = Task { await transport.call("/t/Never", messages: [ByteBuffer()]) }
    task.cancel()
    #expect(await task.value.status.code == .cancelled)
  }

  @Test func aConnectionThatBrokeIsMadeAnew() async {
    var methods = MethodTable()
    methods.unary("/t/Echo") { call, message in
      call.send(message)
      call.finish(.ok)
    }
    methods.stream("/t/Never", .serverStreaming) { _ in Gone { _ in } }
    // So few calls may be canceled that the server ends the connection for it.
    var configuration = RPCConfiguration()
    configuration.http2.resetBurst = 2
    configuration.http2.resetsPerSecond = 0
    let transport = InProcessTransport(
      methods: methods, eventLoop: MultiThreadedEventLoopGroup.singleton.next(), configuration: configuration)
    #expect(await transport.call("/t/Echo", messages: [ByteBuffer(string: "a")]).status == .ok)
    let caught = Task { await transport.call("/t/Never", messages: [ByteBuffer()]) }
    for _ in 0..<10 {
      let code = await transport.call("/t/Never", messages: [ByteBuffer()], timeout: .milliseconds(5)).status.code
      #expect(code == .deadlineExceeded || code == .unavailable)
    }
    // Whoever was on it when it broke is told, and does not wait for ever.
    #expect(await caught.value.status.code == .unavailable)
    #expect(await transport.call("/t/Echo", messages: [ByteBuffer(string: "b")]).status == .ok)
    await transport.close()
    #expect(await transport.call("/t/Echo", messages: [ByteBuffer(string: "c")]).status == .ok)
    await transport.close()
  }
}
