import ArgumentParser
import FoundationEssentials
import Glibc
import Jobs
import NIOCore
import NIOSSL
import RPC
import RPCTransport
import Services

/// Where the server is and how to speak with it.
struct ConnectionFlags: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The server: HOST:PORT or unix:PATH. (default: 127.0.0.1:7450; GKICK_ADDRESS)", valueName: "address"))
  var address: String?

  @Flag(help: "Use TLS, trusting the system's authorities. (GKICK_TLS=1)")
  var tls = false

  @Option(
    name: .customLong("tls-ca"),
    help: ArgumentHelp("Use TLS and trust the authorities in this PEM file. (GKICK_TLS_CA)", valueName: "file"),
    completion: .file())
  var tlsCA: String?

  @Option(
    help: ArgumentHelp("The client's certificate chain, for mutual TLS. (GKICK_TLS_CERT)", valueName: "file"),
    completion: .file())
  var tlsCert: String?

  @Option(
    help: ArgumentHelp("Its private key. (GKICK_TLS_KEY)", valueName: "file"), completion: .file())
  var tlsKey: String?

  @Option(
    help: ArgumentHelp(
      "A file with the token that says who calls. (GKICK_TOKEN_FILE; the token itself: GKICK_TOKEN)", valueName: "file"),
    completion: .file())
  var tokenFile: String?

  @Flag(
    help: "Send the token to another host even without TLS, where it can be read on the way. (GKICK_INSECURE_TOKEN=1)")
  var insecureToken = false

  @Option(
    help: ArgumentHelp(
      "How long to wait for an answer, the connection included. (default: 10s; GKICK_TIMEOUT)", valueName: "time"))
  var timeout: String?

  func validate() throws { _ = try settings() }

  func settings() throws -> ClientSettings {
    let environment = SettingSources(environment: ProcessInfo.processInfo.environment)
    let address = Setting("--address", address, environment: environment)
    let endpoint = try address.value(
      default: Endpoint.host("127.0.0.1", port: 7450), allowed: Endpoint.form, Endpoint.init)
    let timeout = try Setting("--timeout", timeout, environment: environment)
      .value(default: .seconds(10), allowed: IntervalText.form, IntervalText.parse)
    let authorities = Setting("--tls-ca", tlsCA, environment: environment).text
    let certificate = Setting("--tls-cert", tlsCert, environment: environment).text
    let key = Setting("--tls-key", tlsKey, environment: environment).text
    guard (certificate == nil) == (key == nil) else {
      throw ValidationError("--tls-cert and --tls-key go together")
    }
    for (flag, file) in [("--tls-ca", authorities), ("--tls-cert", certificate), ("--tls-key", key)] {
      guard let file, let reason = Self.whyUnreadable(file) else { continue }
      throw ValidationError("\(flag): cannot read '\(file)': \(reason)")
    }
    try Self.checkContents(authorities: authorities, certificate: certificate, key: key)
    var security: ClientTLS?
    if try Setting.isOn("--tls", tls, environment: environment) || authorities != nil || certificate != nil {
      security = ClientTLS(roots: authorities.map { .file($0) } ?? .system)
      if let certificate, let key {
        security?.identity = .init(certificateChainFile: certificate, privateKeyFile: key)
      }
    }
    let token = try token(environment)
    let isPlain = security == nil && !endpoint.isLocal
    let inPlaintext = try Setting.isOn("--insecure-token", insecureToken, environment: environment)
    if token != nil, isPlain, !inPlaintext {
      throw ValidationError(
        "the token would go to \(endpoint) in plaintext: use --tls, or say --insecure-token if it is to be so")
    }
    return ClientSettings(endpoint: endpoint, tls: security, timeout: timeout, token: token)
  }

  /// The flag wins over the environment, and there the token itself over its file.
  private func token(_ environment: SettingSources) throws -> String? {
    if tokenFile == nil, let token = Setting("--token", nil, environment: environment).text {
      return try Self.checked(token, "GKICK_TOKEN")
    }
    let setting = Setting("--token-file", tokenFile, environment: environment)
    guard let file = setting.text else { return nil }
    if let reason = Self.whyUnreadable(file) {
      throw ValidationError("--token-file: cannot read '\(file)': \(reason)")
    }
    guard let bytes = ZoneFolder.read(file, atMost: 64 << 10) else {
      throw ValidationError("--token-file: '\(file)' cannot be read, or is over 64 KiB")
    }
    let line = String(decoding: bytes, as: UTF8.self).prefix { !$0.isNewline }
    return try Self.checked(String(line), "--token-file '\(file)'")
  }

  private static func checked(_ token: String, _ place: String) throws -> String {
    guard !token.isEmpty, token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
      throw ValidationError("\(place): a token is one line of visible ASCII characters")
    }
    return token
  }

  /// What is wrong with which file, in words of our own: the library's name its source files.
  private static func checkContents(authorities: String?, certificate: String?, key: String?) throws {
    func read(_ flag: String, _ file: String?, _ what: String, _ read: (String) throws -> Void) throws {
      guard let file else { return }
      do { try read(file) } catch { throw ValidationError("\(flag): '\(file)' holds no \(what) in PEM format") }
    }
    func certificates(_ file: String) throws {
      guard !(try NIOSSLCertificate.fromPEMFile(file)).isEmpty else { throw NIOSSLError.failedToLoadCertificate }
    }
    try read("--tls-ca", authorities, "certificate", certificates)
    try read("--tls-cert", certificate, "certificate", certificates)
    try read("--tls-key", key, "private key that is not encrypted") {
      _ = try NIOSSLPrivateKey(file: $0, format: .pem)
    }
    guard let certificate, let key else { return }
    var both = TLSConfiguration.makeClientConfiguration()
    both.certificateChain = try NIOSSLCertificate.fromPEMFile(certificate).map { .certificate($0) }
    both.privateKey = .privateKey(try NIOSSLPrivateKey(file: key, format: .pem))
    do {
      _ = try NIOSSLContext(configuration: both)
    } catch {
      throw ValidationError("--tls-key: '\(key)' is not the key of the certificate in '\(certificate)'")
    }
  }

  /// nil: it can be read.
  private static func whyUnreadable(_ file: String) -> String? {
    guard unsafe access(file, R_OK) != 0 else { return nil }
    // The text belongs to the C library and is copied at once.
    return unsafe String(cString: strerror(errno))
  }
}

/// The same, read and checked.
struct ClientSettings: Sendable {
  var endpoint: Endpoint
  var tls: ClientTLS?
  var timeout: Interval
  /// Who calls; never to be shown.
  var token: String?

  /// Goes along with every call.
  var metadata: Metadata {
    var metadata = Metadata()
    if let token { metadata.add("authorization", "Bearer \(token)") }
    return metadata
  }
}
