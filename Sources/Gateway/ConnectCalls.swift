import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import RPC

/// The Connect protocol: unary calls with a message as body, streaming ones with enveloped messages. Unary calls are answered by `UnaryCalls`
/// and `UnaryStreams`, where their bytes come in.
struct ConnectCalls: Sendable {
  let deck: TransportDeck
  let maxBody: Int
  /// Web pages of these may call.
  let origins: [String]

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
    let head = CallHead(request.head)
    try checkVersion(head)
    guard method.serverStreams else { throw unsupported("application/json or application/proto") }
    switch head.mediaType {
    case "application/connect+json": return try await stream(request, head, method, .json, context)
    case "application/connect+proto": return try await stream(request, head, method, .proto, context)
    default: throw unsupported("application/connect+json or application/connect+proto")
    }
  }

  private func checkVersion(_ head: CallHead) throws(ConnectError) {
    if let version = head.connectVersion, version != "1" {
      throw ConnectError(.invalidArgument, "connect-protocol-version is 1, not \(version)")
    }
  }

  private func unsupported(_ words: String) -> ConnectError {
    ConnectError(Status(.unknown, "the content type is \(words)"), httpStatus: .unsupportedMediaType)
  }

  // MARK: - Who may ask from elsewhere

  func allows(_ origin: String?) -> Bool { origin.map { origins.contains($0) } ?? false }

  /// What lets a page of an origin that is named see the answer.
  private func fields(for origin: String?) -> [(name: String, value: String)] {
    guard let origin, allows(origin) else { return [] }
    return [
      (name: "access-control-allow-origin", value: origin), (name: "vary", value: "Origin"),
      (name: "access-control-expose-headers", value: "Retry-After"),
    ]
  }

  func allow(_ origin: String?, _ headers: inout HTTPFields) {
    for field in fields(for: origin) {
      if let name = HTTPField.Name(field.name) { headers[name] = field.value }
    }
  }

  // MARK: - Unary

  /// What is asked for, if it is a unary call in a form that is spoken here.
  static func unary(_ head: CallHead) -> (method: GatewayMethod, codec: MessageCodec)? {
    // It may have a query, and be a whole URI (RFC 9112, section 3.2.2).
    guard head.verb == "POST",
      let method = MethodCatalog.methods[head.target] ?? MethodCatalog.methods[URI(head.target).path],
      !method.serverStreams, let codec = MessageCodec(rawValue: head.mediaType)
    else { return nil }
    return (method, codec)
  }

  /// A unary call, by its head.
  func call(
    _ head: CallHead, _ kind: (method: GatewayMethod, codec: MessageCodec), from address: String
  ) throws(ConnectError) -> UnaryCall {
    try checkVersion(head)
    if let length = head.contentLength.flatMap({ Int($0) }), length > maxBody { throw tooLarge }
    let isGzipped: Bool
    switch head.contentEncoding ?? "identity" {
    case "identity": isGzipped = false
    case "gzip": isGzipped = true
    case let other: throw ConnectError(.unimplemented, "unknown content-encoding \(other); there are gzip and identity")
    }
    return UnaryCall(
      method: kind.method, codec: kind.codec, isGzipped: isGzipped,
      takesGzip: head.acceptEncoding?.contains("gzip") ?? false, timeout: try timeout(of: head),
      metadata: head.metadata(from: address), origin: head.origin)
  }

  /// Sends it off; `done` is called once, on any thread.
  func begin(
    _ call: UnaryCall, _ body: ByteBuffer, done: @escaping @Sendable (InProcessTransport.Response) -> Void
  ) throws(ConnectError) -> InProcessTransport.Canceller {
    let message = try call.codec.request(call.isGzipped ? try inflate(body) : body, call.method.request)
    return deck.next.call(
      call.method.path, messages: [message], metadata: call.metadata, timeout: call.timeout, done: done)
  }

  /// The whole answer to a call.
  func answer(_ call: UnaryCall, _ response: InProcessTransport.Response) -> UnaryAnswer {
    do throws(ConnectError) {
      guard response.status.isOK, let bytes = response.messages.first else {
        throw ConnectError(response.status.isOK ? Status(.internal, "the call had no answer") : response.status)
      }
      let body = try call.codec.response(bytes, call.method.response)
      var fields = [(name: "content-type", value: call.codec.rawValue), (name: "cache-control", value: "no-store")]
      if body.readableBytes > 1_024, call.takesGzip {
        var packed = ByteBuffer()
        if Gzip().deflate(body, into: &packed) {
          fields.append((name: "content-encoding", value: "gzip"))
          return whole(.ok, fields, packed, origin: call.origin)
        }
      }
      return whole(.ok, fields, body, origin: call.origin)
    } catch {
      return answer(error, origin: call.origin)
    }
  }

  func answer(_ error: ConnectError, origin: String?) -> UnaryAnswer {
    whole(error.answerStatus, error.fields, ByteBuffer(string: error.json), origin: origin)
  }

  private func whole(
    _ status: HTTPResponse.Status, _ fields: [(name: String, value: String)], _ body: ByteBuffer, origin: String?
  ) -> UnaryAnswer {
    var fields = fields
    fields.append((name: "content-length", value: String(body.readableBytes)))
    fields.append((name: "date", value: ResponseDate.now))
    fields.append((name: "server", value: Gateway.serverName))
    fields += self.fields(for: origin)
    return UnaryAnswer(status: status, fields: fields, body: body)
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
  private func timeout(of head: CallHead) throws(ConnectError) -> TimeAmount? {
    guard let text = head.timeout else { return nil }
    guard text.utf8.count <= 10, let milliseconds = Int64(text), milliseconds >= 0 else {
      throw ConnectError(.invalidArgument, "connect-timeout-ms is up to ten digits")
    }
    return .milliseconds(milliseconds)
  }

  // MARK: - Streams

  private func stream(
    _ request: Request, _ head: CallHead, _ method: GatewayMethod, _ codec: MessageCodec, _ context: GatewayContext
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
      method.path, messages: messages, metadata: head.metadata(from: context.address),
      timeout: try timeout(of: head))
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

/// What is said to a unary call.
struct UnaryAnswer {
  var status: HTTPResponse.Status
  /// Names in lower case.
  var fields: [(name: String, value: String)]
  var body: ByteBuffer
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
