import HTTP2
import NIOCore

/// From events to responses.
extension ClientConnection {
  /// `input`: what the events of this round point into.
  func handleEvents(input: ByteBuffer) {
    let events = context.takeEvents()
    for event in events {
      switch event {
      case .headers(let slot, let block, let endStream):
        headers(slot, block, endStream: endStream)
      case .data(let slot, let offset, let length):
        guard let bytes = input.getSlice(at: input.readerIndex + Int(offset), length: Int(length)) else { continue }
        data(slot, bytes)
      case .endStream(let slot):
        if let call = call(slot) { endedWithoutTrailers(call) }
      case .trailers(let slot, let block):
        trailers(slot, block)
      case .writable(let slot):
        if let call = call(slot), call.state.contains(.wasFull) {
          call.state.remove(.wasFull)
          call.handler?.writable(call: call)
        }
      case .closed(let slot, let error):
        closed(slot, error)
      case .ping, .pingAck:
        break
      case .goAway(_, let error):
        delegate?.goAwayReceived(error)
      case .settings:
        delegate?.settingsReceived()
      }
    }
    context.giveBack(events)
  }

  private func call(_ slot: Int32) -> ClientCall? {
    guard Int(slot) < calls.count, let call = calls[Int(slot)], call.isOpen, call.end == nil else { return nil }
    return call
  }

  // MARK: - Heads

  private func headers(_ slot: Int32, _ block: HTTP2HeaderBlock, endStream: Bool) {
    guard let call = call(slot) else { return }
    let bytes = context.scratch.fields(block)
    let head = ResponseHead(bytes)
    // An interim response; the real one follows.
    if (100..<200).contains(head.httpStatus), !endStream { return }
    call.commit()
    call.httpStatus = head.httpStatus
    if block.tooLarge { return giveUp(call, Status(.resourceExhausted, "response headers are over the limit")) }
    if endStream {
      return finish(call, head.status(httpStatus: head.httpStatus), bytes, head)
    }
    guard head.httpStatus == 200 else {
      return giveUp(call, head.status(httpStatus: head.httpStatus))
    }
    guard head.isGRPC else {
      return giveUp(call, Status(.unknown, "the answer is no gRPC but \"\(head.contentType)\""))
    }
    switch head.encoding {
    case .identity: break
    case .gzip: call.state.insert(.responseGzip)
    case .unknown: return giveUp(call, Status(.internal, "the server compresses in a way it was not offered"))
    }
    call.handler?.initialMetadata(head.hasMetadata ? Metadata(block: bytes) : Metadata(), call: call)
  }

  private func trailers(_ slot: Int32, _ block: HTTP2HeaderBlock) {
    guard let call = call(slot) else { return }
    // After an interim response the session takes the real one for trailers.
    if call.httpStatus == 0 { return headers(slot, block, endStream: session.isRemoteClosed(slot)) }
    if block.tooLarge { return giveUp(call, Status(.resourceExhausted, "response trailers are over the limit")) }
    let bytes = context.scratch.fields(block)
    let head = ResponseHead(bytes)
    finish(call, head.status(httpStatus: call.httpStatus), bytes, head)
  }

  /// The server ended the call; messages before that may still wait to be read.
  private func finish(_ call: ClientCall, _ status: Status, _ block: ByteBuffer, _ head: ResponseHead) {
    call.end = (status, head.hasMetadata ? Metadata(block: block) : Metadata())
    deliver(call, ByteBuffer())
  }

  private func endedWithoutTrailers(_ call: ClientCall) {
    let status = Status(StatusMapping.code(httpStatus: call.httpStatus), "the server ended the call without a status")
    call.end = (status, Metadata())
    deliver(call, ByteBuffer())
  }

  // MARK: - Data

  private func data(_ slot: Int32, _ bytes: ByteBuffer) {
    let count = bytes.readableBytes
    guard let call = call(slot) else { return session.consume(slot, connection: count, stream: count) }
    if call.state.contains(.readingPaused) || call.state.contains(.delivering) {
      session.consume(slot, connection: count, stream: 0)
      call.owedWindow += count
    } else {
      session.consume(slot, connection: count, stream: count)
    }
    deliver(call, bytes)
  }

