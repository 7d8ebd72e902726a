import HTTPTypes
import Hummingbird
import NIOCore
import RPC

/// A failed call as the Connect protocol says it (connectrpc.com/docs/protocol, "Error codes"): a word and an HTTP status.
struct ConnectError: Error {
  var status: Status
  /// Not the code's own, for what HTTP has a better word for (404, 405, 415).
  var httpStatus: HTTPResponse.Status?

  init(_ status: Status, httpStatus: HTTPResponse.Status? = nil) {
    self.status = status
    self.httpStatus = httpStatus
  }

  init(_ code: StatusCode, _ message: String) { self.init(Status(code, message)) }

  static func word(_ code: StatusCode) -> String {
    switch code {
    case .ok: "ok"
    case .cancelled: "canceled"
    case .unknown: "unknown"
    case .invalidArgument: "invalid_argument"
    case .deadlineExceeded: "deadline_exceeded"
    case .notFound: "not_found"
    case .alreadyExists: "already_exists"
    case .permissionDenied: "permission_denied"
    case .resourceExhausted: "resource_exhausted"
    case .failedPrecondition: "failed_precondition"
    case .aborted: "aborted"
    case .outOfRange: "out_of_range"
    case .unimplemented: "unimplemented"
    case .internal: "internal"
    case .unavailable: "unavailable"
    case .dataLoss: "data_loss"
    case .unauthenticated: "unauthenticated"
    }
  }

  static func httpStatus(_ code: StatusCode) -> HTTPResponse.Status {
    switch code {
    case .ok: .ok
    case .cancelled: HTTPResponse.Status(code: 499, reasonPhrase: "Client Closed Request")
    case .invalidArgument, .failedPrecondition, .outOfRange: .badRequest
    case .deadlineExceeded: .gatewayTimeout
    case .notFound: .notFound
    case .alreadyExists, .aborted: .conflict
    case .permissionDenied: .forbidden
    case .resourceExhausted: .tooManyRequests
    case .unimplemented: .notImplemented
    case .unavailable: .serviceUnavailable
    case .unauthenticated: .unauthorized
    case .unknown, .internal, .dataLoss: .internalServerError
    }
  }

  /// `{"code": ..., "message": ...}`
  var json: String {
    var text = "{\"code\":\"\(Self.word(status.code))\""
    if !status.message.isEmpty { text += ",\"message\":\(JSONText.quoted(status.message))" }
    return text + "}"
  }

  /// The fields of its answer, whose body is `json`.
  var fields: [(name: String, value: String)] {
    var fields = [(name: "content-type", value: "application/json"), (name: "cache-control", value: "no-store")]
    if let wait = status.retryPushback, wait >= 0 {
      fields.append((name: "retry-after", value: String((wait + 999) / 1_000)))
    }
    if status.code == .unauthenticated { fields.append((name: "www-authenticate", value: "Bearer")) }
    return fields
  }

  /// Of its answer.
  var answerStatus: HTTPResponse.Status { httpStatus ?? Self.httpStatus(status.code) }

  var response: Response {
    Response(
      status: answerStatus, headers: HTTPFields(fields), body: ResponseBody(byteBuffer: ByteBuffer(string: json)))
  }
}

extension HTTPFields {
  init(_ fields: [(name: String, value: String)]) {
    self.init()
    for field in fields {
      if let name = HTTPField.Name(field.name) { self[name] = field.value }
    }
  }
}

/// The little JSON that is not a message's.
enum JSONText {
  /// RFC 8259, section 7.
  static func quoted(_ text: String) -> String {
    var out = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": out += "\\\""
      case "\\": out += "\\\\"
      case "\n": out += "\\n"
      case "\r": out += "\\r"
      case "\t": out += "\\t"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out + "\""
  }
}
