import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP2
import NIOHTTPTypes
import NIOHTTPTypesHTTP2

/// One connection of HTTP/2. A stream is a channel; only one whose request is no unary call gets what an asynchronous responder needs.
struct StreamsChannel: ServerChildChannel {
  typealias Stream = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>

  struct Value: ServerChildChannelValue {
    let streams: AsyncStream<Stream>
    let channel: any Channel
  }

  private let http1: HTTP1Channel
  private let calls: ConnectCalls
  private let bodyTimeout: TimeAmount

  init(responder: @escaping HTTPChannelHandler.Responder, calls: ConnectCalls, bodyTimeout: TimeAmount) {
    http1 = HTTP1Channel(responder: responder)
    self.calls = calls
    self.bodyTimeout = bodyTimeout
  }

  func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
    channel.eventLoop.makeCompletedFuture {
      let (streams, found) = AsyncStream.makeStream(of: Stream.self)
      let manager = NIOHTTP2ServerConnectionManagementHandler(
        eventLoop: channel.eventLoop,
        configuration: .init(maxIdleTime: .seconds(60), maxAge: nil, maxGraceTime: .seconds(5), keepalive: nil))
      let address = channel.callerAddress
      let multiplexer = NIOHTTP2Handler(
        mode: .server, eventLoop: channel.eventLoop, streamDelegate: manager.http2StreamDelegate
      ) { [calls, bodyTimeout] stream in
        stream.eventLoop.makeCompletedFuture {
          try stream.pipeline.syncOperations.addHandlers(
            HTTP2FramePayloadToHTTPServerCodec(), RequestClock(headTimeout: nil, bodyTimeout: bodyTimeout),
            UnaryCalls(calls, address: address) { context in
              let pipeline = context.pipeline.syncOperations
              try pipeline.addHandler(LastAnswer(), position: .before(context.handler))
              try pipeline.addHandler(HTTPConnectionStateHandler(logger: logger))
              found.yield(try Stream(wrappingChannelSynchronously: context.channel))
            })
        }
      }
      try channel.pipeline.syncOperations.addHandlers(FlushOnce(), multiplexer, manager)
      channel.closeFuture.whenComplete { _ in found.finish() }
      return Value(streams: streams, channel: channel)
    }
  }

  func handle(value: Value, logger: Logger) async {
    await withTaskCancellationHandler {
      await withDiscardingTaskGroup { group in
        for await stream in value.streams {
          group.addTask { await http1.handle(value: stream, logger: logger) }
        }
      }
    } onCancel: {
      value.channel.close(promise: nil)
    }
  }
}

/// Lets the answers of one turn of the loop leave in one write.
final class FlushOnce: ChannelOutboundHandler, RemovableChannelHandler {
  typealias OutboundIn = ByteBuffer

  private var isDue = false

  func flush(context: ChannelHandlerContext) {
    guard !isDue else { return }
    isDue = true
    context.eventLoop.assumeIsolated().execute {
      guard self.isDue else { return }
      self.isDue = false
      context.flush()
    }
  }

  func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
    if isDue {
      isDue = false
      context.flush()
    }
    context.close(mode: mode, promise: promise)
  }

  func handlerRemoved(context: ChannelHandlerContext) { isDue = false }
}
