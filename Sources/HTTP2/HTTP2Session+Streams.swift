import CNghttp2
import NIOCore

/// Streams: what the owner does with them, and the sending half of the callbacks.
extension HTTP2Session {
  // MARK: - For the owner

  /// The id of the stream in this slot, 0 for a request that has not got one.
  public func streamID(_ slot: Int32) -> Int32 { slots[Int(slot)].id }

  /// Whether the peer has ended its side.
  public func isRemoteClosed(_ slot: Int32) -> Bool { slots[Int(slot)].flags.contains(.remoteClosed) }

  /// Client: opens a stream. nil when the session takes no more requests.
  public func request(_ head: HTTP2HeaderList, endStream: Bool) -> Int32? {
    guard acceptsRequests else { return nil }
    let slot = takeSlot(id: 0)
    let id = unsafe head.withFields { fields, count in
      // The fields are copied, the provider is read, before the call returns.
      if endStream {
        return unsafe nghttp2_submit_request(
          raw, nil, fields, count, nil, UnsafeMutableRawPointer(bitPattern: Int(slot) + 1))
      }
      var provider = unsafe HTTP2Callbacks.dataProvider(slot: slot)
      return unsafe nghttp2_submit_request(
        raw, nil, fields, count, &provider, UnsafeMutableRawPointer(bitPattern: Int(slot) + 1))
    }
    guard id > 0 else {
      freeSlot(slot)
      return nil
    }
    slots[Int(slot)].id = id
    slots[Int(slot)].flags.formUnion([.announced, .headSubmitted])
    if endStream { slots[Int(slot)].flags.insert(.finishing) }
    openStreams += 1
    return slot
  }

  /// Server: submits the response head. With `endStream` it is the whole response.
  public func respond(_ slot: Int32, _ head: HTTP2HeaderList, endStream: Bool) {
    unsafe head.withFields { fields, count in unsafe submitResponse(slot, fields, count, endStream: endStream) }
  }

  public func respond(_ slot: Int32, _ head: HTTP2StaticHeaders) {
    unsafe head.withFields { fields, count in unsafe submitResponse(slot, fields, count, endStream: false) }
  }

  private func submitResponse(_ slot: Int32, _ fields: UnsafePointer<nghttp2_nv>?, _ count: Int, endStream: Bool) {
    let position = Int(slot)
    guard failure == nil, !slots[position].flags.contains(.closed), !slots[position].flags.contains(.headSubmitted)
    else {
      return
    }
    slots[position].flags.insert(.headSubmitted)
    // The fields are copied, the provider is read, before the call returns.
    if endStream {
      unsafe nghttp2_submit_response(raw, slots[position].id, fields, count, nil)
      slots[position].flags.insert(.finishing)
      endEarly(position)
    } else {
      var provider = unsafe HTTP2Callbacks.dataProvider(slot: slot)
      unsafe nghttp2_submit_response(raw, slots[position].id, fields, count, &provider)
    }
  }

  /// Lends the stream's outbox: what is appended to it is sent as DATA, in order. Give it back with `putOutbox`.
  public func takeOutbox(_ slot: Int32) -> ByteBuffer {
    let position = Int(slot)
    queuedBytes -= slots[position].waiting
    return slots[position].outbox.take() ?? scratch.takeBuffer()
  }

  public func putOutbox(_ slot: Int32, _ buffer: consuming ByteBuffer) {
    let position = Int(slot)
    guard failure == nil, slots[position].flags.isDisjoint(with: [.closed, .finishing]) else {
      scratch.giveBack(buffer)
      return
    }
    let waiting = buffer.readableBytes
    queuedBytes += waiting
    if waiting >= configuration.streamOutputLimit { slots[position].flags.insert(.aboveLimit) }
    slots[position].outbox = buffer
    if waiting > 0 { resume(position) }
  }

  /// Bytes that wait in the stream.
  public func pendingOutput(_ slot: Int32) -> Int { slots[Int(slot)].waiting }

  /// Ends our side after what is in the outbox.
  public func finish(_ slot: Int32) { finish(slot, .end) }

  public func finish(_ slot: Int32, trailers: HTTP2HeaderList) { finish(slot, .trailers(trailers)) }

