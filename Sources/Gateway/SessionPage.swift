import FoundationEssentials
import HTTPTypes
import Hummingbird
import NIOCore
import RPC

/// `/session`: who looks at the page. GET says so, POST signs in with a token, DELETE out.
struct SessionPage: Sendable {
  let deck: TransportDeck
  let whoHas: WhoHas?
  let isEncrypted: Bool

  /// Browsers keep no longer cookies (RFC 6265, section 6.1); bytes.
  private static let longestToken = 3_800

  private struct SignIn: Decodable {
    var token: String
  }

  private struct Answer: Encodable {
    var auth: Bool
    var principal: String?
    var roles: [String]?
    var queues: [String]?
    var calls: [String]?
  }

  func respond(to request: Request, _ context: GatewayContext) async throws(ConnectError) -> Response {
    switch request.method {
    case .get, .head:
      guard whoHas != nil else { return try answer(Answer(auth: false)) }
      return try await show(CallHead(request.head).token, request, context)
    case .post:
      guard CallHead(request.head).isOwnPage else {
        throw ConnectError(.permissionDenied, "only the page itself signs in")
      }
      let type = (request.headers[.contentType] ?? "").split(separator: ";").first.map { $0.lowercased() }
      guard type == "application/json" else {
        throw ConnectError(Status(.unknown, "the content type is application/json"), httpStatus: .unsupportedMediaType)
      }
      let token = try await token(in: request)
      guard whoHas != nil else { return try answer(Answer(auth: false)) }
      var response = try await show(token, request, context)
      response.headers[.setCookie] = cookie(token)
      return response
    case .delete:
      guard CallHead(request.head).isOwnPage else {
        throw ConnectError(.permissionDenied, "only the page itself signs out")
      }
      var response = Response(status: .noContent)
      response.headers[.setCookie] = cookie("") + "; Max-Age=0"
      return response
    default:
      var headers = HTTPFields()
      headers[.allow] = "GET, HEAD, POST, DELETE"
      return Response(status: .methodNotAllowed, headers: headers)
    }
  }

  /// Asks as any call does, so that who is refused is counted and logged like any other.
  private func show(
    _ token: String?, _ request: Request, _ context: GatewayContext
  ) async throws(ConnectError) -> Response {
    var metadata = CallHead(request.head).metadata(from: context.address)
    metadata.removeAll("authorization")
    if let token { metadata.add("authorization", "Bearer \(token)") }
    let asked = await deck.next.call(
      "/gkick.v1.AdminService/GetServerInfo", messages: [ByteBuffer()], metadata: metadata, timeout: .seconds(5))
    guard asked.status.isOK else { throw ConnectError(asked.status) }
    guard let token, let found = await whoHas?(token) else {
      throw ConnectError(.unauthenticated, "nobody is signed in")
    }
    return try answer(
      Answer(
        auth: true, principal: found.principal, roles: found.roles, queues: found.queues, calls: found.calls))
  }

  private func token(in request: Request) async throws(ConnectError) -> String {
    do {
      let body = try await request.body.collect(upTo: 16 << 10)
      let token = try JSONDecoder().decode(SignIn.self, from: Data(body.readableBytesView)).token
      // As a cookie's value may be (RFC 6265, section 4.1.1); a token's letters all are.
      let isPlain = token.utf8.allSatisfy {
        $0 > 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x2C && $0 != 0x3B && $0 != 0x5C
      }
      if isPlain, !token.isEmpty, token.utf8.count <= Self.longestToken { return token }
    } catch {}
    throw ConnectError(.invalidArgument, "{\"token\": ...} is asked for, of at most \(Self.longestToken) bytes")
  }

  private func cookie(_ value: String) -> String {
    "\(CallHead.cookieName)=\(value); Path=/; HttpOnly; SameSite=Strict" + (isEncrypted ? "; Secure" : "")
  }

  private func answer(_ answer: Answer) throws(ConnectError) -> Response {
    guard let bytes = try? JSONEncoder().encode(answer) else { throw ConnectError(.internal, "no answer") }
    var headers = HTTPFields()
    headers[.contentType] = "application/json"
    headers[.cacheControl] = "no-store"
    return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
  }
}
