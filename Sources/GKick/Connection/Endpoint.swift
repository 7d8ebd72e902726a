import NIOCore
import RPC
public import RPCTransport

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Where the server is and how to speak with it.
///
///     Endpoint("gkick.internal:7450")
///     Endpoint("dns:///gkick.internal:7450", tls: ClientTLS())
///     Endpoint("unix:/run/gkick.sock")
public struct Endpoint: Sendable, ExpressibleByStringLiteral {
  /// `host:port`, several of them separated by commas, `dns:///host:port`, or `unix:path`. Without a port: 7450.
  public var address: String
  /// `nil`: plaintext.
  public var tls: ClientTLS?
  /// Sent with every call as `authorization: Bearer …`. Without TLS only to this machine, unless `sendsTokenInPlaintext`.
  public var token: String?
  /// Sends the token to other hosts without TLS, too, where it can be read on the way.
  public var sendsTokenInPlaintext = false
  /// One call's time, unless it waits by its nature.
  public var timeout: Duration = .seconds(30)
  /// Whether calls wait for a server that cannot be reached, up to `timeout`, instead of failing at once.
  public var waitsForServer = false
  /// How long calls that may be repeated without harm go on trying when a server that has answered before is away, as while it restarts.
  public var patience: Duration = .zero
  /// Told each time that a call is tried again for that.
  public var onRetry: (@Sendable (GKickError) -> Void)?
  /// As servers see who calls.
  package var userAgent: String?
  /// Which of several servers gets a call.
  public var loadBalancing = ClientConfiguration.LoadBalancing.pickFirst

  /// When the server is asked whether it is still there, so that a connection that broke in silence is replaced. `nil`: never.
  public var keepalive: ClientKeepalive? = ClientKeepalive()

  public static let defaultPort = 7450

  public init(_ address: String, tls: ClientTLS? = nil, token: String? = nil) {
    self.address = address
    self.tls = tls
    self.token = token
  }

  public init(stringLiteral value: String) { self.init(value) }

  /// What the environment says: `GKICK_ADDRESS` (else localhost), `GKICK_TOKEN` (with `GKICK_INSECURE_TOKEN=1` also in plaintext to
  /// another host), and for TLS `GKICK_TLS=1` (trusting the system's
  /// authorities), `GKICK_TLS_CA`, `GKICK_TLS_CERT` and `GKICK_TLS_KEY` (PEM files), as for the command line.
  public static var environment: Endpoint { Endpoint(environment: variable) }

  init(environment variable: (String) -> String?) {
    self.init(variable("GKICK_ADDRESS") ?? "localhost:\(Self.defaultPort)", token: variable("GKICK_TOKEN"))
    func isOn(_ name: String) -> Bool { ["1", "true", "yes", "on"].contains(variable(name)?.lowercased()) }
    sendsTokenInPlaintext = isOn("GKICK_INSECURE_TOKEN")
    let authorities = variable("GKICK_TLS_CA")
    let certificate = variable("GKICK_TLS_CERT")
    guard isOn("GKICK_TLS") || authorities != nil || certificate != nil else { return }
    var tls = ClientTLS(roots: authorities.map { .file($0) } ?? .system)
    if let certificate, let key = variable("GKICK_TLS_KEY") {
      tls.identity = .init(certificateChainFile: certificate, privateKeyFile: key)
    }
    self.tls = tls
  }

  private static func variable(_ name: String) -> String? {
    // The pointer is read before anything else can change the environment.
    guard let value = unsafe getenv(name) else { return nil }
    let text = unsafe String(cString: value)
    return text.isEmpty ? nil : text
  }

  // MARK: - For the library

  /// Whether all of it is this machine.
  var isLocal: Bool {
    address.split(separator: ",").allSatisfy { part in
      if part.hasPrefix("unix:") { return true }
      let place = part.hasPrefix("dns:///") ? part.dropFirst("dns:///".count) : part.drop { $0 == " " }
      if place.hasPrefix("[") { return place.hasPrefix("[::1]") }
      let host = place.prefix { $0 != ":" }
      let numbers = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
      return host == "localhost" || numbers.count == 4 && numbers[0] == 127 && numbers.allSatisfy { $0 != nil }
    }
  }

  var metadata: Metadata {
    var metadata = Metadata()
    if let token { metadata.add("authorization", "Bearer \(token)") }
    return metadata
  }

  /// A channel to the server, on one event loop of the process's own group.
  package func makeChannel() throws(GKickError) -> ClientChannel {
    guard let target = ClientTarget(address, defaultPort: Self.defaultPort) else {
      throw GKickError(.invalid, "\"\(address)\" is no address: write host:port, dns:///host:port or unix:path")
    }
    if token != nil, tls == nil, !sendsTokenInPlaintext, !isLocal {
      throw GKickError(
        .invalid, "the token would go to \(address) in plaintext: set tls, or sendsTokenInPlaintext if it is to be so")
    }
    var configuration = ClientConfiguration()
    configuration.tls = tls
    if let userAgent { configuration.userAgent = userAgent }
    configuration.loadBalancing = loadBalancing
    configuration.keepalive = keepalive
    configuration.waitForReady = waitsForServer
    configuration.backoff.maximum = .seconds(10)
    configuration.maxReceiveMessageSize = 16 * 1024 * 1024
    do {
      return try ClientChannel(target: target, configuration: configuration, group: Loops.group)
    } catch {
      throw GKickError(.invalid, "TLS: \(error)")
    }
  }
}
