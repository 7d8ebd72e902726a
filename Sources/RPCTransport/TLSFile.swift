import Glibc
import NIOSSL

/// A PEM file that cannot be used, and why, for whoever named it.
public struct TLSFileProblem: Error, CustomStringConvertible {
  public var file: String
  public var reason: String

  public var description: String { "\(file): \(reason)" }
}

/// Reads PEM files; whatever is wrong is said of the file.
enum TLSFile {
  static func certificates(_ file: String) throws(TLSFileProblem) -> [NIOSSLCertificate] {
    try readable(file)
    guard let found = try? NIOSSLCertificate.fromPEMFile(file), !found.isEmpty else {
      throw TLSFileProblem(file: file, reason: "holds no certificate in PEM form")
    }
    return found
  }

  static func key(_ file: String) throws(TLSFileProblem) -> NIOSSLPrivateKey {
    try readable(file)
    do {
      return try NIOSSLPrivateKey(file: file, format: .pem)
    } catch {
      throw TLSFileProblem(file: file, reason: "holds no private key in PEM form, or one that is encrypted")
    }
  }

  /// - Parameter key: the file of the private key that is to belong to the certificate.
  static func context(_ configuration: TLSConfiguration, key: String?) throws(TLSFileProblem) -> NIOSSLContext {
    do {
      return try NIOSSLContext(configuration: configuration)
    } catch {
      if let key { throw TLSFileProblem(file: key, reason: "is not the key of the certificate") }
      throw TLSFileProblem(file: "TLS", reason: "\(error)")
    }
  }

  private static func readable(_ file: String) throws(TLSFileProblem) {
    // The path outlives the call.
    guard unsafe access(file, R_OK) != 0 else { return }
    // The text belongs to the C library and is copied at once.
    throw TLSFileProblem(file: file, reason: unsafe String(cString: strerror(errno)))
  }
}
