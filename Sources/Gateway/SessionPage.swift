import FoundationEssentials
import HTTPTypes
import Hummingbird
import NIOCore
import RPC

/// Who sends a request: by a header, or by the cookie that the page's sign-in has set.
enum Caller {
  static let cookieName = "gkick-token"

  /// The token that was shown, however.
  static func token(of request: HTTPRequest) -> String? {
    if let header = request.headerFields[.authorization] {
      let words = header.split(separator: " ")
      return words.count == 2 && words[0].lowercased() == "bearer" ? String(words[1]) : nil
    }
    return cookie(of: request)
  }

  /// The cookie's, if this gateway's own page sends it. Browsers send cookies along with what other sites make them ask for, too:
  /// `SameSite=Strict` and this check each keep such requests from counting as the user's.
  static func cookie(of request: HTTPRequest) -> String? {
    guard isOwnPage(request) else { return nil }
    for header in request.headerFields[values: .cookie] {
      for pair in header.split(separator: ";") {
        let parts = pair.drop { $0 == " " }.split(separator: "=", maxSplits: 1)
        if parts.count == 2, parts[0] == cookieName { return String(parts[1]) }
      }
    }
    return nil
  }

  /// Browsers of today say where a request comes from; others at least name the page's origin with whatever changes something.
  static func isOwnPage(_ request: HTTPRequest) -> Bool {
    if let site = request.headerFields[HTTPField.Name("sec-fetch-site")!] {
      return site == "same-origin" || site == "none"
    }
    guard let origin = request.headerFields[.origin] else { return true }
    return origin.drop { $0 != ":" }.dropFirst(3) == request.authority ?? ""
  }
}

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
      return try await show(Caller.token(of: request.head), request, context)
    case .post:
      guard Caller.isOwnPage(request.head) else {
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
      guard Caller.isOwnPage(request.head) else {
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
    var metadata = ForwardedMetadata.of(request.head, from: context.address)
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
    "\(Caller.cookieName)=\(value); Path=/; HttpOnly; SameSite=Strict" + (isEncrypted ? "; Secure" : "")
  }

  private func answer(_ answer: Answer) throws(ConnectError) -> Response {
    guard let bytes = try? JSONEncoder().encode(answer) else { throw ConnectError(.internal, "no answer") }
    var headers = HTTPFields()
    headers[.contentType] = "application/json"
    headers[.cacheControl] = "no-store"
    return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
  }
}
