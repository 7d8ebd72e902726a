import Glibc
import NIOCore
import NIOPosix

/// Calls a closure on a loop whenever a descriptor can be read.
enum NoticeChannel {
  /// - Parameter descriptor: closed with the loop, or at once if it cannot be watched.
  static func open(
    _ loop: any EventLoop, _ descriptor: Int32, _ ready: @escaping @Sendable () -> Void
  ) -> EventLoopFuture<Void> {
    NIOPipeBootstrap(group: loop)
      .channelOption(.maxMessagesPerRead, value: 1)
      .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 8))
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Handler(ready)) }
      }
      .takingOwnershipOfDescriptor(input: descriptor).map { _ in }
      .flatMapErrorThrowing { error in
        Glibc.close(descriptor)
        throw error
      }
  }

  private final class Handler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let ready: @Sendable () -> Void

    init(_ ready: @escaping @Sendable () -> Void) { self.ready = ready }

    /// What is read says only how often it was told.
    func channelRead(context: ChannelHandlerContext, data: NIOAny) { ready() }
  }
}
