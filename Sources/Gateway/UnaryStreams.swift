import NIOCore
import NIOHPACK
import NIOHTTP2
import RPC

/// Answers unary calls of one connection of HTTP/2 where their frames come in. The frames of all other streams go on to the multiplexer behind,
/// which makes a channel of each: for a short call that costs more than the call.
final class UnaryStreams: ChannelDuplexHandler {
  typealias InboundIn = HTTP2Frame
  typealias InboundOut = HTTP2Frame
  typealias OutboundIn = HTTP2Frame
  typealias OutboundOut = HTTP2Frame

  /// One stream that is answered here, until it is closed.
  private final class Stream {
    let id: HTTP2StreamID
    /// nil: it has been answered; what else comes is dropped.
    var call: UnaryCall?
    var body: ByteBuffer?
    /// When its body must have come; nil: it has.
    var deadline: NIODeadline?
    var canceller: InProcessTransport.Canceller?

    init(_ id: HTTP2StreamID) { self.id = id }
  }

  private let calls: ConnectCalls
  private let address: String
  private let bodyTimeout: TimeAmount
  private var streams: [HTTP2StreamID: Stream] = [:]
  /// Those whose bodies still come.
  private var gathering = 0
  private var clock: Scheduled<Void>?
  private var isReading = false
  private var flushIsDue = false

  /// Of a stream, for what its sender has not been allowed otherwise (RFC 9113, section 6.9.2).
  private static let window = 65_535

  /// - Parameter address: of the caller.
  init(_ calls: ConnectCalls, address: String, bodyTimeout: TimeAmount) {
    self.calls = calls
    self.address = address
    self.bodyTimeout = bodyTimeout
  }

