import Foundation
import NIOCore
import RPC
import Testing

@testable import RPCTransport

/// The client against grpcio's server, where there is one: GKICK_TEST_PYTHON names a Python that has it, else `python3`.
@Suite(.timeLimit(.minutes(1)), .enabled(if: StockServer.isPossible), .serialized) struct StockServerTests {
  @Test func allFourCallTypes() async throws {
    let server = try StockServer()
    let channel = try ClientChannel.local(server.port)
    #expect(String(buffer: try await channel.unary("/echo.Echo/Unary", text("hello"))) == "hello")

    let down = channel.stream("/echo.Echo/Down")
    try await down.send(text("500"))
    down.finish()
    var numbers: [String] = []
    for try await batch in down.batches { numbers += batch.map { String(buffer: $0) } }
    #expect(numbers == (0..<500).map { "\($0)" })

    let up = channel.stream("/echo.Echo/Up")
    for _ in 0..<200 { try await up.send(ByteBuffer(repeating: 1, count: 10_000)) }
    up.finish()
    #expect(try await up.nextBatch().map { String(buffer: $0) } == ["2000000"])

    let both = channel.stream("/echo.Echo/Both")
    for index in 0..<100 {
      try await both.send(text("\(index)"))
      #expect(try await both.nextBatch().map { String(buffer: $0) } == ["\(index)"])
    }
    both.finish()
    #expect(try await both.nextBatch().isEmpty)
    await channel.close()
  }

  @Test func metadataStatusAndDetails() async throws {
    let server = try StockServer()
    let channel = try ClientChannel.local(server.port)
    var metadata = Metadata(("x-text", "value"))
    metadata.add("x-raw-bin", bytes: [0, 128, 255])
    let response = await channel.unaryResponse("/echo.Echo/Metadata", text(""), metadata: metadata)
    #expect(response.status == .ok)
    #expect(response.initialMetadata[first: "x-text"] == "value")
    #expect(response.trailers[firstBytes: "x-raw-bin"] == [0, 128, 255])
    let failed = await channel.unaryResponse("/echo.Echo/Fail", text(""))
    #expect(failed.status.code == .dataLoss)
    #expect(failed.status.message == "über 100 % – weg")
    #expect(await channel.unaryResponse("/echo.Echo/Nothing", text("")).status.code == .unimplemented)
    await channel.close()
  }

  @Test func deadlinesCancellationAndGzip() async throws {
    let server = try StockServer()
    let channel = try ClientChannel.local(server.port)
    _ = try await channel.unary("/echo.Echo/Unary", text(""))
    let late = await channel.unaryResponse(
      "/echo.Echo/Hang", text(""), options: CallOptions(timeout: .milliseconds(80)))
    #expect(late.status.code == .deadlineExceeded)
    let task = Task { await channel.unaryResponse("/echo.Echo/Hang", text("")) }
    try await Task.sleep(for: .milliseconds(50))
    task.cancel()
    #expect(await task.value.status.code == .cancelled)
    let long = String(repeating: "gzip ", count: 5_000)
    #expect(
      String(buffer: try await channel.unary("/echo.Echo/Gzip", text(long), options: CallOptions(compress: true)))
        == long)
    await channel.close()
  }
}

/// A Python program with a grpcio server of bytes.
final class StockServer: @unchecked Sendable {
  // Why `@unchecked Sendable` is right: the process is started in `init`, ended in `deinit`, and not touched between.
  private static let python = ProcessInfo.processInfo.environment["GKICK_TEST_PYTHON"] ?? "python3"
  static let isPossible = runProgram([python, "-c", "import grpc"]) == 0
  let port: Int
  private let process = Process()
  private let folder: TestFolder

  init() throws {
    folder = try TestFolder()
    let script = try folder.write("server.py", Self.script)
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [Self.python, script]
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
    port = Int(line.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0
  }

  deinit {
    // Not SIGTERM: a child started from here may have it blocked.
    kill(process.processIdentifier, SIGKILL)
  }

  private static let script = """
    import time
    from concurrent import futures
    import grpc

    def unary(request, context):
        return request

    def down(request, context):
        for index in range(int(request)):
            yield str(index).encode()

    def up(requests, context):
        return str(sum(len(request) for request in requests)).encode()

    def both(requests, context):
        for request in requests:
            yield request

    def metadata(request, context):
        given = [entry for entry in context.invocation_metadata() if entry.key.startswith("x-")]
        context.send_initial_metadata(given)
        context.set_trailing_metadata(given)
        return request

    def fail(request, context):
        context.abort(grpc.StatusCode.DATA_LOSS, "über 100 % – weg")

    def hang(request, context):
        while context.is_active():
            time.sleep(0.01)

    def gzip(request, context):
        context.set_compression(grpc.Compression.Gzip)
        return request

    handlers = grpc.method_handlers_generic_handler("echo.Echo", {
        "Unary": grpc.unary_unary_rpc_method_handler(unary),
        "Down": grpc.unary_stream_rpc_method_handler(down),
        "Up": grpc.stream_unary_rpc_method_handler(up),
        "Both": grpc.stream_stream_rpc_method_handler(both),
        "Metadata": grpc.unary_unary_rpc_method_handler(metadata),
        "Fail": grpc.unary_unary_rpc_method_handler(fail),
        "Hang": grpc.unary_unary_rpc_method_handler(hang),
        "Gzip": grpc.unary_unary_rpc_method_handler(gzip),
    })
    server = grpc.server(futures.ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers((handlers,))
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    server.start()
    server.wait_for_termination()
    """
}
