import NIOSSL

/// TLS for a server: files that are read at start and again when they change.
public struct ServerTLS: Sendable, Equatable {
  /// PEM: the server's certificate, then those that lead to its root.
  public var certificateChain: String
  /// PEM: the private key.
  public var privateKey: String
  /// PEM: roots of client certificates. When given, a client must have one (mutual TLS).
  public var clientRoots: String?
  /// How often the files are looked at for changes, in seconds; 0: only `RPCServer.reloadCertificates()`.
  public var watchInterval: Int64 = 10

  public init(certificateChain: String, privateKey: String, clientRoots: String? = nil) {
    self.certificateChain = certificateChain
    self.privateKey = privateKey
    self.clientRoots = clientRoots
  }

  /// Reads the files. TLS 1.2 and 1.3, ALPN `h2`, and of TLS 1.2 only the cipher suites that HTTP/2 does not forbid (RFC 9113 appendix A).
  ///
  /// - Parameter forWeb: of a port for browsers and `curl`, too: HTTP/1.1 beside HTTP/2, and the suites that are usual there.
  func makeContext(forWeb: Bool = false) throws -> NIOSSLContext {
    let chain = try TLSFile.certificates(certificateChain).map { NIOSSLCertificateSource.certificate($0) }
    let key = try TLSFile.key(privateKey)
    var configuration = TLSConfiguration.makeServerConfiguration(
      certificateChain: chain, privateKey: .privateKey(key))
    configuration.minimumTLSVersion = .tlsv12
    if !forWeb { configuration.cipherSuites = "ECDHE+AESGCM:ECDHE+CHACHA20" }
    configuration.applicationProtocols = forWeb ? ["h2", "http/1.1"] : ["h2"]
    if let clientRoots {
      configuration.certificateVerification = .noHostnameVerification
      configuration.trustRoots = .certificates(try TLSFile.certificates(clientRoots, as: .authorities))
    }
    return try TLSFile.context(configuration, key: privateKey)
  }
}
