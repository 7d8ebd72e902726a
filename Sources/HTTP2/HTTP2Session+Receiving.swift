import CNghttp2
import NIOCore

/// The receiving half of the callbacks.
extension HTTP2Session {
  private static let failed = NGHTTP2_ERR_CALLBACK_FAILURE.rawValue

  func frameBegins(type: UInt8, flags: UInt8, length: Int, id: Int32) -> Int32 {
    let isUseful: Bool
    switch UInt32(type) {
    case NGHTTP2_DATA.rawValue:
      isUseful = length > 0 || flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
    case NGHTTP2_HEADERS.rawValue:
      headerBlockOpen = true
      if configuration.role == .server, id & 1 == 1, !gaps.opens(id) {
        fail(.protocolError, "stream id jumped over")
        return Self.failed
      }
      isUseful = true
    case NGHTTP2_CONTINUATION.rawValue:
      // libnghttp2 limits their number.
      return 0
    default:
      isUseful = false
    }
    if UInt32(type) != NGHTTP2_HEADERS.rawValue { headerBlockOpen = false }
    if isUseful {
      noise.earn(1)
    } else if !noise.spend(now: now) {
      fail(.enhanceYourCalm, "too_many_useless_frames")
      return Self.failed
    }
    return 0
  }

  func headersBegin(id: Int32, isRequest: Bool) -> Int32 {
    headerBlockOpen = true
    var slot = slotIndex(id)
    if isRequest, slot < 0 {
      slot = takeSlot(id: id)
      // A slot index disguised as a pointer: never dereferenced, 0 means none.
      unsafe nghttp2_session_set_stream_user_data(raw, id, UnsafeMutableRawPointer(bitPattern: Int(slot) + 1))
    }
    block.begin(slot: slot, &scratch.fields)
    return 0
  }

  func header(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) -> Int32 {
    unsafe block.add(
      name: name, value: value, &scratch.fields, maxSize: configuration.maxHeaderListSize,
      maxFields: configuration.maxHeaderFields)
    if block.size > configuration.maxDecodedHeaderBlock {
      fail(.enhanceYourCalm, "header block too large")
      return Self.failed
    }
    return 0
  }

  func dataChunk(id: Int32, data: UnsafeRawPointer, length: Int) -> Int32 {
    let slot = slotIndex(id)
    guard slot >= 0, let base = unsafe inputBase else {
      unsafe nghttp2_session_consume(raw, id, length)
      return 0
    }
    // libnghttp2 hands out pointers into what it was given, never copies of DATA (Docs/decisions/152).
    let offset = unsafe data - base
    guard offset >= 0, length >= 0, offset + length <= inputEnd else { return Self.failed }
    unconsumed += length
    scratch.events.append(.data(slot: slot, offset: Int32(offset), length: Int32(length)))
    return 0
  }

  func frameReceived(_ frame: UnsafePointer<nghttp2_frame>) -> Int32 {
    let id = unsafe frame.pointee.hd.stream_id
    let ends = unsafe frame.pointee.hd.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
    switch unsafe UInt32(frame.pointee.hd.type) {
    case NGHTTP2_HEADERS.rawValue:
      headerBlockOpen = false
      let slot = block.slot
      let fields = block.end(scratch.fields, arena: &scratch.arena)
      guard slot >= 0 else { return 0 }
      if ends { slots[Int(slot)].flags.insert(.remoteClosed) }
      if unsafe frame.pointee.headers.cat == NGHTTP2_HCAT_HEADERS {
        scratch.events.append(.trailers(slot: slot, block: fields))
      } else {
        slots[Int(slot)].flags.insert(.announced)
        openStreams += configuration.role == .server ? 1 : 0
        scratch.events.append(.headers(slot: slot, block: fields, endStream: ends))
      }
    case NGHTTP2_DATA.rawValue:
      guard ends else {
        // Nothing but padding: what `frameBegins` took for useful was not.
        let padding = unsafe frame.pointee.data.padlen
        guard padding > 0, unsafe frame.pointee.hd.length == padding else { return 0 }
        noise.earn(-1)
        if noise.spend(now: now) { return 0 }
        fail(.enhanceYourCalm, "too_many_useless_frames")
        return Self.failed
      }
      let slot = slotIndex(id)
      guard slot >= 0 else { return 0 }
      slots[Int(slot)].flags.insert(.remoteClosed)
      scratch.events.append(.endStream(slot: slot))
    case NGHTTP2_SETTINGS.rawValue:
      if unsafe frame.pointee.hd.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0 {
        isAcknowledged = true
      } else {
        isReady = true
        scratch.events.append(.settings)
      }
    case NGHTTP2_PING.rawValue:
      if unsafe frame.pointee.hd.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0 {
        let data = unsafe withUnsafeBytes(of: frame.pointee.ping.opaque_data) {
          unsafe $0.loadUnaligned(as: UInt64.self)
        }
        scratch.events.append(.pingAck(UInt64(bigEndian: data)))
      } else {
        scratch.events.append(.ping)
      }
    case NGHTTP2_RST_STREAM.rawValue:
      guard configuration.role == .server, !resets.spend(now: now) else { return 0 }
      fail(.enhanceYourCalm, "too_many_canceled_calls")
      return Self.failed
    case NGHTTP2_GOAWAY.rawValue:
      scratch.events.append(
        .goAway(
          lastStreamID: unsafe frame.pointee.goaway.last_stream_id,
          error: HTTP2ErrorCode(rawValue: unsafe frame.pointee.goaway.error_code)))
    default:
      break
    }
    return 0
  }

  func streamClosed(id: Int32, error: HTTP2ErrorCode) {
    let slot = slotIndex(id)
    guard slot >= 0 else { return }
    let position = Int(slot)
    if block.slot == slot { block.drop() }
    slots[position].flags.insert(.closed)
    if slots[position].flags.contains(.endsEarly) { earlyEnds -= 1 }
    queuedBytes -= slots[position].waiting
    if let outbox = slots[position].outbox.take() { scratch.giveBack(outbox) }
    guard slots[position].flags.contains(.announced) else { return freeSlot(slot) }
    openStreams -= 1
    let code = slots[position].flags.contains(.notSent) ? .refusedStream : error
    scratch.events.append(.closed(slot: slot, error: code))
  }

  /// Streams that have to be reset for what the peer sent cost it, whatever it sent (CVE-2025-8671).
  func resetSent(_ error: HTTP2ErrorCode) -> Int32 {
    switch error {
    case .noError, .cancel:
      return 0
    case .refusedStream:
      // A client that has not yet seen our limit is innocent, for a while.
      if noise.spend(now: now) { return 0 }
    default:
      if faults.spend(now: now) { return 0 }
    }
    fail(.enhanceYourCalm, "too_many_stream_errors")
    return Self.failed
  }
}
