import NIOCore
import Protobuf
import RPC

/// Adds up the payload sizes of the requests.
final class StreamingInputCall: CallHandler {
  private var size = 0

  func message(_ message: ByteBuffer, call: ServerCall) {
    do throws(Status) {
      let request = try TestMessages.streamingInput(message)
      if request.expectCompressed, !call.messageWasCompressed {
        throw Status(.invalidArgument, "expected a compressed request")
      }
      size += request.payloadSize
    } catch {
      call.finish(error)
    }
  }

  func halfClosed(call: ServerCall) {
    let echo = MetadataEcho(call.metadata)
    call.setInitialMetadata(echo.initialMetadata)
    var response = WireWriter()
    if size > 0 { response.field(1, UInt64(UInt32(truncatingIfNeeded: size))) }
    call.send { $0.writeBytes(response.bytes) }
    call.finish(.ok, trailers: echo.trailers)
  }
}
