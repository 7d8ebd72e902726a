import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP2
import NIOHTTPTypes
import NIOHTTPTypesHTTP2

/// One connection of HTTP/2. Unary calls are answered by its own handler; the streams of other requests become channels, for Hummingbird.
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
      let unary = UnaryStreams(calls, address: channel.callerAddress, bodyTimeout: bodyTimeout)
      let multiplexer = HTTP2StreamMultiplexer(mode: .server, channel: channel) { [bodyTimeout] stream in
        stream.eventLoop.makeCompletedFuture {
          try stream.pipeline.syncOperations.addHandlers(
            HTTP2FramePayloadToHTTPServerCodec(), LastAnswer<HTTPRequestPart, HTTPResponsePart>(),
            RequestClock<HTTPRequestPart, HTTPResponsePart>(headTimeout: nil, bodyTimeout: bodyTimeout),
            HTTPConnectionStateHandler(logger: logger))
          found.yield(try Stream(wrappingChannelSynchronously: stream))
        }
      }
      try channel.pipeline.syncOperations.addHandlers(
        NIOHTTP2Handler(mode: .server, connectionConfiguration: .init()), unary, multiplexer, manager)
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
