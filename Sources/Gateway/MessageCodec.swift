import NIOCore
import RPC
import SwiftProtobuf

/// The two forms of a message in a body.
enum MessageCodec: String {
  case json = "application/json"
  case proto = "application/proto"

  /// A body as the bytes that go to the server. An unknown JSON field is refused by its name.
  func request(_ body: ByteBuffer, _ type: any Message.Type) throws(ConnectError) -> ByteBuffer {
    switch self {
    case .proto: return body
    case .json:
      do {
        let text = body.readableBytes == 0 ? Array("{}".utf8) : Array(body.readableBytesView)
        let message = try type.init(jsonUTF8Bytes: text)
        return ByteBuffer(bytes: try message.serializedBytes() as [UInt8])
      } catch let error as JSONDecodingError {
        throw ConnectError(.invalidArgument, Self.words(error))
      } catch {
        throw ConnectError(.invalidArgument, "the body is no JSON of \(type.protoMessageName): \(error)")
      }
    }
  }

  /// An answer of the server as a body.
  func response(_ answer: ByteBuffer, _ type: any Message.Type) throws(ConnectError) -> ByteBuffer {
    switch self {
    case .proto: return answer
    case .json:
      do {
        let message = try type.init(serializedBytes: Array(answer.readableBytesView))
        return ByteBuffer(bytes: try message.jsonUTF8Bytes() as [UInt8])
      } catch {
        throw ConnectError(.internal, "the answer cannot be written as JSON: \(error)")
      }
    }
  }

  private static func words(_ error: JSONDecodingError) -> String {
    switch error {
    case .unknownField(let name): "unknown field \"\(name)\""
    case .unrecognizedEnumValue: "an enum has a value that it does not know"
    case .malformedDuration: "a duration is text in seconds, like \"1.5s\""
    case .malformedTimestamp: "a time is RFC 3339 text, like \"2026-01-02T03:04:05Z\""
    case .schemaMismatch: "the body is not an object of this message's fields"
    case .truncated: "the JSON ends too early"
    case .failure: "a value is not of its field's kind"
    default: "the JSON cannot be read: \(error)"
    }
  }
}