  public func finish(_ slot: Int32, trailers: HTTP2StaticHeaders) { finish(slot, .fixedTrailers(trailers)) }

  private func finish(_ slot: Int32, _ how: StreamSlot.Finish) {
    let position = Int(slot)
    guard failure == nil, slots[position].flags.isDisjoint(with: [.closed, .finishing]) else { return }
    slots[position].flags.insert(.finishing)
    slots[position].finish = how
    resume(position)
  }

  public func reset(_ slot: Int32, _ error: HTTP2ErrorCode) {
    let position = Int(slot)
    guard failure == nil, !slots[position].flags.contains(.closed) else { return }
    slots[position].flags.insert(.finishing)
    queuedBytes -= slots[position].waiting
    if let outbox = slots[position].outbox.take() { scratch.giveBack(outbox) }
    unsafe nghttp2_submit_rst_stream(
      raw, UInt8(NGHTTP2_FLAG_NONE.rawValue), slots[position].id, error.rawValue)
  }

  /// Returns window to the peer: for the connection alone while a reader is paused, for both otherwise.
  public func consume(_ slot: Int32, connection: Int, stream: Int) {
    unconsumed -= connection
    guard failure == nil else { return }
    let id = slots[Int(slot)].id
    if connection == stream {
      unsafe nghttp2_session_consume(raw, id, stream)
    } else {
      if connection > 0 { unsafe nghttp2_session_consume_connection(raw, connection) }
      if stream > 0 { unsafe nghttp2_session_consume_stream(raw, id, stream) }
    }
  }

  /// The owner is done with a closed stream.
  public func release(_ slot: Int32) {
    guard slots[Int(slot)].flags.contains(.closed) else { return }
    freeSlot(slot)
  }

  // MARK: - Slots

  func slotIndex(_ id: Int32) -> Int32 {
    // The pointer is a slot index plus one, see `headersBegin` and `request`.
    Int32(truncatingIfNeeded: Int(bitPattern: unsafe nghttp2_session_get_stream_user_data(raw, id)) - 1)
  }

  func takeSlot(id: Int32) -> Int32 {
    if let slot = freeSlots.popLast() {
      slots[Int(slot)].id = id
      return slot
    }
    slots.append(StreamSlot(id: id))
    return Int32(slots.count - 1)
  }

  func freeSlot(_ slot: Int32) {
    slots[Int(slot)].clear()
    freeSlots.append(slot)
  }

  private func resume(_ position: Int) {
    guard slots[position].flags.contains(.deferred) else { return }
    slots[position].flags.remove(.deferred)
    unsafe nghttp2_session_resume_data(raw, slots[position].id)
  }

  /// A server that has answered before the client ended its side says so (RFC 9113 section 8.1) with RST_STREAM NO_ERROR. libnghttp2 drops
  /// what is queued on a stream that is being reset, so that is submitted when the end of the answer is sent.
  private func endEarly(_ position: Int) {
    guard configuration.role == .server, !slots[position].flags.contains(.remoteClosed) else { return }
    slots[position].flags.insert(.endsEarly)
    earlyEnds += 1
  }

  // MARK: - Callbacks

  /// How many bytes the next DATA frame takes. They are copied once, by `sendData`, straight into the output.
  func readData(slot: Int32, limit: Int, flags: inout UInt32) -> Int {
    let position = Int(slot)
    let available = slots[position].waiting
    let length = min(available, limit)
    guard length == available else {
      flags |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue
      return length
    }
    if length > 0 { flags |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue }
    let id = slots[position].id
    switch slots[position].finish {
    case .open:
      if length > 0 { return length }
      slots[position].flags.insert(.deferred)
      return Int(NGHTTP2_ERR_DEFERRED.rawValue)
    case .end:
      flags |= NGHTTP2_DATA_FLAG_EOF.rawValue
    case .fixedTrailers(let trailers):
      flags |= NGHTTP2_DATA_FLAG_EOF.rawValue | NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
      // The fields are copied before the call returns.
      unsafe trailers.withFields { fields, count in _ = unsafe nghttp2_submit_trailer(raw, id, fields, count) }
    case .trailers(let trailers):
      flags |= NGHTTP2_DATA_FLAG_EOF.rawValue | NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
      unsafe trailers.withFields { fields, count in _ = unsafe nghttp2_submit_trailer(raw, id, fields, count) }
    }
    endEarly(position)
    return length
  }

