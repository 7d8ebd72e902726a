import NIOCore
import Protobuf
import RPC

/// The health service's messages on the wire; the field numbers are those of `grpc/health/v1/health.proto`.
enum HealthMessages {
  /// `SERVICE_UNKNOWN`, which only Watch sends.
  static let serviceUnknown: Int32 = 3

  /// Requests are a name: anything longer is no honest one.
  private static let maximumRequestSize = 4096

  /// The service that a `HealthCheckRequest` asks for.
  static func service(of message: ByteBuffer) -> Result<String, Status> {
    guard message.readableBytes <= maximumRequestSize else {
      return .failure(Status(.resourceExhausted, "request too large"))
    }
    let bytes = message.readableBytesUInt8Span
    var reader = WireReader()
    var service = ""
    do {
      while let field = try reader.next(in: bytes) {
        guard field.number == 1 else { continue }
        guard case .bytes(let range) = field.value, let name = WireReader.string(bytes.extracting(range)) else {
          return .failure(Status(.internal, "malformed request"))
        }
        service = name
      }
    } catch {
      return .failure(Status(.internal, "malformed request"))
    }
    return .success(service)
  }

  /// A `HealthCheckResponse`.
  static func response(_ status: Int32) -> [UInt8] {
    var writer = WireWriter()
    if status != 0 { writer.field(1, UInt64(status)) }
    return writer.bytes
  }

  /// A `HealthListResponse`.
  static func response(_ statuses: [String: ServingStatus]) -> [UInt8] {
    var writer = WireWriter()
    for (service, status) in statuses {
      // A map is a list of entries, key 1 and value 2.
      writer.message(1) { entry in
        entry.field(1, service)
        entry.field(2, response(status.rawValue))
      }
    }
    return writer.bytes
  }
}
