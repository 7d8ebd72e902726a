import NIOCore
import Protobuf
import RPC

/// What a `ServerReflectionRequest` asks; the field numbers are those of `grpc/reflection/v1/reflection.proto`, and the
/// same in v1alpha.
enum ReflectionRequest: Equatable {
  case fileByFilename(String)
  case fileContainingSymbol(String)
  case fileContainingExtension(type: String, number: Int32)
  case allExtensionNumbers(type: String)
  case listServices
  case notSet

  /// Requests are a name: anything longer is no honest one.
  private static let maximumSize = 16_384

  /// The request and its host.
  static func decode(_ message: ByteBuffer) -> Result<(host: String, request: ReflectionRequest), Status> {
    guard message.readableBytes <= maximumSize else {
      return .failure(Status(.resourceExhausted, "request too large"))
    }
    do {
      return .success(try decode(message.readableBytesUInt8Span))
    } catch {
      return .failure(Status(.internal, "malformed request"))
    }
  }

  private struct NotUTF8: Error {}

  private static func decode(_ bytes: Span<UInt8>) throws -> (host: String, request: ReflectionRequest) {
    var host = ""
    var request = ReflectionRequest.notSet
    var reader = WireReader()
    while let field = try reader.next(in: bytes) {
      guard case .bytes(let range) = field.value else { continue }
      let content = bytes.extracting(range)
      switch field.number {
      case 1: host = try string(content)
      case 3: request = .fileByFilename(try string(content))
      case 4: request = .fileContainingSymbol(try string(content))
      case 5: request = try extensionRequest(content)
      case 6: request = .allExtensionNumbers(type: try string(content))
      case 7: request = .listServices
      default: break
      }
    }
    return (host, request)
  }

  private static func extensionRequest(_ bytes: Span<UInt8>) throws -> ReflectionRequest {
    var type = ""
    var number: Int32 = 0
    var reader = WireReader()
    while let field = try reader.next(in: bytes) {
      switch (field.number, field.value) {
      case (1, .bytes(let range)): type = try string(bytes.extracting(range))
      case (2, .varint(let value)): number = Int32(truncatingIfNeeded: value)
      default: break
      }
    }
    return .fileContainingExtension(type: type, number: number)
  }

  private static func string(_ content: Span<UInt8>) throws -> String {
    guard let text = WireReader.string(content) else { throw NotUTF8() }
    return text
  }
}
