import CNghttp2
import NIOCore

/// What libnghttp2 calls. No callback captures anything: each gets its session by the user data pointer and only appends to the event
/// list, counts, or fills the output. libnghttp2 must not be re-entered from here, except to submit frames.
enum HTTP2Callbacks {
  /// The pointers come from libnghttp2 and are used before the callback returns; `userData` is the session that called libnghttp2,
  /// alive for as long as that call.
  static func install(_ callbacks: OpaquePointer) {
    unsafe nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks) { _, header, userData in
      guard let header = unsafe header else { return 0 }
      return unsafe HTTP2Callbacks.with(userData) { session in
        unsafe session.frameBegins(
          type: header.pointee.type, flags: header.pointee.flags, length: header.pointee.length,
          id: header.pointee.stream_id)
      }
    }
    unsafe nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks) { _, frame, userData in
      guard let frame = unsafe frame else { return 0 }
      return unsafe HTTP2Callbacks.with(userData) { session in
        unsafe session.headersBegin(
          id: frame.pointee.hd.stream_id, isRequest: frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST)
      }
    }
    unsafe nghttp2_session_callbacks_set_on_header_callback(callbacks) {
      _, _, name, nameLength, value, valueLength, _, userData in
      unsafe HTTP2Callbacks.with(userData) { session in
        unsafe session.header(
          name: UnsafeRawBufferPointer(start: name, count: nameLength),
          value: UnsafeRawBufferPointer(start: value, count: valueLength))
      }
    }
    unsafe nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) { _, _, id, data, length, userData in
      guard let data = unsafe data else { return 0 }
      return unsafe HTTP2Callbacks.with(userData) { session in
        unsafe session.dataChunk(id: id, data: UnsafeRawPointer(data), length: length)
      }
    }
    unsafe nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, userData in
      guard let frame = unsafe frame else { return 0 }
      return unsafe HTTP2Callbacks.with(userData) { session in unsafe session.frameReceived(frame) }
    }
    unsafe nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks) { _, _, _, userData in
      unsafe HTTP2Callbacks.with(userData) { session in
        session.headerBlockOpen = false
        session.block.drop()
        return 0
      }
    }
    unsafe nghttp2_session_callbacks_set_on_frame_send_callback(callbacks) { _, frame, userData in
      guard let frame = unsafe frame else { return 0 }
      return unsafe HTTP2Callbacks.with(userData) { session in
        switch unsafe UInt32(frame.pointee.hd.type) {
        case NGHTTP2_RST_STREAM.rawValue:
          return unsafe session.resetSent(HTTP2ErrorCode(rawValue: frame.pointee.rst_stream.error_code))
        case NGHTTP2_HEADERS.rawValue:
          session.usefulFramesSent += 1
          unsafe session.frameSent(frame.pointee.hd)
        case NGHTTP2_DATA.rawValue:
          unsafe session.frameSent(frame.pointee.hd)
        default:
          break
        }
        return 0
      }
    }
    unsafe nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks) { _, frame, _, userData in
      guard let frame = unsafe frame, unsafe frame.pointee.hd.type == UInt8(NGHTTP2_HEADERS.rawValue) else { return 0 }
      return unsafe HTTP2Callbacks.with(userData) { session in
        unsafe session.headersNotSent(id: frame.pointee.hd.stream_id)
        return 0
      }
    }
    unsafe nghttp2_session_callbacks_set_unpack_extension_callback(callbacks) { _, _, _, _ in
      // A frame of an unknown type: its content is dropped.
      NGHTTP2_ERR_CANCEL.rawValue
    }
    unsafe nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, id, error, userData in
      unsafe HTTP2Callbacks.with(userData) { session in
        session.streamClosed(id: id, error: HTTP2ErrorCode(rawValue: error))
        return 0
      }
    }
    unsafe nghttp2_session_callbacks_set_send_data_callback(callbacks) { _, _, header, length, source, userData in
      guard let header = unsafe header, let source = unsafe source else {
        return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue
      }
      return unsafe HTTP2Callbacks.with(userData) { session in
        unsafe session.sendData(
          slot: source.pointee.fd, header: UnsafeRawBufferPointer(start: header, count: 9), length: length)
      }
    }
  }

  /// Fills in DATA frames from the slot named by `source`; the bytes themselves follow in `sendData`.
  static func dataProvider(slot: Int32) -> nghttp2_data_provider {
    unsafe nghttp2_data_provider(source: nghttp2_data_source(fd: slot)) { _, _, _, limit, flags, source, userData in
      guard let source = unsafe source, let flags = unsafe flags else {
        return Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)
      }
      return unsafe HTTP2Callbacks.with(userData) { session in
        unsafe session.readData(slot: source.pointee.fd, limit: limit, flags: &flags.pointee)
      }
    }
  }

  /// `userData` was made from the session by `passUnretained`; the session is alive while it calls libnghttp2, so it is neither
  /// retained nor released here: there are a dozen callbacks to a small call.
  @inline(__always)
  private static func with<Result: FixedWidthInteger>(
    _ userData: UnsafeMutableRawPointer?, _ body: (HTTP2Session) -> Result
  ) -> Result {
    guard let userData = unsafe userData else { return 0 }
    return unsafe Unmanaged<HTTP2Session>.fromOpaque(userData)._withUnsafeGuaranteedRef { body($0) }
  }
}