  // MARK: - What comes in

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    isReading = true
    let frame = unwrapInboundIn(data)
    if let stream = streams[frame.streamID] {
      switch frame.payload {
      case .data(let data):
        if case .byteBuffer(let bytes) = data.data { gather(bytes, stream, context) }
        if data.endStream { bodyEnded(stream, context) }
      // Trailers say nothing of interest.
      case .headers(let headers): if headers.endStream { bodyEnded(stream, context) }
      default: break
      }
      return
    }
    if case .headers(let headers) = frame.payload {
      let head = CallHead(headers.headers)
      if let kind = ConnectCalls.unary(head) {
        return begin(head, kind, frame.streamID, cameWhole: headers.endStream, context)
      }
      if head.waitsToGoOn { letGoOn(frame.streamID, context) }
    }
    context.fireChannelRead(data)
  }

  private func begin(
    _ head: CallHead, _ kind: (method: GatewayMethod, codec: MessageCodec), _ id: HTTP2StreamID, cameWhole: Bool,
    _ context: ChannelHandlerContext
  ) {
    let stream = Stream(id)
    streams[id] = stream
    stream.deadline = context.eventLoop.now + bodyTimeout
    gathering += 1
    do throws(ConnectError) {
      stream.call = try calls.call(head, kind, from: address)
      if head.waitsToGoOn { letGoOn(id, context) }
    } catch {
      write(calls.answer(error, origin: head.origin), stream, context)
    }
    if cameWhole { bodyEnded(stream, context) }
  }

  private func letGoOn(_ id: HTTP2StreamID, _ context: ChannelHandlerContext) {
    write(.headers(.init(headers: HPACKHeaders([(":status", "100")]))), id, context)
  }

  private func gather(_ bytes: ByteBuffer, _ stream: Stream, _ context: ChannelHandlerContext) {
    guard let call = stream.call, stream.deadline != nil else { return }
    if (stream.body?.readableBytes ?? 0) + bytes.readableBytes > calls.maxBody {
      return write(calls.answer(calls.tooLarge, origin: call.origin), stream, context)
    }
    // Most bodies come in one piece, which need not be copied.
    if stream.body == nil { stream.body = bytes } else { stream.body?.writeImmutableBuffer(bytes) }
  }

  private func bodyEnded(_ stream: Stream, _ context: ChannelHandlerContext) {
    guard stream.deadline != nil else { return }
    stream.deadline = nil
    gathering -= 1
    guard let call = stream.call else { return }
    let body = stream.body ?? ByteBuffer()
    stream.body = nil
    let eventLoop = context.eventLoop
    let bound = NIOLoopBound((self, stream, context), eventLoop: eventLoop)
    do throws(ConnectError) {
      stream.canceller = try calls.begin(call, body) { response in
        if eventLoop.inEventLoop {
          let (streams, stream, context) = bound.value
          streams.ended(response, stream, context)
        } else {
          eventLoop.execute {
            let (streams, stream, context) = bound.value
            streams.ended(response, stream, context)
          }
        }
      }
    } catch {
      write(calls.answer(error, origin: call.origin), stream, context)
    }
  }

  private func ended(_ response: InProcessTransport.Response, _ stream: Stream, _ context: ChannelHandlerContext) {
    // Whoever asked may be gone.
    guard let call = stream.call else { return }
    write(calls.answer(call, response), stream, context)
  }

  // MARK: - What goes out

  private func write(_ answer: UnaryAnswer, _ stream: Stream, _ context: ChannelHandlerContext) {
    stream.call = nil
    stream.body = nil
    stream.canceller = nil
    var headers = HPACKHeaders([(":status", String(answer.status.code))])
    for (name, value) in answer.fields { headers.add(name: name, value: value) }
    let hasBody = answer.body.readableBytes > 0
    write(.headers(.init(headers: headers, endStream: !hasBody)), stream.id, context)
    if hasBody { write(.data(.init(data: .byteBuffer(answer.body), endStream: true)), stream.id, context) }
  }

  private func write(_ payload: HTTP2Frame.FramePayload, _ id: HTTP2StreamID, _ context: ChannelHandlerContext) {
    context.write(wrapOutboundOut(HTTP2Frame(streamID: id, payload: payload)), promise: nil)
    flush(context: context)
  }

  /// The answers of one turn of the loop leave in one write.
  func flush(context: ChannelHandlerContext) {
    guard !flushIsDue else { return }
    flushIsDue = true
    guard !isReading else { return }
    context.eventLoop.assumeIsolated().execute { self.flushNow(context) }
  }

  private func flushNow(_ context: ChannelHandlerContext) {
    guard flushIsDue else { return }
    flushIsDue = false
    context.flush()
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    isReading = false
    if gathering > 0, clock == nil { lookAtBodies(in: bodyTimeout, context) }
    context.fireChannelReadComplete()
    flushNow(context)
  }

  func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
    flushNow(context)
    context.close(mode: mode, promise: promise)
  }

  // MARK: - Time

  /// One timer for the connection: bodies that take longer than one read are few.
  private func lookAtBodies(in time: TimeAmount, _ context: ChannelHandlerContext) {
    clock = context.eventLoop.assumeIsolated().scheduleTask(in: time) {
      self.clock = nil
      let now = context.eventLoop.now
      for stream in self.streams.values {
        if let deadline = stream.deadline, deadline <= now { self.write(.rstStream(.cancel), stream.id, context) }
      }
      if let next = self.streams.values.compactMap(\.deadline).filter({ $0 > now }).min() {
        self.lookAtBodies(in: next - now, context)
      }
    }
  }

  // MARK: - What becomes of a stream

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    switch event {
    case let event as StreamClosedEvent: if let stream = streams.removeValue(forKey: event.streamID) { forget(stream) }
    case let event as NIOHTTP2WindowUpdatedEvent:
      if let stream = streams[event.streamID] { return widen(stream, event.inboundWindowSize, context) }
    default: break
    }
    context.fireUserInboundEventTriggered(event)
  }

  /// Lets more of a body come; that of the whole connection is the multiplexer's to say.
  private func widen(_ stream: Stream, _ size: Int?, _ context: ChannelHandlerContext) {
    guard let size, stream.deadline != nil, size <= Self.window / 2 else { return }
    write(.windowUpdate(windowSizeIncrement: Self.window - size), stream.id, context)
  }

  private func forget(_ stream: Stream) {
    if stream.deadline != nil {
      stream.deadline = nil
      gathering -= 1
    }
    stream.call = nil
    stream.body = nil
    stream.canceller?.cancel()
    stream.canceller = nil
  }

  func channelInactive(context: ChannelHandlerContext) {
    for stream in streams.values { forget(stream) }
    streams.removeAll()
    clock?.cancel()
    clock = nil
    context.fireChannelInactive()
  }
}
