import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import RPC

/// The Connect protocol: unary calls with a message as body, streaming ones with enveloped messages. Unary calls are answered by `UnaryCalls`, where
/// their bytes come in.
struct ConnectCalls: Sendable {
  let deck: TransportDeck
  let maxBody: Int
  /// Web pages of these may call.
  let origins: [String]

  private static let protocolVersion = HTTPField.Name("connect-protocol-version")!
  private static let timeout = HTTPField.Name("connect-timeout-ms")!
  private static let streamEncoding = HTTPField.Name("connect-content-encoding")!

  /// Everything but a unary call: streams, and what is wrong with a request.
  func respond(
    to request: Request, path: String, _ context: GatewayContext
  ) async throws(ConnectError) -> Response {
    guard let method = MethodCatalog.methods[path] else {
      throw ConnectError(.unimplemented, "no method \(path.dropFirst())")
    }
    guard request.method == .post else {
      var response = ConnectError(Status(.unimplemented, "only POST"), httpStatus: .methodNotAllowed).response
      response.headers[.allow] = "POST"
      return response
    }
    try checkVersion(request.head)
    guard method.serverStreams else { throw unsupported("application/json or application/proto") }
    switch Self.contentType(of: request.head) {
    case "application/connect+json": return try await stream(request, method, .json, context)
    case "application/connect+proto": return try await stream(request, method, .proto, context)
    default: throw unsupported("application/connect+json or application/connect+proto")
    }
  }

  private static func contentType(of head: HTTPRequest) -> String {
    let type = head.headerFields[.contentType] ?? ""
    if type == "application/json" { return type }
    return type.split(separator: ";").first.map { $0.lowercased() } ?? ""
  }

  private func checkVersion(_ head: HTTPRequest) throws(ConnectError) {
    if let version = head.headerFields[Self.protocolVersion], version != "1" {
      throw ConnectError(.invalidArgument, "connect-protocol-version is 1, not \(version)")
    }
  }

  private func unsupported(_ words: String) -> ConnectError {
    ConnectError(Status(.unknown, "the content type is \(words)"), httpStatus: .unsupportedMediaType)
  }

  // MARK: - Who may ask from elsewhere

  func allows(_ origin: String?) -> Bool { origin.map { origins.contains($0) } ?? false }

  /// Lets a page of an origin that is named see the answer.
  func allow(_ origin: String?, _ headers: inout HTTPFields) {
    guard let origin, allows(origin) else { return }
    headers[.accessControlAllowOrigin] = origin
    headers[.vary] = "Origin"
    headers[.accessControlExposeHeaders] = "Retry-After"
  }

  // MARK: - Unary

  /// What is asked for, if it is a unary call in a form that is spoken here.
  static func unary(_ head: HTTPRequest) -> (method: GatewayMethod, codec: MessageCodec)? {
    guard head.method == .post, let target = head.path else { return nil }
    // It may have a query, and be a whole URI (RFC 9112, section 3.2.2).
    guard let method = MethodCatalog.methods[target] ?? MethodCatalog.methods[URI(target).path], !method.serverStreams,
      let codec = MessageCodec(rawValue: contentType(of: head))
    else { return nil }
    return (method, codec)
  }

  /// A unary call, by its head.
  func call(
    _ head: HTTPRequest, _ kind: (method: GatewayMethod, codec: MessageCodec), from address: String
  ) throws(ConnectError) -> UnaryCall {
    try checkVersion(head)
    if let length = head.headerFields[.contentLength].flatMap({ Int($0) }), length > maxBody { throw tooLarge }
    let isGzipped: Bool
    switch head.headerFields[.contentEncoding] ?? "identity" {
    case "identity": isGzipped = false
    case "gzip": isGzipped = true
    case let other: throw ConnectError(.unimplemented, "unknown content-encoding \(other); there are gzip and identity")
    }
    return UnaryCall(
      method: kind.method, codec: kind.codec, isGzipped: isGzipped,
      takesGzip: head.headerFields[.acceptEncoding]?.contains("gzip") ?? false, timeout: try timeout(of: head),
      metadata: ForwardedMetadata.of(head, from: address), origin: head.headerFields[.origin])
  }

  /// Sends it off; `done` is called once, on any thread.
  func begin(
    _ call: UnaryCall, _ body: ByteBuffer, done: @escaping @Sendable (InProcessTransport.Response) -> Void
  ) throws(ConnectError) -> InProcessTransport.Canceller {
    let message = try call.codec.request(call.isGzipped ? try inflate(body) : body, call.method.request)
    return deck.next.call(
      call.method.path, messages: [message], metadata: call.metadata, timeout: call.timeout, done: done)
  }

