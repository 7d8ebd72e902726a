import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTP2
import NIOHTTPTypesHTTP1
import NIOSSL
import NIOTLS

/// HTTP/1.1 and HTTP/2 on one port. Over TLS that is agreed on with the handshake; on a plaintext port whoever begins with HTTP/2's preface (RFC 9113,
/// section 3.3, "prior knowledge") speaks that.
struct WebChannel: ServerChildChannel {
  struct Value: ServerChildChannelValue {
    let negotiated: EventLoopFuture<NIONegotiatedHTTPVersion<HTTP1Channel.Value, StreamsChannel.Value>>
    let channel: any Channel
  }

  private let http1: HTTP1Channel
  private let http2: StreamsChannel
  private let calls: ConnectCalls
  private let tls: (@Sendable () -> NIOSSLContext)?
  private let headTimeout: TimeAmount
  private let bodyTimeout: TimeAmount
  private let tellOfStranger: @Sendable (GatewayStranger, _ address: String) -> Void

  init(responder: @escaping HTTPChannelHandler.Responder, configuration: GatewayConfiguration, calls: ConnectCalls) {
    tellOfStranger = configuration.tellOfStranger
    tls = configuration.tls
    headTimeout = configuration.headTimeout
    bodyTimeout = configuration.bodyTimeout
    self.calls = calls
    http1 = HTTP1Channel(responder: responder)
    http2 = StreamsChannel(responder: responder, calls: calls, bodyTimeout: bodyTimeout)
  }

  /// As HTTP1Channel does it, with unary calls answered before requests take the form that it knows.
  private func setUpHTTP1(_ channel: any Channel, _ logger: Logger) throws -> HTTP1Channel.Value {
    let pipeline = channel.pipeline.syncOperations
    var limits = NIOHTTPDecoderLimitConfiguration()
    limits.maxHeaderFieldSize = 16 << 10
    limits.maxHeaderListSize = 32 << 10
    limits.maxHeaderFieldCount = 100
    try pipeline.configureHTTPServerPipeline(
      withPipeliningAssistance: false, withErrorHandling: false, withOutboundHeaderValidation: false,
      withEncoderConfiguration: .init(), withDecoderLimitConfiguration: limits)
    try pipeline.addHandlers(
      WebPartWriter(), LastAnswer<HTTPServerRequestPart, WebPart>(),
      RequestClock<HTTPServerRequestPart, WebPart>(headTimeout: headTimeout, bodyTimeout: bodyTimeout),
      UnaryCalls(calls), HTTP1ToHTTPServerCodec(secure: tls != nil), HTTPConnectionStateHandler(logger: logger))
    return try HTTP1Channel.Value(
      wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
  }

  func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
    let http2 = http2
    do {
      if let tls {
        try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls()))
      } else {
        try channel.pipeline.syncOperations.addHandler(
          PrefaceReader { [tellOfStranger] channel in
            tellOfStranger(.speaksTLS, channel.callerAddress)
          })
      }
    } catch {
      return channel.eventLoop.makeFailedFuture(error)
    }
    // Whoever has not said what it speaks has no other clock yet.
    let clock = channel.eventLoop.scheduleTask(in: headTimeout) { channel.close(promise: nil) }
    return channel.configureHTTP2AsyncSecureUpgrade { channel in
      channel.eventLoop.makeCompletedFuture { try setUpHTTP1(channel, logger) }
    } http2ConnectionInitializer: { channel in
      http2.setup(channel: channel, logger: logger)
    }.map { negotiated in
      negotiated.whenComplete { _ in clock.cancel() }
      return Value(negotiated: negotiated, channel: channel)
    }
  }

  func handle(value: Value, logger: Logger) async {
    do {
      let negotiated = try await withTaskCancellationHandler {
        try await value.negotiated.get()
      } onCancel: {
        value.channel.close(promise: nil)
      }
      switch negotiated {
      case .http1_1(let connection): await http1.handle(value: connection, logger: logger)
      case .http2(let connection): await http2.handle(value: connection, logger: logger)
      }
    } catch {
      // It ended, or said nothing, before it was known what it speaks.
      try? await value.channel.close().get()
    }
  }
}

/// Reads as much as tells the two apart, and says it as TLS would after its handshake.
final class PrefaceReader: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer

  private static let preface = ByteBuffer(string: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
  private let speaksTLS: @Sendable (any Channel) -> Void
  private var bytes = ByteBuffer()

  init(speaksTLS: @escaping @Sendable (any Channel) -> Void = { _ in }) { self.speaksTLS = speaksTLS }

  /// Whoever ends its side, or is here when the server ends, without having said what it speaks, is owed nothing.
  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    let isOver = event is ChannelShouldQuiesceEvent || event as? ChannelEvent == .inputClosed
    context.fireUserInboundEventTriggered(event)
    if isOver { context.close(promise: nil) }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var data = unwrapInboundIn(data)
    bytes.writeBuffer(&data)
    let count = min(bytes.readableBytes, Self.preface.readableBytes)
    let isPreface = bytes.getSlice(at: bytes.readerIndex, length: count) == Self.preface.getSlice(at: 0, length: count)
    if isPreface, count < Self.preface.readableBytes { return }
    // A TLS handshake record.
    if bytes.getInteger(at: bytes.readerIndex, as: UInt16.self) == 0x1603 { speaksTLS(context.channel) }
    context.fireUserInboundEventTriggered(
      TLSUserEvent.handshakeCompleted(negotiatedProtocol: isPreface ? "h2" : "http/1.1"))
    context.fireChannelRead(wrapInboundOut(bytes))
    context.pipeline.syncOperations.removeHandler(self, promise: nil)
  }
}
