/// Who is at the other end of a connection.
public struct Peer: Sendable, Equatable {
  /// The address as text: `127.0.0.1:50123`, `[::1]:50123`, `unix:/path`, or `in-process`.
  public var address: String
  /// The subject of the client's verified certificate (RFC 4514 style), when the connection has mutual TLS.
  public var certificateSubject: String?
  /// The DNS, URI and IP names of the client's verified certificate.
  public var certificateNames: [String]

  /// The other server to which it is connected; nil: to this one.
  public var server: String?

  /// In the metadata of a call that a gateway in this process makes: who asked the gateway, as text. Of other peers it means nothing.
  public static let callerField = "gkick-caller-address"

  public init(
    address: String, certificateSubject: String? = nil, certificateNames: [String] = [], server: String? = nil
  ) {
    self.address = address
    self.server = server
    self.certificateSubject = certificateSubject
    self.certificateNames = certificateNames
  }
}
