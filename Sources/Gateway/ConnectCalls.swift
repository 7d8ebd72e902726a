import HTTPTypes
import Hummingbird
import NIOCore
import RPC

/// The Connect protocol: unary calls with a message as body, streaming ones with enveloped messages.
struct ConnectCalls: Sendable {
  let deck: TransportDeck
  let maxBody: Int

  private static let protocolVersion = HTTPField.Name("connect-protocol-version")!
  private static let timeout = HTTPField.Name("connect-timeout-ms")!
  private static let streamEncoding = HTTPField.Name("connect-content-encoding")!

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
    if let version = request.headers[Self.protocolVersion], version != "1" {
      throw ConnectError(.invalidArgument, "connect-protocol-version is 1, not \(version)")
    }
    let type = (request.headers[.contentType] ?? "").split(separator: ";").first.map(String.init) ?? ""
    if method.serverStreams {
      switch type.lowercased() {
      case "application/connect+json": return try await stream(request, method, .json, context)
      case "application/connect+proto": return try await stream(request, method, .proto, context)
      default: throw unsupported("application/connect+json or application/connect+proto")
      }
    }
    guard let codec = MessageCodec(rawValue: type.lowercased()) else {
      throw unsupported("application/json or application/proto")
    }
    return try await unary(request, method, codec, context)
  }

  private func unsupported(_ words: String) -> ConnectError {
    ConnectError(Status(.unknown, "the content type is \(words)"), httpStatus: .unsupportedMediaType)
  }

  // MARK: - Unary

  private func unary(
    _ request: Request, _ method: GatewayMethod, _ codec: MessageCodec, _ context: GatewayContext
  ) async throws(ConnectError) -> Response {
    var body = try await self.body(of: request)
    switch request.headers[.contentEncoding] ?? "identity" {
    case "identity": break
    case "gzip": body = try inflate(body)
    case let other: throw ConnectError(.unimplemented, "unknown content-encoding \(other); there are gzip and identity")
    }
    let message = try codec.request(body, method.request)
    let answer = await deck.next.call(
      method.path, messages: [message], metadata: ForwardedMetadata.of(request, context),
      timeout: try timeout(of: request))
    guard answer.status.isOK, let bytes = answer.messages.first else {
      throw ConnectError(answer.status.isOK ? Status(.internal, "the call had no answer") : answer.status)
    }
    var out = try codec.response(bytes, method.response)
    var headers = HTTPFields()
    headers[.contentType] = codec.rawValue
    headers[.cacheControl] = "no-store"
    if out.readableBytes > 1_024, (request.headers[.acceptEncoding] ?? "").contains("gzip") {
      var packed = ByteBuffer()
      if Gzip().deflate(out, into: &packed) {
        out = packed
        headers[.contentEncoding] = "gzip"
      }
    }
    return Response(status: .ok, headers: headers, body: .init(byteBuffer: out))
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

  private var tooLarge: ConnectError { ConnectError(.resourceExhausted, "the body has more than \(maxBody) bytes") }

  private func inflate(_ body: ByteBuffer) throws(ConnectError) -> ByteBuffer {
    do throws(Gzip.InflateError) {
      return try Gzip().inflate(body, limit: maxBody)
    } catch {
      throw error == .tooLarge ? tooLarge : ConnectError(.invalidArgument, "the body is no gzip")
    }
  }

  /// At most ten digits, as the protocol says.
  private func timeout(of request: Request) throws(ConnectError) -> TimeAmount? {
    guard let text = request.headers[Self.timeout] else { return nil }
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
      method.path, messages: messages, metadata: ForwardedMetadata.of(request, context),
      timeout: try timeout(of: request))
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
