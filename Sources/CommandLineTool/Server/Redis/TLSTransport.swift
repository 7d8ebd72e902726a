import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import NIOSSL
import RedisStorage

/// A connection to Redis over TLS: NIOSSL on one of NIO's loops, read by a thread that may block.
final class TLSTransport: RedisTransport {
  private let channel: any Channel
  private let inbox: Inbox

  /// What has come and was not yet read.
  private final class Inbox: @unchecked Sendable {
    // @unchecked: all of it is touched only while `lock` is held.
    let lock = ConditionLock(value: false)
    var bytes = ByteBuffer()
    var end: End?

    enum End {
      case closed
      case failed(String)
    }
  }

  /// Runs on the loop.
  private final class Receiver: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let inbox: Inbox
    init(_ inbox: Inbox) { self.inbox = inbox }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      var buffer = unwrapInboundIn(data)
      inbox.lock.lock()
      if inbox.bytes.readableBytes == 0 { inbox.bytes.clear(minimumCapacity: 0) }
      inbox.bytes.writeBuffer(&buffer)
      inbox.lock.unlock(withValue: true)
    }

    func channelInactive(context: ChannelHandlerContext) { end(.closed) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
      end(.failed("TLS: \(error)"))
      context.close(promise: nil)
    }

    private func end(_ end: Inbox.End) {
      inbox.lock.lock()
      if inbox.end == nil { inbox.end = end }
      inbox.lock.unlock(withValue: true)
    }
  }

  init(
    _ endpoint: RedisEndpoint, _ tls: NIOSSLContext, until deadline: ContinuousClock.Instant
  ) throws(RedisTransportError) {
    let inbox = Inbox()
    self.inbox = inbox
    let left = ContinuousClock.now.duration(to: deadline)
    guard left > .zero else { throw .timeout }
    do {
      channel = try ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .connectTimeout(.nanoseconds(Int64(left / .nanoseconds(1))))
        .channelOption(.socketOption(.tcp_nodelay), value: 1)
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            // What cannot be a server's name is an address: the certificate is checked against the one connected to.
            let handler: NIOSSLClientHandler
            do {
              handler = try NIOSSLClientHandler(context: tls, serverHostname: endpoint.host)
            } catch {
              handler = try NIOSSLClientHandler(context: tls, serverHostname: nil)
            }
            try channel.pipeline.syncOperations.addHandlers(handler, Receiver(inbox))
          }
        }
        .connect(host: endpoint.host, port: Int(endpoint.port)).wait()
    } catch {
      throw .failed("\(error)")
    }
  }

  /// Never waits: what cannot be sent ends the connection, which the reader sees.
  func send(_ bytes: RawSpan, until deadline: ContinuousClock.Instant) throws(RedisTransportError) {
    // Copied before the closure ends.
    let buffer = unsafe bytes.withUnsafeBytes { unsafe ByteBuffer(bytes: $0) }
    channel.writeAndFlush(buffer, promise: nil)
  }

  func receive(into buffer: inout [UInt8], until deadline: ContinuousClock.Instant) throws(RedisTransportError) -> Int {
    let left = ContinuousClock.now.duration(to: deadline)
    guard inbox.lock.lock(whenValue: true, timeoutSeconds: max(0, left / .seconds(1))) else { throw .timeout }
    let count = min(buffer.count, inbox.bytes.readableBytes)
    if count > 0, let bytes = inbox.bytes.readBytes(length: count) {
      buffer.replaceSubrange(0..<count, with: bytes)
      inbox.lock.unlock(withValue: inbox.bytes.readableBytes > 0 || inbox.end != nil)
      return count
    }
    let end = inbox.end
    inbox.lock.unlock(withValue: end != nil)
    switch end {
    case .failed(let text): throw .failed(text)
    case .closed, nil: return 0
    }
  }

  func close() { channel.close(promise: nil) }
}
