import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix

/// How much CPU the server has used, as its metrics page says.
struct ServerMeter: Sendable {
  /// nil: not asked.
  let page: Endpoint?

  /// nil: it cannot be had.
  func cpuSeconds() async -> Double? {
    guard case .host(let host, let port)? = page else { return nil }
    guard let text = try? await Self.get("/metrics", host: host, port: port) else { return nil }
    for line in text.split(separator: "\n") where line.hasPrefix("process_cpu_seconds_total ") {
      return line.split(separator: " ").last.flatMap { Double($0) }
    }
    return nil
  }

  private static func get(_ path: String, host: String, port: Int) async throws -> String {
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let answer = loop.makePromise(of: String.self)
    let channel: any Channel
    do {
      channel = try await ClientBootstrap(group: loop)
        .connectTimeout(.seconds(2))
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHTTPClientHandlers()
            try channel.pipeline.syncOperations.addHandler(PageReader(answer))
          }
        }
        .connect(host: host, port: port).get()
    } catch {
      answer.fail(error)
      throw error
    }
    let timer = loop.scheduleTask(in: .seconds(5)) { channel.close(promise: nil) }
    defer { timer.cancel() }
    var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: path)
    head.headers.add(name: "host", value: "\(host):\(port)")
    head.headers.add(name: "connection", value: "close")
    channel.write(HTTPClientRequestPart.head(head), promise: nil)
    channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
    defer { channel.close(promise: nil) }
    return try await answer.futureResult.get()
  }
}

/// Collects one answer.
private final class PageReader: ChannelInboundHandler {
  typealias InboundIn = HTTPClientResponsePart

  private var answer: EventLoopPromise<String>?
  private var text = ""
  private var isOK = false
  private static let limit = 16 << 20

  init(_ answer: EventLoopPromise<String>) { self.answer = answer }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head): isOK = head.status == .ok
    case .body(let bytes):
      text += String(buffer: bytes)
      if text.utf8.count > Self.limit { context.close(promise: nil) }
    case .end:
      if isOK { answer?.succeed(text) } else { answer?.fail(ChannelError.eof) }
      answer = nil
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  func channelInactive(context: ChannelHandlerContext) {
    answer?.fail(ChannelError.eof)
    answer = nil
  }
}
