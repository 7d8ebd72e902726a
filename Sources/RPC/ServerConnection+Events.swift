import HTTP2
import NIOCore

/// From events to calls.
extension ServerConnection {
  /// `input`: what the events of this round point into, if anything was received.
  func handleEvents(input: ByteBuffer? = nil) {
    let events = context.takeEvents()
    var position = 0
    while position < events.count {
      let event = events[position]
      position += 1
      switch event {
      case .headers(let slot, let block, let endStream):
        requestBegins(slot, block, endStream: endStream)
      case .data(let slot, let offset, let length):
        let count = Int(length)
        guard let input, let bytes = input.getSlice(at: input.readerIndex + Int(offset), length: count) else {
          continue
        }
        // The end often comes with the data: then the message need not be kept.
        if position < events.count, case .endStream(slot) = events[position] {
          position += 1
          data(slot, bytes, endStream: true)
        } else {
          data(slot, bytes, endStream: false)
        }
      case .endStream(let slot):
        data(slot, ByteBuffer(), endStream: true)
      case .trailers(let slot, _):
        data(slot, ByteBuffer(), endStream: true)
      case .writable(let slot):
        if case .call(let call) = entry(slot), call.isOpen { call.handler?.writable(call: call) }
      case .closed(let slot, let error):
        streamClosed(slot, error)
      case .ping:
        pings += 1
      case .pingAck(let data):
        pingAcks = data
      case .goAway, .settings:
        break
      }
    }
    keepHeads(events)
    context.giveBack(events)
  }

  /// A call that lasts longer than this round must not hold the memory of all heads, which is many times as large as its own. One that has
  /// its whole request and owes one answer will soon be done.
  private func keepHeads(_ events: [HTTP2Event]) {
    for case .headers(let slot, _, _) in events {
      guard case .call(let call) = entry(slot) else { continue }
      let lasts = call.kind.serverStreams || !call.state.contains(.halfClosed) || call.state.contains(.parked)
      if lasts { call.keepHead() }
    }
  }

  private func entry(_ slot: Int32) -> Entry {
    Int(slot) < entries.count ? entries[Int(slot)] : .none
  }

  private func set(_ entry: Entry, at slot: Int32) {
    while entries.count <= Int(slot) { entries.append(.none) }
    entries[Int(slot)] = entry
  }

  // MARK: - Heads

  private func requestBegins(_ slot: Int32, _ block: HTTP2HeaderBlock, endStream: Bool) {
    let bytes = context.scratch.fields(block)
    let head = RequestHead(bytes)
    if !head.isPost || head.contentType != .grpc {
      let status = block.tooLarge ? 431 : !head.isPost ? 405 : 415
      if endStream { return answerForeign(slot, status, withBody: !head.isHead) }
      // A client of another protocol may wait for an answer before it ends its side.
      let due = now + Self.foreignPatience
      set(.foreign(status, withBody: !head.isHead, due: due), at: slot)
      return expects(due)
    }
    if block.tooLarge { return refuse(slot, Status(.resourceExhausted, "request headers are over the limit")) }
    let method = unsafe bytes.withUnsafeReadableBytes { all in
      // The range was found in the same block.
      unsafe methods.find(UnsafeRawBufferPointer(rebasing: all[head.pathStart..<head.pathStart + head.pathLength]))
    }
    guard let method else {
      let path = bytes.getString(at: head.pathStart, length: min(head.pathLength, 256)) ?? ""
      return refuse(slot, Status(.unimplemented, "no such method: \(path)"))
    }
    if head.encoding == .unknown {
      return refuse(slot, Status(.unimplemented, "unknown grpc-encoding"), acceptEncoding: true)
    }
    var deadline: NIODeadline?
    switch head.timeLimit {
    case .none: break
    case .malformed: return refuse(slot, Status(.internal, "malformed grpc-timeout"))
    case .after(let amount):
      guard amount.nanoseconds > 0 else { return refuse(slot, Status(.deadlineExceeded, "deadline exceeded")) }
      deadline = now.adding(amount)
    }
    if let refusal { return refuse(slot, refusal) }
    let call = ServerCall(
      connection: self, slot: slot, method: method, head: bytes, startedAt: now, deadline: deadline)
    if head.acceptsGzip { call.state.insert(.acceptsGzip) }
    if head.encoding == .gzip { call.state.insert(.requestGzip) }
    if head.isForwarded { call.state.insert(.forwarded) }
    begin(call, endStream: endStream)
  }