  func sendData(slot: Int32, header: UnsafeRawBufferPointer, length: Int) -> Int32 {
    // libnghttp2 does not return to `produce` between such frames; it asks again for this one later.
    if output.readableBytes >= outputLimit {
      if configuration.role == .server { heldHeader = scratch.frame.saveHeader() }
      return NGHTTP2_ERR_WOULDBLOCK.rawValue
    }
    let position = Int(slot)
    // No slice: it would be a second owner of the outbox when that is given back.
    unsafe slots[position].outbox?.readWithUnsafeReadableBytes { waiting in
      let sent = min(length, waiting.count)
      unsafe output.writeWithUnsafeMutableBytes(minimumWritableBytes: header.count + sent) { target in
        guard let place = target.baseAddress, let head = header.baseAddress, let bytes = waiting.baseAddress else {
          return 0
        }
        // There is room for both.
        unsafe place.copyMemory(from: head, byteCount: header.count)
        unsafe (place + header.count).copyMemory(from: bytes, byteCount: sent)
        return header.count + sent
      }
      return sent
    }
    queuedBytes -= length
    usefulFramesSent += 1
    noise.earn(2)
    let left = slots[position].waiting
    if left == 0 {
      if let outbox = slots[position].outbox.take() { scratch.giveBack(outbox) }
    } else {
      slots[position].shrinkOutbox()
    }
    if left < configuration.streamOutputLimit / 2, slots[position].flags.contains(.aboveLimit) {
      slots[position].flags.remove(.aboveLimit)
      scratch.events.append(.writable(slot: slot))
    }
    return 0
  }

  /// HEADERS or DATA went out.
  func frameSent(_ header: nghttp2_frame_hd) {
    guard earlyEnds > 0, header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0 else { return }
    let slot = slotIndex(header.stream_id)
    guard slot >= 0, slots[Int(slot)].flags.contains(.endsEarly) else { return }
    slots[Int(slot)].flags.remove(.endsEarly)
    earlyEnds -= 1
    if slots[Int(slot)].flags.contains(.remoteClosed) { return }
    unsafe nghttp2_submit_rst_stream(
      raw, UInt8(NGHTTP2_FLAG_NONE.rawValue), header.stream_id, HTTP2ErrorCode.noError.rawValue)
  }

  func headersNotSent(id: Int32) {
    let slot = slotIndex(id)
    if slot >= 0 { slots[Int(slot)].flags.insert(.notSent) }
  }
}

extension StreamSlot {
  /// Keeps a large outbox from holding more than twice what waits in it: its reader may never come for the rest.
  mutating func shrinkOutbox() {
    guard let capacity = outbox?.capacity, capacity >= 512 * 1024, waiting < capacity / 2 else { return }
    outbox = outbox.map { ByteBuffer(buffer: $0) }
  }
}

extension HTTP2HeaderList {
  /// Lends the fields as libnghttp2 wants them. The pointers are valid in the closure only; libnghttp2 copies what it keeps.
  func withFields<R>(_ body: (UnsafePointer<nghttp2_nv>?, Int) -> R) -> R {
    unsafe bytes.withUnsafeBufferPointer { all in
      unsafe withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: max(1, fields.count)) { vector in
        for (position, field) in fields.enumerated() {
          // Offsets were made by `add` from the same bytes; an empty list has no fields and so no base to miss.
          guard let base = unsafe UnsafeMutablePointer(mutating: all.baseAddress) else { break }
          let flags = field.indexed ? NGHTTP2_NV_FLAG_NONE.rawValue : NGHTTP2_NV_FLAG_NO_INDEX.rawValue
          unsafe vector.initializeElement(
            at: position,
            to: nghttp2_nv(
              name: base + field.nameStart, value: base + field.valueStart, namelen: field.nameLength,
              valuelen: field.valueLength, flags: UInt8(flags)))
        }
        return unsafe body(UnsafePointer(vector.baseAddress), fields.count)
      }
    }
  }
}
