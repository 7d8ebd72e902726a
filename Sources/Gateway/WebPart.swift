import NIOCore
import NIOHTTP1

/// What goes out on a connection of HTTP/1.1.
enum WebPart {
  case part(HTTPServerResponsePart)
  /// An answer from its first byte to its last: one write instead of three that pass through every handler.
  case whole(ByteBuffer)
}

extension WebPart: MessagePart {
  var place: MessagePlace {
    switch self {
    case .part(let part): part.place
    case .whole: .end
    }
  }
}

/// Stands before the encoder, which whole answers go past.
final class WebPartWriter: ChannelOutboundHandler, RemovableChannelHandler {
  typealias OutboundIn = WebPart
  typealias OutboundOut = HTTPServerResponsePart

  private var encoder: ChannelHandlerContext?

  func handlerAdded(context: ChannelHandlerContext) {
    encoder = try? context.pipeline.syncOperations.context(handlerType: HTTPResponseEncoder.self)
  }

  func handlerRemoved(context: ChannelHandlerContext) { encoder = nil }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    switch unwrapOutboundIn(data) {
    case .part(let part): context.write(wrapOutboundOut(part), promise: promise)
    case .whole(let bytes): encoder?.write(NIOAny(IOData.byteBuffer(bytes)), promise: promise)
    }
  }
}

extension UnaryAnswer {
  /// As HTTP/1.1 writes it. Neither its fields' names nor their values can be anything but what this gateway has written itself, or been started
  /// with.
  func text(closes: Bool) -> ByteBuffer {
    var out = ByteBuffer()
    out.reserveCapacity(256 + body.readableBytes)
    out.writeString("HTTP/1.1 \(status.code) \(status.reasonPhrase)\r\n")
    for (name, value) in fields {
      out.writeString(name)
      out.writeStaticString(": ")
      out.writeString(value)
      out.writeStaticString("\r\n")
    }
    if closes { out.writeStaticString("connection: close\r\n") }
    out.writeStaticString("\r\n")
    out.writeImmutableBuffer(body)
    return out
  }
}
