import Glibc
import NIOCore

/// Lets a listener rest while the process has no descriptors or memory for another connection: the connection that cannot be accepted stays
/// ready to be, so that the loop would try without end.
final class AcceptBackoff: ChannelInboundHandler {
  typealias InboundIn = any Channel

  private static let rest = TimeAmount.milliseconds(200)

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard let error = error as? IOError, [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(error.errnoCode) else {
      return context.fireErrorCaught(error)
    }
    let channel = context.channel
    try? channel.syncOptions?.setOption(.autoRead, value: false)
    channel.eventLoop.assumeIsolated().scheduleTask(in: Self.rest) {
      try? channel.syncOptions?.setOption(.autoRead, value: true)
    }
  }
}
