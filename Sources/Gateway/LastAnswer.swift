import NIOCore

/// Lets answers that are on their way reach their clients when the server ends: the close that follows would drop what their sockets have not
/// taken yet. A second close, or one of the input before, is somebody who waits no longer.
final class LastAnswer<Request: MessagePart, Response: MessagePart>: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = Request
  typealias OutboundIn = Response
  typealias OutboundOut = Response

  /// Answers that are written to their end, but not sent.
  private var unsent = 0
  private var state = State.serving

  private enum State {
    case serving
    /// The next close waits for what is not sent.
    case ending
    /// One waits.
    case waiting
    /// Closes wait for nothing.
    case hurried
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if event is ChannelShouldQuiesceEvent, case .serving = state { state = .ending }
    context.fireUserInboundEventTriggered(event)
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    guard unwrapOutboundIn(data).place == .end else { return context.write(data, promise: promise) }
    unsent += 1
    let sent = promise ?? context.eventLoop.makePromise()
    sent.futureResult.assumeIsolated().whenComplete { _ in self.wasSent(context) }
    context.write(data, promise: sent)
  }

  private func wasSent(_ context: ChannelHandlerContext) {
    unsent -= 1
    guard unsent == 0, case .waiting = state else { return }
    state = .hurried
    context.close(promise: nil)
  }

  func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
    if case .ending = state, mode == .all, unsent > 0 {
      state = .waiting
      context.channel.closeFuture.cascade(to: promise)
      return
    }
    if mode != .output { state = .hurried }
    context.close(mode: mode, promise: promise)
  }
}
