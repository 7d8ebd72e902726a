import Glibc
import NIOSSL

/// A PEM file that cannot be used, and why, for whoever named it.
public struct TLSFileProblem: Error, CustomStringConvertible {
  /// What was looked for in the file: several of them may be one file.
  public enum Part: Sendable {
    case certificates
    case key
    case authorities
  }

  public var part: Part
  public var file: String
  public var reason: String

  public var description: String { "\(file): \(reason)" }
}

/// Reads PEM files; whatever is wrong is said of the file.
enum TLSFile {
  static func certificates(
    _ file: String, as part: TLSFileProblem.Part = .certificates
  ) throws(TLSFileProblem) -> [NIOSSLCertificate] {
    try readable(file, part)
    guard let found = try? NIOSSLCertificate.fromPEMFile(file), !found.isEmpty else {
      throw TLSFileProblem(part: part, file: file, reason: "holds no certificate in PEM form")
    }
    return found
  }

  static func key(_ file: String) throws(TLSFileProblem) -> NIOSSLPrivateKey {
    try readable(file, .key)
    do {
      return try NIOSSLPrivateKey(file: file, format: .pem)
    } catch {
      throw TLSFileProblem(part: .key, file: file, reason: "holds no private key in PEM form, or one that is encrypted")
    }
  }

  /// - Parameter key: the file of the private key that is to belong to the certificate.
  static func context(_ configuration: TLSConfiguration, key: String?) throws(TLSFileProblem) -> NIOSSLContext {
    do {
      return try NIOSSLContext(configuration: configuration)
    } catch {
      if let key { throw TLSFileProblem(part: .key, file: key, reason: "is not the key of the certificate") }
      throw TLSFileProblem(part: .certificates, file: "TLS", reason: "\(error)")
    }
  }

  private static func readable(_ file: String, _ part: TLSFileProblem.Part) throws(TLSFileProblem) {
    // The path outlives the call.
    guard unsafe access(file, R_OK) != 0 else { return }
    // The text belongs to the C library and is copied at once.
    throw TLSFileProblem(part: part, file: file, reason: unsafe String(cString: strerror(errno)))
  }
}
