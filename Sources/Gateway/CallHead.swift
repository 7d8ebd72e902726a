import HTTPTypes
import NIOHPACK
import NIOHTTP1
import RPC

/// What a request's head says, as far as calls need it. It is read once, field by field, from whichever form it has come in: to ask those types for
/// one field after the other costs more than some calls do.
struct CallHead {
  private(set) var verb = ""
  private(set) var target = ""
  private(set) var authority = ""
  private(set) var contentType = ""
  private(set) var contentLength: String?
  private(set) var contentEncoding: String?
  private(set) var acceptEncoding: String?
  private(set) var connectVersion: String?
  private(set) var timeout: String?
  private(set) var origin: String?
  private(set) var expects: String?
  private(set) var authorization: String?
  private(set) var fetchSite: String?
  private(set) var cookies: [String] = []
  /// What goes to the server as it is.
  private var forwarded = Metadata()

  /// HTTP/2, whose names are lower case.
  init(_ fields: HPACKHeaders) {
    for (name, value, _) in fields { take(name, value) }
  }

  /// HTTP/1.1
  init(_ head: HTTPRequestHead) {
    for (name, value) in head.headers { take(name.lowercased(), value) }
    verb = head.method.rawValue
    target = head.uri
  }

  init(_ request: HTTPRequest) {
    for field in request.headerFields { take(field.name.canonicalName, field.value) }
    verb = request.method.rawValue
    target = request.path ?? ""
    authority = request.authority ?? authority
  }

  // By lengths first: most names are none of these.
  private mutating func take(_ name: String, _ value: String) {
    switch name.utf8.count {
    case 4 where name == "host": if authority.isEmpty { authority = value }
    case 5 where name == ":path": target = value
    case 6 where name == "cookie": cookies.append(value)
    case 6 where name == "origin": origin = value
    case 6 where name == "expect": expects = value
    case 7 where name == ":method": verb = value
    case 7 where name == "baggage": forwarded.add(name, value)
    case 10 where name == ":authority": authority = value
    case 10 where name == "user-agent" || name == "tracestate": forwarded.add(name, value)
    case 11 where name == "traceparent": forwarded.add(name, value)
    case 12 where name == "content-type": contentType = value
    case 13 where name == "authorization":
      authorization = value
      forwarded.add(name, value)
    case 14 where name == "content-length": contentLength = value
    case 14 where name == "sec-fetch-site": fetchSite = value
    case 15 where name == "accept-encoding": acceptEncoding = value
    case 16 where name == "content-encoding": contentEncoding = value
    case 18 where name == "connect-timeout-ms": timeout = value
    case 24 where name == "connect-protocol-version": connectVersion = value
    default: break
    }
  }

  /// Without its parameters, in lower case.
  var mediaType: String {
    if contentType == "application/json" { return contentType }
    return contentType.split(separator: ";").first.map { $0.lowercased() } ?? ""
  }

  /// The caller waits with the body until it is told to go on (RFC 9110, section 10.1.1).
  var waitsToGoOn: Bool { expects?.lowercased() == "100-continue" }

  // MARK: - Who calls

  /// What of it goes to the server, and who the caller is.
  func metadata(from address: String) -> Metadata {
    var metadata = forwarded
    if authorization == nil, let cookie { metadata.add("authorization", "Bearer \(cookie)") }
    metadata.add(Peer.callerField, address)
    return metadata
  }

  /// The token that was shown, however.
  var token: String? {
    guard let authorization else { return cookie }
    let words = authorization.split(separator: " ")
    return words.count == 2 && words[0].lowercased() == "bearer" ? String(words[1]) : nil
  }

  static let cookieName = "gkick-token"

  /// The cookie's token, if this gateway's own page sends it. Browsers send cookies along with what other sites make them ask for, too:
  /// `SameSite=Strict` and this check each keep such requests from counting as the user's.
  private var cookie: String? {
    guard !cookies.isEmpty, isOwnPage else { return nil }
    for header in cookies {
      for pair in header.split(separator: ";") {
        let parts = pair.drop { $0 == " " }.split(separator: "=", maxSplits: 1)
        if parts.count == 2, parts[0] == Self.cookieName { return String(parts[1]) }
      }
    }
    return nil
  }

  /// Browsers of today say where a request comes from; others at least name the page's origin with whatever changes something.
  var isOwnPage: Bool {
    if let fetchSite { return fetchSite == "same-origin" || fetchSite == "none" }
    guard let origin else { return true }
    return origin.drop { $0 != ":" }.dropFirst(3) == authority
  }
}
