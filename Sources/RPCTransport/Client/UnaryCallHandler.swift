import NIOCore
import RPC

/// Sends one message, takes one message, wakes one task.
final class UnaryCallHandler: ClientCallHandler {
  private let request: ByteBuffer
  private let continuation: CheckedContinuation<UnaryResponse, Never>
  private var response = UnaryResponse()

  init(_ request: ByteBuffer, _ continuation: CheckedContinuation<UnaryResponse, Never>) {
    self.request = request
    self.continuation = continuation
  }

  func started(call: ClientCall) {
    call.send(request)
    call.halfClose()
  }

  func initialMetadata(_ metadata: Metadata, call: ClientCall) { response.initialMetadata = metadata }

  func message(_ message: ByteBuffer, call: ClientCall) {
    guard response.message == nil else {
      return call.cancel(Status(.internal, "more than one message in a unary response"))
    }
    // A slice would hold the whole read buffer for as long as the caller keeps it.
    response.message = ByteBuffer(buffer: message)
  }

  func ended(_ status: Status, trailers: Metadata, call: ClientCall) {
    response.status = status
    response.trailers = trailers
    if status.isOK, response.message == nil { response.status = Status(.internal, "no message in a unary response") }
    if !response.status.isOK { response.message = nil }
    continuation.resume(returning: response)
  }
}

/// All that came back from a unary call.
public struct UnaryResponse: Sendable {
  public var initialMetadata = Metadata()
  /// There is one exactly when the status is OK.
  public var message: ByteBuffer?
  public var status = Status(.unknown)
  public var trailers = Metadata()

  package init() {}
}