  private func begin(_ call: ServerCall, endStream: Bool) {
    set(.call(call), at: call.slot)
    callStarted(call)
    for position in methods.interceptors.indices {
      guard let refusal = methods.interceptors[position].callStarted(call) else { continue }
      for earlier in methods.interceptors[..<position] { earlier.callEnded(call, status: refusal) }
      guard let due = call.refusedAt, due > now else { return call.finish(refusal) }
      call.over(.finished, refusal)
      set(.refused(refusal, due: due), at: call.slot)
      return expects(due)
    }
    if !methods.interceptors.isEmpty { call.state.insert(.intercepted) }
    if call.method.kind.clientStreams { start(call, request: nil) }
    if endStream { inputEnded(call) }
  }

  private func refuse(_ slot: Int32, _ status: Status, acceptEncoding: Bool = false) {
    var list = HTTP2HeaderList()
    list.addResponseHead()
    list.add(status)
    if acceptEncoding { list.add("grpc-accept-encoding", "identity,gzip") }
    session.respond(slot, list, endStream: true)
  }

  func tellRefusal(_ slot: Int32, _ status: Status) {
    refuse(slot, status)
    set(.none, at: slot)
  }

  private static let foreignPatience = TimeAmount.seconds(3)

  /// A plain HTTP answer, with a body for humans; who asks with HEAD for no body must not be sent one.
  func answerForeign(_ slot: Int32, _ status: Int, withBody: Bool) {
    var list = HTTP2HeaderList()
    list.add(":status", String(status))
    if status == 405 { list.add("allow", "POST") }
    list.add("content-type", "text/plain; charset=utf-8")
    let body = "this is a gRPC server\n"
    list.add("content-length", String(body.utf8.count))
    set(.none, at: slot)
    session.respond(slot, list, endStream: !withBody)
    guard withBody else { return }
    var box = session.takeOutbox(slot)
    box.writeString(body)
    session.putOutbox(slot, box)
    session.finish(slot)
  }

  // MARK: - Data

  private func data(_ slot: Int32, _ bytes: ByteBuffer, endStream: Bool) {
    let count = bytes.readableBytes
    switch entry(slot) {
    case .call(let call) where call.isOpen:
      if !call.state.isDisjoint(with: [.readingPaused, .parked, .delivering]) {
        session.consume(slot, connection: count, stream: 0)
        call.owedWindow += count
      } else if count > 0 {
        session.consume(slot, connection: count, stream: count)
      }
      if endStream { call.state.insert(.inputEnded) }
      deliver(call, bytes)
    case .foreign(let status, let withBody, _):
      session.consume(slot, connection: count, stream: count)
      if endStream { answerForeign(slot, status, withBody: withBody) }
    case .none, .call, .refused:
      session.consume(slot, connection: count, stream: count)
    }
  }

  /// Hands out what lies in `bytes` and in the deframer, as far as the handler wants it.
  private func deliver(_ call: ServerCall, _ bytes: ByteBuffer) {
    var bytes = bytes
    if call.state.contains(.delivering) {
      call.deframer.hold(&bytes)
      return account(call)
    }
    call.state.insert(.delivering)
    defer { call.state.remove(.delivering) }
    var more = true
    while more, call.isOpen {
      if call.state.contains(.readingPaused) {
        call.deframer.hold(&bytes)
        break
      }
      if call.method.kind == .bidirectionalStreaming, !mayProduce {
        park(call)
        call.deframer.hold(&bytes)
        break
      }
      switch call.deframer.next(&bytes) {
      case .more: more = false
      case .message(let message, let compressed):
        if compressed { call.state.insert(.messageCompressed) } else { call.state.remove(.messageCompressed) }
        if let plain = plain(message, compressed: compressed, call) { received(plain, call) }
      case .failed(let status):
        call.finish(status, end: .cancelled)
      }
    }
    guard call.isOpen else { return }
    account(call)
    if !more, call.state.contains(.inputEnded) { inputEnded(call) }
  }

  private func account(_ call: ServerCall) {
    let change = call.deframer.buffered - call.countedInput
    call.countedInput += change
    if change != 0 { countBuffered(change, call) }
  }

  private func plain(_ message: ByteBuffer, compressed: Bool, _ call: ServerCall) -> ByteBuffer? {
    guard compressed else { return message }
    guard call.state.contains(.requestGzip) else {
      call.finish(Status(.internal, "compressed message without grpc-encoding"), end: .cancelled)
      return nil
    }
    do throws(Gzip.InflateError) {
      return try context.gzip.inflate(message, limit: configuration.maxInflatedMessage)
    } catch {
      switch error {
      case .broken: call.finish(Status(.internal, "broken gzip message"), end: .cancelled)
      case .tooLarge:
        call.finish(Status(.resourceExhausted, "message inflates over the limit"), end: .cancelled)
      }
      return nil
    }
  }

  private func received(_ message: ByteBuffer, _ call: ServerCall) {
    if call.method.kind.clientStreams {
      call.handler?.message(message, call: call)
      return
    }
    guard call.request == nil else {
      return call.finish(Status(.unimplemented, "more than one message for a unary request"), end: .cancelled)
    }
    // Kept until the client's side has ended. A slice would hold the whole read buffer for as long.
    hold(call.state.contains(.inputEnded) ? message : ByteBuffer(buffer: message), call)
  }

