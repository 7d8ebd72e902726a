import HTTPTypes
import Hummingbird
import NIOCore
import RPC
import Synchronization

/// Sends each request where it belongs.
struct GatewayResponder: HTTPResponder {
  typealias Context = GatewayContext

  private let configuration: GatewayConfiguration
  private let calls: ConnectCalls
  private let events: EventFeed
  private let pages: Gateway.Pages
  private let sessions: SessionPage

  init(configuration: GatewayConfiguration, calls: ConnectCalls, deck: TransportDeck, pages: @escaping Gateway.Pages) {
    self.configuration = configuration
    self.calls = calls
    events = EventFeed(deck: deck)
    self.pages = pages
    sessions = SessionPage(deck: deck, whoHas: configuration.whoHas, isEncrypted: configuration.tls != nil)
  }

  func respond(to request: Request, context: GatewayContext) async throws -> Response {
    let origin = request.headers[.origin]
    let isForeign = calls.allows(origin)
    if request.method == .options, request.headers[.accessControlRequestMethod] != nil {
      return preflight(allowed: isForeign, origin: origin)
    }
    var response: Response
    do throws(ConnectError) {
      response = try await route(request, context)
    } catch {
      response = error.response
    }
    calls.allow(origin, &response.headers)
    return response
  }

  private func route(_ request: Request, _ context: GatewayContext) async throws(ConnectError) -> Response {
    let path = request.uri.path
    if request.headers[.contentType]?.hasPrefix("application/grpc") ?? false {
      configuration.tellOfStranger(.speaksGRPC, context.address)
      throw ConnectError(
        Status(.unimplemented, "this port speaks JSON over HTTP; gRPC is on that of --listen"),
        httpStatus: .unsupportedMediaType)
    }
    if path.hasPrefix("/gkick.v1.") { return try await calls.respond(to: request, path: path, context) }
    if path == "/session" { return try await sessions.respond(to: request, context) }
    guard request.method == .get || request.method == .head else {
      if path == "/events" || StaticFile.at(path) != nil { return methodNotAllowed("GET, HEAD") }
      if await pages(path, nil) != nil { return methodNotAllowed("GET, HEAD") }
      throw ConnectError(Status(.notFound, "there is nothing at \(path)"))
    }
    if path == "/events" { return try await events.respond(to: request, context) }
    if let file = StaticFile.at(path) { return file.response(to: request) }
    if let page = await pages(path, CallHead(request.head).token) {
      var headers = HTTPFields()
      headers[.contentType] = page.contentType
      headers[.cacheControl] = "no-store"
      return Response(
        status: .init(code: page.status), headers: headers, body: .init(byteBuffer: ByteBuffer(string: page.body)))
    }
    throw ConnectError(Status(.notFound, "there is nothing at \(path)"))
  }

  private func methodNotAllowed(_ allowed: String) -> Response {
    var headers = HTTPFields()
    headers[.allow] = allowed
    return Response(status: .methodNotAllowed, headers: headers)
  }

  /// What a browser asks before it lets a page of another origin call (Fetch standard, "CORS-preflight fetch").
  private func preflight(allowed: Bool, origin: String?) -> Response {
    guard allowed, let origin else { return Response(status: .forbidden) }
    var headers = HTTPFields()
    headers[.accessControlAllowOrigin] = origin
    headers[.vary] = "Origin"
    headers[.accessControlAllowMethods] = "GET, POST"
    headers[.accessControlAllowHeaders] =
      "content-type, authorization, connect-protocol-version, connect-timeout-ms, last-event-id"
    headers[.accessControlMaxAge] = "7200"
    return Response(status: .noContent, headers: headers)
  }
}

/// The transports, one per event loop of the server, in turn.
final class TransportDeck: Sendable {
  private let transports: [InProcessTransport]
  private let turn = Atomic<Int>(0)

  init(_ transports: [InProcessTransport]) { self.transports = transports }

  var next: InProcessTransport {
    transports[turn.wrappingAdd(1, ordering: .relaxed).newValue % transports.count]
  }
}
