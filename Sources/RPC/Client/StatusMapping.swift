import HTTP2

/// What a call's end means when the server did not say it with a `grpc-status`.
enum StatusMapping {
  /// For a response without `grpc-status` (gRPC `doc/http-grpc-status-mapping.md`).
  static func code(httpStatus: Int) -> StatusCode {
    switch httpStatus {
    case 400: .internal
    case 401: .unauthenticated
    case 403: .permissionDenied
    case 404: .unimplemented
    case 429, 502, 503, 504: .unavailable
    default: .unknown
    }
  }

  /// For a stream that the server reset (gRPC `doc/PROTOCOL-HTTP2.md`, "Errors").
  static func code(reset: HTTP2ErrorCode) -> StatusCode {
    switch reset {
    case .refusedStream: .unavailable
    case .cancel: .cancelled
    case .enhanceYourCalm: .resourceExhausted
    case .inadequateSecurity: .permissionDenied
    case .noError, .protocolError, .internalError, .flowControlError, .settingsTimeout, .frameSizeError,
      .compressionError, .connectError:
      .internal
    default: .unknown
    }
  }
}
