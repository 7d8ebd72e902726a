import NIOSSL

/// How a client secures its connections. Always TLS 1.2 or newer with ALPN `h2`.
public struct ClientTLS: Sendable {
  /// Whom to trust.
  public enum Roots: Sendable {
    case system
    /// A PEM file with certificates.
    case file(String)
  }

  /// The client's own certificate, for mutual TLS.
  public struct Identity: Sendable {
    /// A PEM file with the certificate and those between it and the root.
    public var certificateChainFile: String
    /// A PEM file with the private key, not encrypted.
    public var privateKeyFile: String

    public init(certificateChainFile: String, privateKeyFile: String) {
      self.certificateChainFile = certificateChainFile
      self.privateKeyFile = privateKeyFile
    }
  }

  public var roots: Roots = .system
  public var identity: Identity?
  /// The name that the server's certificate must bear, and SNI; `nil`: the target's host.
  public var serverName: String?
  /// Off, anyone can claim to be the server: for trials on one machine only.
  public var verifiesServer = true
  /// Off, the certificate must be trusted, whatever name it bears: for servers that know each other by an authority of their own.
  public var verifiesName = true

  public init(roots: Roots = .system, identity: Identity? = nil, serverName: String? = nil) {
    self.roots = roots
    self.identity = identity
    self.serverName = serverName
  }

  var rootsFile: String? {
    if case .file(let path) = roots { path } else { nil }
  }

  /// Reads the files; throws what is wrong with which of them.
  func makeContext() throws -> NIOSSLContext {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.minimumTLSVersion = .tlsv12
    configuration.applicationProtocols = ["h2"]
    if let rootsFile {
      configuration.trustRoots = .certificates(try TLSFile.certificates(rootsFile, as: .authorities))
    }
    if !verifiesName { configuration.certificateVerification = .noHostnameVerification }
    if !verifiesServer { configuration.certificateVerification = .none }
    if let identity {
      configuration.certificateChain = try TLSFile.certificates(identity.certificateChainFile).map { .certificate($0) }
      configuration.privateKey = .privateKey(try TLSFile.key(identity.privateKeyFile))
    }
    return try TLSFile.context(configuration, key: identity?.privateKeyFile)
  }
}
