import NIOCore

/// Closes connections that take too long for a request: for its head, counted from the connection's beginning or the end of the answer before, or for
/// its body. While an answer is under way nothing is counted: a stream of events may last for ever.
final class RequestClock<Request: MessagePart, Response: MessagePart>: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = Request
  typealias InboundOut = Request
  typealias OutboundIn = Response
  typealias OutboundOut = Response

  /// nil: the head has come before this handler, as on a stream of HTTP/2.
  private let headTimeout: TimeAmount?
  private let bodyTimeout: TimeAmount
  /// When the connection is closed, if nothing comes before; nil: never.
  private var deadline: NIODeadline?
  /// Looks at the deadline, at it or before it: one per connection is moved seldom, where one per request would be set and canceled three times.
  private var timer: (at: NIODeadline, task: Scheduled<Void>)?

  init(headTimeout: TimeAmount?, bodyTimeout: TimeAmount) {
    self.headTimeout = headTimeout
    self.bodyTimeout = bodyTimeout
  }

  func handlerAdded(context: ChannelHandlerContext) {
    if let headTimeout { start(headTimeout, context) }
  }

  func handlerRemoved(context: ChannelHandlerContext) { stop() }

  func channelInactive(context: ChannelHandlerContext) {
    stop()
    context.fireChannelInactive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data).place {
    case .head: deadline = context.eventLoop.now + bodyTimeout
    case .body: break
    case .end: deadline = nil
    }
    context.fireChannelRead(data)
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    if let headTimeout, unwrapOutboundIn(data).place == .end { start(headTimeout, context) }
    context.write(data, promise: promise)
  }

  /// The whole of a short request has come by now, and nothing need be counted.
  func channelReadComplete(context: ChannelHandlerContext) {
    if let deadline { look(at: deadline, context) }
    context.fireChannelReadComplete()
  }

  private func start(_ time: TimeAmount, _ context: ChannelHandlerContext) {
    let deadline = context.eventLoop.now + time
    self.deadline = deadline
    look(at: deadline, context)
  }

  private func look(at deadline: NIODeadline, _ context: ChannelHandlerContext) {
    if let timer {
      if timer.at <= deadline { return }
      timer.task.cancel()
    }
    let task = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
      self.timer = nil
      guard let deadline = self.deadline else { return }
      if deadline <= context.eventLoop.now { return context.channel.close(promise: nil) }
      self.look(at: deadline, context)
    }
    timer = (deadline, task)
  }

  private func stop() {
    deadline = nil
    timer?.task.cancel()
    timer = nil
  }
}
