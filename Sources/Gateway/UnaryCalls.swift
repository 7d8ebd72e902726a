import NIOCore
import NIOHTTP1
import RPC

/// Answers unary calls of one connection of HTTP/1.1 where their bytes come in, and hands all other requests on. Neither a task nor a hop is spent on a call: through an
/// asynchronous responder it costs three times as much.
///
/// HTTP/1.1 answers in the order of the requests (RFC 9112, section 9.3.2): while one is answered, here or behind, those after it are held, and no
/// more is read.
final class UnaryCalls: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias InboundOut = HTTPServerRequestPart
  typealias OutboundIn = HTTPServerResponsePart
  typealias OutboundOut = WebPart

  private enum State {
    case idle
    /// A call's body comes.
    case gathering
    case calling
    /// Answered before its body was there, of which the rest is dropped.
    case dropping
    /// A request is answered behind this handler.
    case elsewhere(cameWhole: Bool, isAnswered: Bool)
  }

  private enum Held {
    case part(HTTPServerRequestPart)
    case inputClosed
  }

  private let calls: ConnectCalls
  private var address: String?
  private var state = State.idle
  private var call: UnaryCall?
  private var body: ByteBuffer?
  private var canceller: InProcessTransport.Canceller?
  /// While a call is sent off: it may end before that returns.
  private var isBeginning = false
  private var early: InProcessTransport.Response?
  private var closesAfterwards = false
  private var held = CircularBuffer<Held>()
  private var isReleasing = false
  private var wantsRead = false
  private var isQuiescing = false

  /// - Parameter address: of the caller; nil: the channel's.
  init(_ calls: ConnectCalls, address: String? = nil) {
    self.calls = calls
    self.address = address
  }

  /// Nothing of a next request is taken.
  private var isBusy: Bool {
    switch state {
    case .calling, .elsewhere(cameWhole: true, _): true
    case .idle, .gathering, .dropping, .elsewhere(cameWhole: false, _): false
    }
  }

  // MARK: - What comes in

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let part = unwrapInboundIn(data)
    if isBusy || !held.isEmpty { held.append(.part(part)) } else { take(part, context) }
  }

  private func take(_ part: HTTPServerRequestPart, _ context: ChannelHandlerContext) {
    switch (state, part) {
    case (.idle, .head(let head)): begin(head, context)
    case (.gathering, .body(let bytes)): gather(bytes, context)
    case (.gathering, .end): send(context)
    case (.dropping, .body): break
    case (.dropping, .end): becomeIdle(context)
    case (.elsewhere(_, let isAnswered), .end):
      state = .elsewhere(cameWhole: true, isAnswered: isAnswered)
      context.fireChannelRead(wrapInboundOut(part))
      if isAnswered { becomeIdle(context) }
    default: context.fireChannelRead(wrapInboundOut(part))
    }
  }

  private func begin(_ request: HTTPRequestHead, _ context: ChannelHandlerContext) {
    let head = CallHead(request)
    guard let kind = ConnectCalls.unary(head) else {
      state = .elsewhere(cameWhole: false, isAnswered: false)
      letGoOn(request, head, context)
      return context.fireChannelRead(wrapInboundOut(.head(request)))
    }
    closesAfterwards = !request.isKeepAlive
    do throws(ConnectError) {
      let address = address ?? context.channel.callerAddress
      self.address = address
      call = try calls.call(head, kind, from: address)
      state = .gathering
      letGoOn(request, head, context)
    } catch {
      state = .dropping
      write(calls.answer(error, origin: head.origin), context)
    }
  }

  /// Who knows no more than HTTP/1.0 waits for nothing.
  private func letGoOn(_ request: HTTPRequestHead, _ head: CallHead, _ context: ChannelHandlerContext) {
    guard head.waitsToGoOn, request.version != .http1_0 else { return }
    context.writeAndFlush(
      wrapOutboundOut(.part(.head(HTTPResponseHead(version: .http1_1, status: .continue)))), promise: nil)
  }

  private func gather(_ bytes: ByteBuffer, _ context: ChannelHandlerContext) {
    if (body?.readableBytes ?? 0) + bytes.readableBytes > calls.maxBody {
      let origin = call?.origin
      forget()
      state = .dropping
      return write(calls.answer(calls.tooLarge, origin: origin), context)
    }
    // Most bodies come in one piece, which need not be copied.
    if body == nil { body = bytes } else { body?.writeImmutableBuffer(bytes) }
  }

  private func send(_ context: ChannelHandlerContext) {
    guard let call else { return }
    let body = body ?? ByteBuffer()
    self.body = nil
    state = .calling
    let eventLoop = context.eventLoop
    let bound = NIOLoopBound((self, context), eventLoop: eventLoop)
    do throws(ConnectError) {
      isBeginning = true
      defer { isBeginning = false }
      canceller = try calls.begin(call, body) { response in
        if eventLoop.inEventLoop {
          bound.value.0.ended(response, bound.value.1)
        } else {
          eventLoop.execute { bound.value.0.ended(response, bound.value.1) }
        }
      }
    } catch {
      forget()
      write(calls.answer(error, origin: call.origin), context)
      return becomeIdle(context)
    }
    if let early {
      self.early = nil
      ended(early, context)
    }
  }

  private func ended(_ response: InProcessTransport.Response, _ context: ChannelHandlerContext) {
    if isBeginning { return early = response }
    // Whoever asked may be gone.
    guard case .calling = state, let call else { return }
    forget()
    write(calls.answer(call, response), context)
    becomeIdle(context)
  }

  private func forget() {
    call = nil
    body = nil
    canceller = nil
  }

  // MARK: - What goes out

  private func write(_ answer: UnaryAnswer, _ context: ChannelHandlerContext) {
    context.writeAndFlush(wrapOutboundOut(.whole(answer.text(closes: closesAfterwards))), promise: nil)
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    let part = unwrapOutboundIn(data)
    context.write(wrapOutboundOut(.part(part)), promise: promise)
    guard case .end = part, case .elsewhere(let cameWhole, _) = state else { return }
    state = .elsewhere(cameWhole: cameWhole, isAnswered: true)
    if cameWhole { becomeIdle(context) }
  }

  // MARK: - What waits

  private func becomeIdle(_ context: ChannelHandlerContext) {
    state = .idle
    if closesAfterwards {
      held.removeAll()
      return context.close(mode: .output, promise: nil)
    }
    guard !isReleasing else { return }
    isReleasing = true
    let hasHeld = !held.isEmpty
    while !isBusy, let next = held.popFirst() {
      switch next {
      case .part(let part): take(part, context)
      case .inputClosed: context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
      }
    }
    isReleasing = false
    // Whoever is behind acts on what came when all of it has come.
    if hasHeld { context.fireChannelReadComplete() }
    guard held.isEmpty else { return }
    if isQuiescing, case .idle = state {
      isQuiescing = false
      context.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
    }
    if wantsRead {
      wantsRead = false
      context.read()
    }
  }

  func read(context: ChannelHandlerContext) {
    if held.isEmpty { context.read() } else { wantsRead = true }
  }

  /// The end of the input, or of the server, would be taken for that of the connection, answers that are due included.
  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    switch (state, event) {
    case (.gathering, _ as ChannelShouldQuiesceEvent), (.calling, _ as ChannelShouldQuiesceEvent),
      (.dropping, _ as ChannelShouldQuiesceEvent):
      isQuiescing = true
    case (.calling, let event as ChannelEvent) where event == .inputClosed: held.append(.inputClosed)
    case (_, let event as ChannelEvent) where event == .inputClosed && !held.isEmpty: held.append(.inputClosed)
    default: context.fireUserInboundEventTriggered(event)
    }
  }

  // MARK: - The end

  func channelInactive(context: ChannelHandlerContext) {
    abandon()
    context.fireChannelInactive()
  }

  /// Who answers other requests says what is wrong with one that cannot be read.
  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    abandon()
    context.fireErrorCaught(error)
  }

  private func abandon() {
    canceller?.cancel()
    forget()
    held.removeAll()
    state = .elsewhere(cameWhole: false, isAnswered: false)
  }
}
