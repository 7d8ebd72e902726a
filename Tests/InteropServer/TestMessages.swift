import DecodedMessages
import InteropProtos
import NIOCore
import Protobuf
import RPC

/// The requests of `grpc.testing.TestService` as Swift values, decoded by protobuf-c and copied out at once.
enum TestMessages {
  /// Larger payloads are refused: a test server has to live within its memory as well.
  static let maximumPayload = 16 << 20

  static func simpleRequest(_ message: ByteBuffer) throws(Status) -> SimpleRequest {
    unsafe try decode(message, grpc__testing__simple_request__init) { request in
      SimpleRequest(
        responseSize: Int(unsafe request.pointee.response_size),
        responseCompressed: unsafe value(request.pointee.response_compressed) ?? false,
        expectCompressed: unsafe value(request.pointee.expect_compressed) ?? false,
        status: unsafe status(request.pointee.response_status),
        wantsServerID: unsafe request.pointee.fill_server_id != 0,
        wantsUsername: unsafe request.pointee.fill_username != 0)
    }
  }

  static func streamingInput(_ message: ByteBuffer) throws(Status) -> StreamingInput {
    unsafe try decode(message, grpc__testing__streaming_input_call_request__init) { request in
      StreamingInput(
        payloadSize: unsafe request.pointee.payload?.pointee.body.len ?? 0,
        expectCompressed: unsafe value(request.pointee.expect_compressed) ?? false)
    }
  }

  static func streamingOutput(_ message: ByteBuffer) throws(Status) -> StreamingOutput {
    unsafe try decode(message, grpc__testing__streaming_output_call_request__init) { request in
      var output = StreamingOutput(status: unsafe status(request.pointee.response_status))
      let count = unsafe request.pointee.n_response_parameters
      for index in 0..<count {
        // protobuf-c's arrays hold as many pointers as it counts, none of them null.
        guard let parameters = unsafe request.pointee.response_parameters[index] else { continue }
        output.responses.append(
          StreamingOutput.Response(
            size: Int(unsafe parameters.pointee.size),
            pause: .microseconds(Int64(unsafe parameters.pointee.interval_us)),
            compressed: unsafe value(parameters.pointee.compressed) ?? false))
      }
      return output
    }
  }

  /// Appends the payload of a `SimpleResponse` or `StreamingOutputCallResponse`, in both of them field 1, written in place: it may be large.
  static func writePayload(_ size: Int, to buffer: inout ByteBuffer) {
    var body = WireWriter()
    if size > 0 { body.beginField(2, length: size) }
    var payload = WireWriter()
    payload.beginField(1, length: body.bytes.count + size)
    buffer.writeBytes(payload.bytes)
    buffer.writeBytes(body.bytes)
    buffer.writeRepeatingByte(0, count: size)
  }

  private static func decode<Message, Result>(
    _ message: ByteBuffer, _ initialize: (UnsafeMutablePointer<Message>?) -> Void,
    _ read: (UnsafeMutablePointer<Message>) -> Result
  ) throws(Status) -> Result {
    do {
      let decoded = unsafe try DecodedMessage(message.readableBytesUInt8Span, initialize)
      return unsafe decoded.read(read)
    } catch {
      throw Status(.internal, "malformed request")
    }
  }

  private static func value(_ bool: UnsafeMutablePointer<Grpc__Testing__BoolValue>?) -> Bool? {
    unsafe bool.map { unsafe $0.pointee.value != 0 }
  }

  private static func status(_ echo: UnsafeMutablePointer<Grpc__Testing__EchoStatus>?) -> Status? {
    guard let echo = unsafe echo, unsafe echo.pointee.code != 0 else { return nil }
    // Strings of protobuf-c end with a NUL; this one was checked for UTF-8.
    return Status(
      StatusCode(rawValue: Int(unsafe echo.pointee.code)) ?? .unknown,
      unsafe String(cString: echo.pointee.message))
  }
}

struct SimpleRequest {
  var responseSize: Int
  var responseCompressed: Bool
  var expectCompressed: Bool
  var status: Status?
  var wantsServerID: Bool
  var wantsUsername: Bool
}

struct StreamingInput {
  var payloadSize: Int
  var expectCompressed: Bool
}

struct StreamingOutput {
  struct Response {
    var size: Int
    var pause: Duration
    var compressed: Bool

    /// What is wrong with it, if anything is.
    func check() throws(Status) {
      guard size >= 0, size <= TestMessages.maximumPayload, pause >= .zero else {
        throw Status(.invalidArgument, "size or interval out of range")
      }
    }
  }

  var responses: [Response] = []
  var status: Status?
}