  private func inputEnded(_ call: ServerCall) {
    call.state.insert(.inputEnded)
    guard call.isOpen, !call.state.contains(.halfClosed) else { return }
    guard call.deframer.isEmpty else {
      return call.finish(Status(.internal, "the request ended inside of a message"), end: .cancelled)
    }
    call.state.insert(.halfClosed)
    if call.method.kind.clientStreams {
      call.handler?.halfClosed(call: call)
      return
    }
    guard let request = call.request else {
      return call.finish(Status(.unimplemented, "no message for a unary request"), end: .cancelled)
    }
    bufferedRequests -= request.readableBytes
    call.request = nil
    if !parked.isEmpty || !mayProduce {
      hold(ByteBuffer(buffer: request), call)
      if call.isOpen { park(call) }
      return
    }
    start(call, request: request)
  }

  /// Keeps the request of a call whose handler has not started.
  private func hold(_ request: ByteBuffer, _ call: ServerCall) {
    call.request = request
    countBuffered(request.readableBytes, call)
  }

  /// Bytes of a request were put aside (or, negative, let go).
  func countBuffered(_ bytes: Int, _ call: ServerCall) {
    bufferedRequests += bytes
    if call.isOpen, bufferedRequests > configuration.maxBufferedRequests {
      call.finish(Status(.resourceExhausted, "too many bytes of requests are waiting"), end: .cancelled)
    }
  }

  /// Nothing is handed to the call until output has drained.
  func park(_ call: ServerCall) {
    if call.state.insert(.parked).inserted { parked.append(call) }
  }

  /// Output has drained: what waited for that goes on.
  func startParked() {
    guard !parked.isEmpty, session.queuedBytes <= configuration.maxQueuedOutput / 2 else { return }
    var position = 0
    while position < parked.count, !parked[position].isOpen || mayProduce {
      let call = parked[position]
      position += 1
      call.state.remove(.parked)
      guard call.isOpen else { continue }
      if let request = call.request {
        bufferedRequests -= request.readableBytes
        call.request = nil
        start(call, request: request)
      } else {
        (call.handler as? AsyncServerCall)?.unparked()
        resumeDelivery(call)
      }
    }
    parked.removeFirst(position)
  }

  private func start(_ call: ServerCall, request: ByteBuffer?) {
    var handler = call.method.handler
    if let detour = methods.detour {
      switch detour(call) {
      case .here: break
      case .table(let table): handler = table.handler(for: call.method) ?? handler
      case .handler(let handler): return start(call, handler, request)
      }
    }
    switch handler {
    case .unary(let handler):
      if let request { handler(call, request) }
    case .stream(let make): start(call, make(call), request)
    case .async(let body):
      let handler = AsyncServerCall(call)
      call.handler = handler
      if let request {
        handler.message(request, call: call)
        handler.halfClosed(call: call)
      }
      handler.start(body, on: context.taskExecutor)
    }
  }

  private func start(_ call: ServerCall, _ handler: any CallHandler, _ request: ByteBuffer?) {
    // Whoever made it may already have finished the call.
    guard call.isOpen else { return handler.ended(call.end, call: call) }
    call.handler = handler
    guard let request else { return }
    handler.message(request, call: call)
    if call.isOpen { handler.halfClosed(call: call) }
  }

  /// The handler reads again: what waited is handed out, then the peer may send as much as it has.
  func resumeDelivery(_ call: ServerCall) {
    deliver(call, ByteBuffer())
    if call.isOpen, call.state.isDisjoint(with: [.readingPaused, .parked]) {
      returnWindow(call)
      outputAdded()
    }
  }

  func returnWindow(_ call: ServerCall) {
    guard call.owedWindow > 0 else { return }
    session.consume(call.slot, connection: 0, stream: call.owedWindow)
    call.owedWindow = 0
  }

  // MARK: - Ends

  private func streamClosed(_ slot: Int32, _ error: HTTP2ErrorCode) {
    if case .call(let call) = entry(slot) {
      if error != .noError, !call.isOpen { call.undelivered?() }
      call.undelivered = nil
      call.over(.cancelled, Status(.cancelled, "the client cancelled the call"))
    }
    set(.none, at: slot)
    session.release(slot)
  }
}

extension NIODeadline {
  /// Like `+`, but stops at the far future.
  func adding(_ amount: TimeAmount) -> NIODeadline {
    let (sum, overflow) = Int64(clamping: uptimeNanoseconds).addingReportingOverflow(amount.nanoseconds)
    return overflow ? .distantFuture : .uptimeNanoseconds(UInt64(max(0, sum)))
  }
}
