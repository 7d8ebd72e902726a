import NIOCore
import NIOSSL
import RPC

extension Peer {
  init(address: SocketAddress?) {
    switch address {
    case .v4(let v4): self.init(address: "\(address?.ipAddress ?? v4.host):\(address?.port ?? 0)")
    case .v6(let v6): self.init(address: "[\(address?.ipAddress ?? v6.host)]:\(address?.port ?? 0)")
    case .unixDomainSocket: self.init(address: "unix:\(address?.pathname ?? "")")
    case nil: self.init(address: "unknown")
    }
  }

  /// Takes the names out of a verified client certificate.
  mutating func read(_ certificate: NIOSSLCertificate) {
    certificateSubject = certificate.subjectName.map { "\(Self.label($0.type))=\(Self.escaped($0.value))" }.joined(
      separator: ",")
    certificateNames = certificate._subjectAlternativeNames().compactMap { name in
      switch name.nameType {
      case .dnsName, .uri: String(decoding: name.contents, as: UTF8.self)
      case .ipAddress: Self.address(Array(name.contents))
      default: nil
      }
    }
  }

  private static func label(_ type: SSLCertificateNameType) -> String {
    switch type {
    case .commonName: "CN"
    case .organization: "O"
    case .organizationalUnit: "OU"
    case .country: "C"
    case .state: "ST"
    case .city: "L"
    case .emailAddress: "emailAddress"
    case .userId: "UID"
    default: "OID"
    }
  }

  /// RFC 4514, section 2.4: a value with a comma in it must not pass for two.
  private static func escaped(_ value: String) -> String {
    var text = ""
    for scalar in value.unicodeScalars {
      if ",+\"\\<>;".unicodeScalars.contains(scalar) { text.unicodeScalars.append("\\") }
      text.unicodeScalars.append(scalar)
    }
    return text
  }

  private static func address(_ bytes: [UInt8]) -> String? {
    try? SocketAddress(packedIPAddress: ByteBuffer(bytes: bytes), port: 0).ipAddress
  }
}
