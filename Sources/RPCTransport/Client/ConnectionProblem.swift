import Glibc
import NIOCore
import NIOPosix
import NIOSSL

/// Why there is no connection, for causes that somebody can do something about. Its `text` is part of the status message of the calls
/// that fail for it.
public enum ConnectionProblem: CaseIterable, Hashable, Sendable {
  case refused
  case noAnswer
  case noSuchSocket
  case nameNotFound
  /// We speak plaintext, it speaks TLS.
  case serverWantsTLS
  /// The other way round.
  case serverHasNoTLS
  case unknownAuthority
  case wrongName
  case expired
  case certificateWanted
  case certificateRefused
  /// An HTTP/1 server: a proxy, for example.
  case notGRPC
  /// What gKick's own --http port does, and servers that want TLS.
  case closedAtOnce

  public var text: String {
    switch self {
    case .refused: "connection refused"
    case .noAnswer: "no answer in time"
    case .noSuchSocket: "there is no such socket"
    case .nameNotFound: "the name is not known"
    case .serverWantsTLS: "the server speaks TLS, this client plaintext"
    case .serverHasNoTLS: "the server does not speak TLS"
    case .unknownAuthority: "the server's certificate is not signed by a trusted authority"
    case .wrongName: "the server's certificate is for another name"
    case .expired: "the server's certificate has expired or is not valid yet"
    case .certificateWanted: "the server wants a client certificate"
    case .certificateRefused: "the server does not accept the client certificate"
    case .notGRPC: "the port speaks HTTP/1, not gRPC"
    case .closedAtOnce: "it closed the connection before it said a word of gRPC"
    }
  }

  /// The one that a status message tells of, if any.
  public init?(in message: String) {
    guard let found = Self.allCases.first(where: { message.contains($0.text) }) else { return nil }
    self = found
  }

  // MARK: - Recognizing them

  /// What connecting failed with.
  init?(_ error: any Error) {
    switch error {
    case let error as IOError:
      switch error.errnoCode {
      case ECONNREFUSED: self = .refused
      case ENOENT: self = .noSuchSocket
      case ETIMEDOUT: self = .noAnswer
      default: return nil
      }
    case ChannelError.connectTimeout: self = .noAnswer
    case let error as NIOConnectionError:
      guard let first = error.connectionErrors.first else { return nil }
      self.init(first.error)
    default:
      self.init(tls: "\(error)")
    }
  }

  /// BoringSSL gives texts only: the names of its reasons are in them.
  private init?(tls text: String) {
    let known: [(String, Self)] = [
      ("WRONG_VERSION_NUMBER", .serverHasNoTLS), ("HTTP_REQUEST", .serverHasNoTLS),
      ("CERTIFICATE_REQUIRED", .certificateWanted), ("UNKNOWN_CA", .certificateRefused),
      ("ALERT_BAD_CERTIFICATE", .certificateRefused), ("ALERT_CERTIFICATE", .certificateRefused),
      ("HANDSHAKE_FAILURE", .certificateWanted),
      ("certificate has expired", .expired), ("not yet valid", .expired),
      ("CERTIFICATE_VERIFY_FAILED", .unknownAuthority),
      ("failedToValidateHostname", .wrongName),
    ]
    guard let found = known.first(where: { text.contains($0.0) }) else { return nil }
    self = found.1
  }

  /// The first bytes of a server that does not speak HTTP/2.
  init?(firstBytes bytes: ByteBuffer) {
    let start = bytes.getBytes(at: bytes.readerIndex, length: min(5, bytes.readableBytes)) ?? []
    if start.elementsEqual("HTTP/".utf8) {
      self = .notGRPC
    } else if start.count >= 2, start[0] == 0x15 || start[0] == 0x16, start[1] == 3 {
      // A TLS alert or handshake record.
      self = .serverWantsTLS
    } else {
      return nil
    }
  }

  /// In words that are free of a library's inside.
  static func describe(_ error: any Error) -> String {
    if let known = Self(error) { return known.text }
    if let error = error as? IOError {
      // The text belongs to the C library and is copied at once.
      return unsafe String(cString: strerror(error.errnoCode))
    }
    return "\(error)"
  }
}
