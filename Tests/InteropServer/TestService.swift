import NIOCore
import Protobuf
import RPC

/// `grpc.testing.TestService`, as the interoperability test descriptions of gRPC ask for it
/// (gRPC `doc/interop-test-descriptions.md`). `UnimplementedCall` is not registered, on purpose.
struct TestService {
  let serverID: String

  func register(in methods: inout MethodTable) {
    let serverID = serverID
    methods.unary(Self.path("EmptyCall")) { call, _ in
      let echo = MetadataEcho(call.metadata)
      call.setInitialMetadata(echo.initialMetadata)
      call.send { _ in }
      call.finish(.ok, trailers: echo.trailers)
    }
    for name in ["UnaryCall", "CacheableUnaryCall"] {
      methods.unary(Self.path(name)) { call, message in Self.unaryCall(call, message, serverID: serverID) }
    }
    methods.stream(Self.path("StreamingOutputCall"), .serverStreaming) { _ in StreamingOutputCall() }
    methods.stream(Self.path("StreamingInputCall"), .clientStreaming) { _ in StreamingInputCall() }
    methods.async(Self.path("FullDuplexCall"), .bidirectionalStreaming) { call in try await Self.fullDuplexCall(call) }
    methods.async(Self.path("HalfDuplexCall"), .bidirectionalStreaming) { call in try await Self.halfDuplexCall(call) }
  }

  static func path(_ method: String) -> String { "/grpc.testing.TestService/" + method }

  private static func unaryCall(_ call: ServerCall, _ message: ByteBuffer, serverID: String) {
    let echo = MetadataEcho(call.metadata)
    call.setInitialMetadata(echo.initialMetadata)
    do throws(Status) {
      let request = try TestMessages.simpleRequest(message)
      if request.expectCompressed, !call.messageWasCompressed {
        throw Status(.invalidArgument, "expected a compressed request")
      }
      if let status = request.status { throw status }
      guard request.responseSize >= 0, request.responseSize <= TestMessages.maximumPayload else {
        throw Status(.invalidArgument, "response_size out of range")
      }
      var rest = WireWriter()
      if request.wantsUsername, let subject = call.peer.certificateSubject { rest.field(2, subject) }
      if request.wantsServerID { rest.field(4, serverID) }
      call.compressesMessages = request.responseCompressed
      call.send { buffer in
        TestMessages.writePayload(request.responseSize, to: &buffer)
        buffer.writeBytes(rest.bytes)
      }
      call.finish(.ok, trailers: echo.trailers)
    } catch {
      call.finish(error, trailers: echo.trailers)
    }
  }

  /// Every request is answered as soon as it is here.
  private static func fullDuplexCall(_ call: AsyncServerCall) async throws {
    echoMetadata(call)
    while true {
      let batch = try await call.nextBatch()
      if batch.isEmpty { return }
      for message in batch { try await answer(try TestMessages.streamingOutput(message), call) }
    }
  }

  /// All requests are collected, then answered in order.
  private static func halfDuplexCall(_ call: AsyncServerCall) async throws {
    echoMetadata(call)
    var requests: [StreamingOutput] = []
    while true {
      let batch = try await call.nextBatch()
      if batch.isEmpty { break }
      for message in batch { requests.append(try TestMessages.streamingOutput(message)) }
      guard requests.count <= 10_000 else { throw Status(.resourceExhausted, "too many requests to hold") }
    }
    for request in requests { try await answer(request, call) }
  }

  private static func echoMetadata(_ call: AsyncServerCall) {
    let echo = MetadataEcho(call.metadata)
    call.setInitialMetadata(echo.initialMetadata)
    call.setTrailers(echo.trailers)
  }

  private static func answer(_ request: StreamingOutput, _ call: AsyncServerCall) async throws {
    for response in request.responses {
      try response.check()
      if response.pause > .zero { try await Task.sleep(for: response.pause) }
      var message = ByteBuffer()
      TestMessages.writePayload(response.size, to: &message)
      try await call.send(consume message)
    }
    if let status = request.status { throw status }
  }
}