  /// Hands out what lies in `bytes` and in the deframer, as far as the handler wants it, and then the end, if that has come.
  private func deliver(_ call: ClientCall, _ bytes: ByteBuffer) {
    var bytes = bytes
    guard !call.state.contains(.delivering) else { return call.deframer.hold(&bytes) }
    call.state.insert(.delivering)
    defer { call.state.remove(.delivering) }
    while call.isOpen {
      if call.state.contains(.readingPaused) { return call.deframer.hold(&bytes) }
      switch call.deframer.next(&bytes) {
      case .more:
        guard let end = call.end else { return }
        return call.deframer.isEmpty
          ? ended(call, end.status, end.trailers)
          : ended(
            call, end.status.isOK ? Status(.internal, "the response ended inside of a message") : end.status,
            end.trailers)
      case .message(let message, let compressed):
        guard let plain = plain(message, compressed: compressed, call) else { return }
        markTouched(call)
        call.handler?.message(plain, call: call)
      case .failed(let status):
        return giveUp(call, status)
      }
    }
  }

  private func plain(_ message: ByteBuffer, compressed: Bool, _ call: ClientCall) -> ByteBuffer? {
    guard compressed else { return message }
    guard call.state.contains(.responseGzip) else {
      giveUp(call, Status(.internal, "compressed message without grpc-encoding"))
      return nil
    }
    do throws(Gzip.InflateError) {
      return try context.gzip.inflate(message, limit: configuration.maxReceiveMessage)
    } catch {
      switch error {
      case .broken: giveUp(call, Status(.internal, "broken gzip message"))
      case .tooLarge: giveUp(call, Status(.resourceExhausted, "message inflates over the limit"))
      }
      return nil
    }
  }

  /// The handler reads again: what waited is handed out, then the peer may send as much as it has.
  func resumeDelivery(_ call: ClientCall) {
    deliver(call, ByteBuffer())
    if call.isOpen, call.slot >= 0, !call.state.contains(.readingPaused), call.owedWindow > 0 {
      session.consume(call.slot, connection: 0, stream: call.owedWindow)
      call.owedWindow = 0
      outputAdded()
    }
    if !touched.isEmpty { completeRound() }
  }

  // MARK: - Ends

  /// All was read. A server may end a call before the client has sent all; then nothing more is to be sent.
  private func ended(_ call: ClientCall, _ status: Status, _ trailers: Metadata) {
    if call.slot >= 0, !call.state.contains(.halfClosed) || session.pendingOutput(call.slot) > 0 {
      session.reset(call.slot, .cancel)
      outputAdded()
    }
    call.over(status, trailers)
  }

  /// The server broke the rules, or went over a limit: the rest of its answer is not wanted.
  private func giveUp(_ call: ClientCall, _ status: Status) {
    if call.slot >= 0 {
      session.reset(call.slot, .cancel)
      outputAdded()
    }
    call.over(status, Metadata())
  }

  private func closed(_ slot: Int32, _ error: HTTP2ErrorCode) {
    defer { session.release(slot) }
    guard let call = call(slot) else {
      // Its handler has not read all yet; the slot will be another's.
      if Int(slot) < calls.count {
        calls[Int(slot)]?.slot = -1
        calls[Int(slot)] = nil
      }
      return
    }
    if error == .refusedStream, !call.state.contains(.committed) {
      calls[Int(slot)] = nil
      call.detached()
      if let router = call.router, router.callRefused(call) {
        openCalls -= 1
        delegate?.callEnded()
        return
      }
      // It ends as one of this connection's.
      call.connection = self
      call.slot = slot
    }
    call.state.insert(.lost)
    let isLate = call.deadline.map { $0 <= .now() } ?? false
    let code = error == .cancel && isLate ? .deadlineExceeded : StatusMapping.code(reset: error)
    call.over(Status(code, "the server reset the stream: HTTP/2 error \(error.rawValue)"), Metadata())
  }
}
