import HTTPTypes
import Hummingbird
import NIOCore

/// A file of the web page, compiled in.
struct StaticFile: Sendable {
  var contentType: String
  var bytes: [UInt8]
  /// Of its content, so that a browser asks again after an upgrade and only then.
  var tag: String

  static func at(_ path: String) -> StaticFile? { files[path] }

  private static let files: [String: StaticFile] = [
    "/": StaticFile("text/html; charset=utf-8", PackageResources.index_html),
    "/page.css": StaticFile("text/css; charset=utf-8", PackageResources.page_css),
    "/page.js": StaticFile(script, PackageResources.page_js),
    "/api.js": StaticFile(script, PackageResources.api_js),
    "/session.js": StaticFile(script, PackageResources.session_js),
    "/dom.js": StaticFile(script, PackageResources.dom_js),
    "/views.js": StaticFile(script, PackageResources.views_js),
    "/overview.js": StaticFile(script, PackageResources.overview_js),
    "/jobs.js": StaticFile(script, PackageResources.jobs_js),
    "/flow.js": StaticFile(script, PackageResources.flow_js),
  ]
  private static let script = "text/javascript; charset=utf-8"

  init(_ contentType: String, _ bytes: [UInt8]) {
    self.contentType = contentType
    self.bytes = bytes
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    tag = "\"\(String(hash, radix: 36))\""
  }

  func response(to request: Request) -> Response {
    var headers = HTTPFields()
    headers[.contentType] = contentType
    headers[.eTag] = tag
    headers[.cacheControl] = "no-cache"
    headers[.contentSecurityPolicy] = Self.policy
    headers[.xContentTypeOptions] = "nosniff"
    headers[HTTPField.Name("referrer-policy")!] = "no-referrer"
    if request.headers[.ifNoneMatch] == tag { return Response(status: .notModified, headers: headers) }
    return Response(status: .ok, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: bytes)))
  }

  /// Nothing from elsewhere, nothing inline, in nobody's frame.
  private static let policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; font-src 'self'; "
    + "form-action 'self'; base-uri 'self'; frame-ancestors 'none'"
}
