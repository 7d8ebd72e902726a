import HTTP2
import NIOCore

/// What gRPC wants to know of a response's header or trailer block.
struct ResponseHead {
  enum Encoding { case identity, gzip, unknown }

  /// 0: the block has no `:status`, as trailers have none.
  var httpStatus = 0
  var isGRPC = false
  var contentType = ""
  var encoding = Encoding.identity
  /// `nil`: no `grpc-status`. What is no code of gRPC's is `unknown`.
  var code: StatusCode?
  var message = ""
  var details: [UInt8]?
  var retryPushback: Int64?
  /// There is custom metadata in the block.
  var hasMetadata = false

  init(_ block: ByteBuffer) {
    let fields = HTTP2HeaderFields(block)
    for field in fields {
      switch field.nameLength {
      case 7 where fields.name(field) == ":status":
        httpStatus = Int(fields.value(field)) ?? 0
      case 12 where fields.name(field) == "content-type":
        contentType = fields.value(field)
        isGRPC = Self.isGRPC(contentType)
      case 11 where fields.name(field) == "grpc-status":
        code = Int(fields.value(field)).flatMap(StatusCode.init(rawValue:)) ?? .unknown
      case 12 where fields.name(field) == "grpc-message":
        message = PercentCoding.decode(
          block.viewBytes(at: field.valueStart, length: field.valueLength) ?? ByteBufferView())
      case 13 where fields.name(field) == "grpc-encoding":
        switch fields.value(field) {
        case "identity", "": encoding = .identity
        case "gzip": encoding = .gzip
        default: encoding = .unknown
        }
      case 23 where fields.name(field) == "grpc-status-details-bin":
        details = Base64.decode(fields.value(field).utf8)
      case 22 where fields.name(field) == "grpc-retry-pushback-ms":
        // What is no number means "do not retry" (gRFC A6).
        retryPushback = Int64(fields.value(field)) ?? -1
      default:
        hasMetadata = true
      }
    }
  }

  /// The call's status by this block, which ended it.
  func status(httpStatus: Int) -> Status {
    guard let code else {
      return Status(StatusMapping.code(httpStatus: httpStatus), "HTTP status \(httpStatus) and no grpc-status")
    }
    return Status(code, message, details: details, retryPushback: retryPushback)
  }

  private static func isGRPC(_ contentType: String) -> Bool {
    guard contentType.hasPrefix("application/grpc") else { return false }
    guard let next = contentType.dropFirst("application/grpc".count).first else { return true }
    return next == "+" || next == ";" || next == " "
  }
}
