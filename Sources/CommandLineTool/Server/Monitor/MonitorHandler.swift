import NIOCore
import NIOHTTP1

/// One monitor connection: a GET or HEAD, its answer, the next. The pipelining handler before it sees to one at a time.
final class MonitorHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  private let pages: MonitorServer.Pages
  private var head: HTTPRequestHead?
  private var bodySize = 0
  /// No request here has a use for a body.
  private static let mostBody = 64 << 10

  init(pages: @escaping MonitorServer.Pages) { self.pages = pages }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      self.head = head
      bodySize = 0
    case .body(let part):
      bodySize += part.readableBytes
      if bodySize > Self.mostBody { context.close(promise: nil) }
    case .end:
      if let head { answer(head, context: context) }
      head = nil
    }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if event is IdleStateHandler.IdleStateEvent { context.close(promise: nil) }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  private func answer(_ head: HTTPRequestHead, context: ChannelHandlerContext) {
    guard head.method == .GET || head.method == .HEAD else {
      write(.text(405, "only GET and HEAD"), to: head, context: context)
      return
    }
    let path = String(head.uri.prefix { $0 != "?" })
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    let loop = context.eventLoop
    let pages = pages
    Task {
      let page = await pages(path) ?? .text(404, "no such page; there are /healthz, /readyz and /metrics")
      loop.execute {
        let (handler, context) = bound.value
        handler.write(page, to: head, context: context)
      }
    }
  }

  private func write(_ page: MonitorPage, to request: HTTPRequestHead, context: ChannelHandlerContext) {
    var head = HTTPResponseHead(version: request.version, status: HTTPResponseStatus(statusCode: page.status))
    head.headers.add(name: "content-type", value: page.contentType)
    head.headers.add(name: "content-length", value: String(page.body.utf8.count))
    head.headers.add(name: "cache-control", value: "no-store")
    if page.status == 405 { head.headers.add(name: "allow", value: "GET, HEAD") }
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    if request.method != .HEAD {
      context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: page.body)))), promise: nil)
    }
    let done = context.writeAndFlush(wrapOutboundOut(.end(nil)))
    if !request.isKeepAlive {
      let channel = context.channel
      done.whenComplete { _ in channel.close(promise: nil) }
    }
  }
}