  /// The answer's body.
  func answer(
    _ call: UnaryCall, _ response: InProcessTransport.Response, _ headers: inout HTTPFields
  ) throws(ConnectError) -> ByteBuffer {
    guard response.status.isOK, let bytes = response.messages.first else {
      throw ConnectError(response.status.isOK ? Status(.internal, "the call had no answer") : response.status)
    }
    let out = try call.codec.response(bytes, call.method.response)
    headers[.contentType] = call.codec.rawValue
    headers[.cacheControl] = "no-store"
    if out.readableBytes > 1_024, call.takesGzip {
      var packed = ByteBuffer()
      if Gzip().deflate(out, into: &packed) {
        headers[.contentEncoding] = "gzip"
        return packed
      }
    }
    return out
  }

  private func body(of request: Request) async throws(ConnectError) -> ByteBuffer {
    if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > maxBody { throw tooLarge }
    do {
      return try await request.body.collect(upTo: maxBody)
    } catch is NIOTooManyBytesError {
      throw tooLarge
    } catch {
      throw ConnectError(.cancelled, "the body did not come whole")
    }
  }

  var tooLarge: ConnectError { ConnectError(.resourceExhausted, "the body has more than \(maxBody) bytes") }

  private func inflate(_ body: ByteBuffer) throws(ConnectError) -> ByteBuffer {
    do throws(Gzip.InflateError) {
      return try Gzip().inflate(body, limit: maxBody)
    } catch {
      throw error == .tooLarge ? tooLarge : ConnectError(.invalidArgument, "the body is no gzip")
    }
  }

  /// At most ten digits, as the protocol says.
  private func timeout(of head: HTTPRequest) throws(ConnectError) -> TimeAmount? {
    guard let text = head.headerFields[Self.timeout] else { return nil }
    guard text.utf8.count <= 10, let milliseconds = Int64(text), milliseconds >= 0 else {
      throw ConnectError(.invalidArgument, "connect-timeout-ms is up to ten digits")
    }
    return .milliseconds(milliseconds)
  }

  // MARK: - Streams

  private func stream(
    _ request: Request, _ method: GatewayMethod, _ codec: MessageCodec, _ context: GatewayContext
  ) async throws(ConnectError) -> Response {
    let body = try await self.body(of: request)
    var messages: [ByteBuffer] = []
    let isGzipped = request.headers[Self.streamEncoding] == "gzip"
    for envelope in try Envelope.split(body) {
      guard envelope.flags & ~1 == 0 else { throw ConnectError(.invalidArgument, "an envelope has unknown flags") }
      if envelope.flags == 1, !isGzipped {
        throw ConnectError(.invalidArgument, "compressed, by nothing that was named")
      }
      let message = envelope.flags == 1 ? try inflate(envelope.message) : envelope.message
      messages.append(try codec.request(message, method.request))
    }
    if !method.clientStreams, messages.count != 1 {
      throw ConnectError(.unimplemented, "the method takes one message, not \(messages.count)")
    }
    let answers = deck.next.stream(
      method.path, messages: messages, metadata: ForwardedMetadata.of(request.head, from: context.address),
      timeout: try timeout(of: request.head))
    var headers = HTTPFields()
    headers[.contentType] = codec == .json ? "application/connect+json" : "application/connect+proto"
    headers[.cacheControl] = "no-store"
    let type = method.response
    return Response(
      status: .ok, headers: headers,
      body: ResponseBody { writer in
        var end = "{}"
        do {
          for try await answer in answers {
            try await writer.write(Envelope.join(0, try codec.response(answer, type)))
          }
        } catch let status as Status {
          end = "{\"error\":\(ConnectError(status).json)}"
        } catch let error as ConnectError {
          end = "{\"error\":\(error.json)}"
        }
        try await writer.write(Envelope.join(2, ByteBuffer(string: end)))
        try await writer.finish(nil)
      })
  }
}

/// What the head of a unary call says.
struct UnaryCall: Sendable {
  var method: GatewayMethod
  var codec: MessageCodec
  var isGzipped: Bool
  var takesGzip: Bool
  var timeout: TimeAmount?
  var metadata: Metadata
  var origin: String?
}

/// One message of a stream: a byte of flags (1: compressed, 2: the end), its length in four bytes, itself.
struct Envelope {
  var flags: UInt8
  var message: ByteBuffer

  static func split(_ body: ByteBuffer) throws(ConnectError) -> [Envelope] {
    var body = body
    var found: [Envelope] = []
    while body.readableBytes > 0 {
      guard let flags = body.readInteger(as: UInt8.self), let length = body.readInteger(as: UInt32.self),
        let message = body.readSlice(length: Int(length))
      else { throw ConnectError(.invalidArgument, "the body ends within an envelope") }
      found.append(Envelope(flags: flags, message: message))
    }
    return found
  }

  static func join(_ flags: UInt8, _ message: ByteBuffer) -> ByteBuffer {
    var out = ByteBuffer()
    out.reserveCapacity(message.readableBytes + 5)
    out.writeInteger(flags)
    out.writeInteger(UInt32(message.readableBytes))
    out.writeImmutableBuffer(message)
    return out
  }
}
