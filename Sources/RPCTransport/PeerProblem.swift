import NIOCore

/// Why a client's connection came to nothing, for causes that its owner or the server's can do something about.
public enum PeerProblem: CaseIterable, Hashable, Sendable {
  /// This port speaks plaintext.
  case speaksTLS
  /// This port speaks TLS.
  case speaksPlaintext
  /// A browser, a health check: HTTP/1, and this port speaks gRPC.
  case speaksHTTP1
  /// Over TLS it does not offer HTTP/2.
  case offersNoHTTP2
  case showsNoCertificate
  case showsUnknownCertificate
  /// It does not trust the server's certificate.
  case distrustsServer

  /// The first bytes on a plaintext port of somebody who does not speak HTTP/2; nil: nothing that is known.
  init?(firstBytes bytes: ByteBuffer) {
    let start = bytes.getBytes(at: bytes.readerIndex, length: min(8, bytes.readableBytes)) ?? []
    if start.count >= 2, start[0] == 0x16, start[1] == 3 {
      // A TLS handshake record.
      self = .speaksTLS
    } else if Self.methods.contains(where: { start.starts(with: $0.utf8) }) {
      self = .speaksHTTP1
    } else {
      return nil
    }
  }

  private static let methods = ["GET ", "HEAD ", "POST ", "PUT ", "DELETE ", "OPTIONS ", "PATCH ", "CONNECT "]

  /// What a TLS handshake failed with; nil: nothing that is known. BoringSSL gives texts only: the names of its reasons are in them.
  init?(_ error: any Error) {
    let text = "\(error)"
    let known: [(String, Self)] = [
      ("PEER_DID_NOT_RETURN_A_CERTIFICATE", .showsNoCertificate),
      ("ALERT_UNKNOWN_CA", .distrustsServer), ("ALERT_CERTIFICATE_UNKNOWN", .distrustsServer),
      ("ALERT_BAD_CERTIFICATE", .distrustsServer),
      ("CERTIFICATE_VERIFY_FAILED", .showsUnknownCertificate),
      ("NO_APPLICATION_PROTOCOL", .offersNoHTTP2),
      ("WRONG_VERSION_NUMBER", .speaksPlaintext), ("HTTP_REQUEST", .speaksPlaintext),
      ("HTTPS_PROXY_REQUEST", .speaksPlaintext),
    ]
    guard let found = known.first(where: { text.contains($0.0) }) else { return nil }
    self = found.1
  }
}

/// Told of a client that cannot be served as it is, with its address. On any loop.
public typealias TellOfPeer = @Sendable (PeerProblem, _ address: String) -> Void
