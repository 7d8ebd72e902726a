import Hummingbird
import HummingbirdCore
public import Logging
public import NIOCore
public import NIOSSL
public import RPC
import ServiceLifecycle

/// What a gateway is told at the start.
public struct GatewayConfiguration: Sendable {
  public var host: String
  public var port: Int
  /// What a new connection gets, with ALPN `h2` and `http/1.1`; nil: plaintext. HTTP/1.1 and HTTP/2 with either.
  public var tls: (@Sendable () -> NIOSSLContext)?
  /// Web pages of these origins may call ("https://app.example.org"); empty: none but the gateway's own.
  public var origins: [String] = []
  /// Bytes of one request body, also after inflating.
  public var maxBody = 4 << 20
  /// More connections than these wait until others have gone.
  public var maxConnections = 4_096
  /// How long a connection may take for the head of its next request.
  public var headTimeout = TimeAmount.seconds(60)
  /// How long a request's body may take.
  public var bodyTimeout = TimeAmount.seconds(30)
  /// Who has a token, and what they may call; nil: nobody is asked who they are.
  public var whoHas: WhoHas?
  /// Told, with the address, of whoever speaks what this port does not. On any thread.
  public var tellOfStranger: @Sendable (GatewayStranger, _ address: String) -> Void = { _, _ in }

  public init(host: String, port: Int) {
    self.host = host
    self.port = port
  }
}

/// Who came to the wrong port.
public enum GatewayStranger: Sendable {
  case speaksGRPC
  case speaksTLS
}

/// Somebody who may call, for the page.
public struct GatewayIdentity: Sendable {
  public var principal: String
  public var roles: [String]
  /// Patterns; empty: all.
  public var queues: [String]
  /// "Enqueue" ...
  public var calls: [String]

  public init(principal: String, roles: [String], queues: [String], calls: [String]) {
    self.principal = principal
    self.roles = roles
    self.queues = queues
    self.calls = calls
  }
}

/// nil: nobody.
public typealias WhoHas = @Sendable (_ token: String) async -> GatewayIdentity?

/// A page that is neither a call nor a file: health, metrics.
public struct GatewayPage: Sendable {
  /// HTTP status.
  public var status: Int
  public var contentType: String
  public var body: String

  public init(status: Int, contentType: String, body: String) {
    self.status = status
    self.contentType = contentType
    self.body = body
  }
}

/// JSON over HTTP: every RPC by the Connect protocol (connectrpc.com/docs/protocol), events as server-sent events, the web page, and the pages
/// for health and metrics. It has no rule of its own: each request becomes a call on the in-process transport.
public struct Gateway: Sendable {
  /// The page at a path, for whoever has this token (nil: none was shown); nil: there is none.
  public typealias Pages = @Sendable (_ path: String, _ token: String?) async -> GatewayPage?

  static let serverName = "gkick"

  private let services: ServiceGroup
  private let executor: LoopTaskExecutor

  /// - Parameters:
  ///   - transports: calls are dealt to them in turn; at least one.
  ///   - group: of a thread of its own, so that what hangs elsewhere does not keep health from being told.
  ///   - bound: told the address once it listens.
  public init(
    configuration: GatewayConfiguration, transports: [InProcessTransport], group: any EventLoopGroup, logger: Logger,
    pages: @escaping Pages, bound: @escaping @Sendable (any Channel) async -> Void = { _ in }
  ) throws {
    executor = LoopTaskExecutor(group.next())
    let deck = TransportDeck(transports)
    let calls = ConnectCalls(deck: deck, maxBody: configuration.maxBody, origins: configuration.origins)
    let responder = GatewayResponder(configuration: configuration, calls: calls, deck: deck, pages: pages)
    let server = HTTPServerBuilder {
      WebChannel(responder: $0, configuration: configuration, calls: calls)
    }
    var quiet = logger
    // What goes wrong with one connection is not worth a line each.
    quiet.logLevel = .critical
    let application = Application(
      responder: responder, server: server,
      configuration: ApplicationConfiguration(
        address: .hostname(configuration.host, port: configuration.port), serverName: Self.serverName, backlog: 256,
        reuseAddress: true, availableConnectionsDelegate: MaximumAvailableConnections(configuration.maxConnections)),
      onServerRunning: bound, eventLoopGroupProvider: .shared(group), logger: quiet)
    services = ServiceGroup(configuration: .init(services: [application], logger: quiet))
  }

  /// Serves until `stop`. All of a request's work is done on the loop that its bytes come to: to hand it to another thread and back costs more than
  /// most requests do.
  public func run() async throws {
    try await withTaskExecutorPreference(executor) { try await services.run() }
  }

  /// No new connections; open ones end with the answer they are in. Streams of events do not end by themselves: cancel `run`'s task after a moment.
  public func stop() async { await services.triggerGracefulShutdown() }
}
