import NIOCore
import RPC
import RPCTransport

/// What carries calls to a server: a channel with its connections or, in programs' tests, a server within the process.
package protocol CallCarrier: Sendable {
  func unaryResponse(
    _ path: String, _ request: ByteBuffer, metadata: Metadata, options: CallOptions
  ) async -> UnaryResponse
  /// One request, many answers.
  func answers(
    _ path: String, _ request: ByteBuffer, metadata: Metadata, options: CallOptions
  ) async throws -> any AnswerStream
  func close() async
}

/// The answers of one call, as they come.
package protocol AnswerStream: Sendable {
  /// The messages that arrived since the last call, at least one; waits for one. Empty when the server ended the call with OK.
  /// - Throws: the `Status` that the call ended with otherwise.
  func nextBatch() async throws -> [ByteBuffer]
  func cancel()
}

/// What opens calls whose handlers run on its event loop: a channel to a server or, in tests, a server within the process.
package protocol CallOpener: Sendable {
  var eventLoop: any EventLoop { get }
  /// `makeHandler` runs on the loop.
  func open(
    _ path: String, metadata: Metadata, options: CallOptions,
    _ makeHandler: @escaping @Sendable () -> any ClientCallHandler)
}

extension ClientChannel: CallOpener {}
extension InProcessTransport: CallOpener {}

extension ClientChannel: CallCarrier {
  package func answers(
    _ path: String, _ request: ByteBuffer, metadata: Metadata, options: CallOptions
  ) async throws -> any AnswerStream {
    let stream = stream(path, metadata: metadata, options: options)
    try await stream.send(request)
    stream.finish()
    return stream
  }

  package func close() async { await close(grace: .seconds(0)) }
}

extension ClientStream: AnswerStream {}
