import CNghttp2
import NIOCore

/// One HTTP/2 connection without a socket, on libnghttp2: bytes in -> events -> bytes out.
///
/// Confined to one event loop. `receive` and `produce` leave events in the scratch; the driver takes and handles all of them before it calls
/// either again. While events are handled, everything else may be called: it only queues.
///
/// A stream is named by its slot, a small integer that stays taken until `release`.
@safe public final class HTTP2Session {
  public let configuration: HTTP2Configuration
  public let scratch: HTTP2Scratch

  /// Set once in `init`, freed in `deinit`, and used in this module only, on the session's loop.
  var raw: OpaquePointer?
  var slots: [StreamSlot] = []
  var freeSlots: [Int32] = []

  /// Streams the owner knows of and that libnghttp2 still has.
  public internal(set) var openStreams = 0
  /// The peer's first SETTINGS frame has come, and before it (server) the client's preface.
  public internal(set) var isReady = false
  /// The peer has acknowledged our SETTINGS.
  public internal(set) var isAcknowledged = false
  /// A header block has begun and is not complete: the peer owes us the rest.
  public internal(set) var headerBlockOpen = false
  /// Why the session ended itself, once it has.
  public internal(set) var failure: Failure?
  /// Bytes of DATA payload given out in events and not consumed yet.
  public internal(set) var unconsumed = 0
  /// Bytes queued in all streams.
  public internal(set) var queuedBytes = 0

  /// HEADERS and DATA frames sent so far.
  public internal(set) var usefulFramesSent: UInt64 = 0

  public struct Failure: Sendable, Equatable {
    public var error: HTTP2ErrorCode
    public var reason: String
  }

  var now = NIODeadline.uptimeNanoseconds(0)
  var output = ByteBuffer()
  /// Bytes in `output` from which on no further DATA frame is written.
  var outputLimit = 0
  /// The header of the DATA frame that `output` had no room for; empty when there is none. Its bytes were in the shared frame buffer.
  var heldHeader: [UInt8] = []
  var block = BlockBuilder()
  var gaps = StreamGaps()
  var faults: TokenBucket
  var noise: TokenBucket
  var resets: TokenBucket
  /// Streams whose answer will be followed by RST_STREAM, see `endEarly`.
  var earlyEnds = 0
  private var failureSent = false
  private var closing = false

  /// - Throws: `HTTP2SessionError` when libnghttp2 has no memory.
  public init(configuration: HTTP2Configuration, scratch: HTTP2Scratch, now: NIODeadline) throws(HTTP2SessionError) {
    self.configuration = configuration
    self.scratch = scratch
    self.now = now
    faults = TokenBucket(burst: configuration.faultBurst, perSecond: configuration.faultsPerSecond, now: now)
    noise = TokenBucket(burst: configuration.noiseBurst, perSecond: configuration.noisePerSecond, now: now)
    resets = TokenBucket(burst: configuration.resetBurst, perSecond: configuration.resetsPerSecond, now: now)
    unsafe raw = try Self.makeRaw(
      configuration, userData: UnsafeMutableRawPointer(Unmanaged.passUnretained(self).toOpaque()), frame: scratch.frame)
    try submitSettings()
  }

  deinit { unsafe nghttp2_session_del(raw) }

  /// The session is created with `self` unretained: it is deleted in `deinit`, so no callback can come later.
  private static func makeRaw(
    _ configuration: HTTP2Configuration, userData: UnsafeMutableRawPointer, frame: FrameLoan
  ) throws(HTTP2SessionError) -> OpaquePointer {
    // Both objects are read by `…_new2` and no longer needed after it.
    var callbacks: OpaquePointer?
    guard unsafe nghttp2_session_callbacks_new(&callbacks) == 0, let callbacks = unsafe callbacks else {
      throw .outOfMemory
    }
    defer { unsafe nghttp2_session_callbacks_del(callbacks) }
    unsafe HTTP2Callbacks.install(callbacks)

    var option: OpaquePointer?
    guard unsafe nghttp2_option_new(&option) == 0, let option = unsafe option else { throw .outOfMemory }
    defer { unsafe nghttp2_option_del(option) }
    unsafe nghttp2_option_set_no_auto_window_update(option, 1)
    // Frames of unknown types are ignored (RFC 9113 section 4.1), but libnghttp2 tells of them, so that they can be counted, only if asked to.
    for type in UInt8(NGHTTP2_CONTINUATION.rawValue) + 1...UInt8.max {
      unsafe nghttp2_option_set_user_recv_extension_type(option, type)
    }
    // libnghttp2's own limit would end the connection with INTERNAL_ERROR and no word; `resets` counts instead.
    unsafe nghttp2_option_set_stream_reset_rate_limit(option, 1 << 40, 1 << 20)

    var session: OpaquePointer?
    let result =
      switch configuration.role {
      case .server:
        unsafe frame.lend { unsafe nghttp2_session_server_new3(&session, callbacks, userData, option, $0) }
      // Until it is connected a client has its preface in its frame buffer, so that is its own.
      case .client: unsafe nghttp2_session_client_new2(&session, callbacks, userData, option)
      }
    guard result == 0, let session = unsafe session else { throw .outOfMemory }
    return unsafe session
  }

  private func submitSettings() throws(HTTP2SessionError) {
    var entries = [
      nghttp2_settings_entry(
        settings_id: Int32(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS.rawValue),
        value: configuration.role == .server ? configuration.maxConcurrentStreams : 0),
      nghttp2_settings_entry(
        settings_id: Int32(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE.rawValue), value: UInt32(configuration.streamWindow)),
      nghttp2_settings_entry(
        settings_id: Int32(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE.rawValue),
        value: UInt32(clamping: configuration.maxHeaderListSize)),
    ]
    if configuration.role == .client {
      entries.append(nghttp2_settings_entry(settings_id: Int32(NGHTTP2_SETTINGS_ENABLE_PUSH.rawValue), value: 0))
    }
    // The entries are copied before the call returns.
    guard unsafe nghttp2_submit_settings(raw, UInt8(NGHTTP2_FLAG_NONE.rawValue), entries, entries.count) == 0,
      unsafe nghttp2_session_set_local_window_size(
        raw, UInt8(NGHTTP2_FLAG_NONE.rawValue), 0, configuration.connectionWindow) == 0
    else { throw .outOfMemory }
  }

  // MARK: - Bytes in

  /// Gives the session bytes of the peer. Events lie in the scratch afterwards, also when false is returned: then the session has failed, takes
  /// no more bytes, and what `produce` still has should be sent before the connection is closed.
  ///
  /// Give at most 16 KiB at a time, so that the events of one call stay few.
  public func receive(_ bytes: ByteBuffer, at offset: Int, length: Int, now: NIODeadline) -> Bool {
    guard failure == nil else { return false }
    self.now = now
    block.restore(&scratch.fields)
    let result = unsafe bytes.withUnsafeReadableBytes { all -> Int in
      guard let base = all.baseAddress, offset >= 0, length >= 0, offset + length <= all.count else { return 0 }
      // libnghttp2 reads `length` bytes and keeps no pointer; `inputBase` is only used by callbacks during this call.
      let start = unsafe base.advanced(by: offset).assumingMemoryBound(to: UInt8.self)
      unsafe inputBase = base
      inputEnd = offset + length
      defer { unsafe inputBase = nil }
      return unsafe nghttp2_session_mem_recv(raw, start, length)
    }
    block.save(scratch.fields)
    if result < 0 { fail(receiveError: Int32(truncatingIfNeeded: result)) }
    return failure == nil
  }

  /// Where the bytes given to `receive` begin; nil outside of it.
  var inputBase: UnsafeRawPointer?
  var inputEnd = 0

  private func fail(receiveError: Int32) {
    if failure != nil { return }
    switch nghttp2_error(receiveError) {
    case NGHTTP2_ERR_FLOODED, NGHTTP2_ERR_TOO_MANY_CONTINUATIONS:
      failure = Failure(error: .enhanceYourCalm, reason: "flood")
    case NGHTTP2_ERR_NOMEM:
      failure = Failure(error: .internalError, reason: "no memory")
    default:
      failure = Failure(error: .protocolError, reason: "protocol error \(receiveError)")
    }
  }

  // MARK: - Bytes out

  /// Appends what the session wants to send, until it has nothing more or about `limit` bytes are in `out`. Events may follow.
  public func produce(into out: inout ByteBuffer, limit: Int, now: NIODeadline) {
    self.now = now
    if let failure {
      // libnghttp2 must not be used after a fatal error, so the last word is written by hand.
      if !failureSent { writeGoAway(failure, into: &out) }
      failureSent = true
      return
    }
    swap(&output, &out)
    defer { swap(&output, &out) }
    outputLimit = limit
    if !heldHeader.isEmpty {
      scratch.frame.restoreHeader(heldHeader)
      heldHeader = []
    }
    while output.readableBytes < limit {
      var pointer: UnsafePointer<UInt8>?
      let count = unsafe nghttp2_session_mem_send(raw, &pointer)
      guard count > 0, let start = unsafe pointer else {
        if count < 0, failure == nil { failure = Failure(error: .internalError, reason: "send error \(count)") }
        break
      }
      // Valid until the next call into libnghttp2; copied here.
      unsafe output.writeBytes(UnsafeRawBufferPointer(start: start, count: count))
    }
  }

  private func writeGoAway(_ failure: Failure, into out: inout ByteBuffer) {
    let last = unsafe nghttp2_session_get_last_proc_stream_id(raw)
    let length = UInt32(8 + failure.reason.utf8.count)
    out.writeInteger(UInt32(length << 8 | UInt32(NGHTTP2_GOAWAY.rawValue)))
    out.writeInteger(UInt8(0))
    out.writeInteger(UInt32(0))
    out.writeInteger(last)
    out.writeInteger(failure.error.rawValue)
    out.writeString(failure.reason)
  }

  /// Whether `produce` has something that the peer's windows allow.
  public var wantsWrite: Bool {
    if failure != nil { return !failureSent }
    return unsafe nghttp2_session_want_write(raw) != 0
  }

  /// Nothing more will be read; once nothing is to be written, the connection is to be closed.
  public var isFinished: Bool {
    if failure != nil { return failureSent }
    if closing { return unsafe nghttp2_session_want_write(raw) == 0 }
    return unsafe nghttp2_session_want_read(raw) == 0 && nghttp2_session_want_write(raw) == 0
  }

  // MARK: - The connection

  /// First half of a graceful end: the peer is asked to open no more streams, those on their way are still served (RFC 9113 section 6.8).
  public func submitShutdownNotice() {
    guard failure == nil else { return }
    unsafe nghttp2_submit_shutdown_notice(raw)
  }

  /// Second half: names the last stream that is served. `reason` becomes the debug data.
  public func submitGoAway(_ error: HTTP2ErrorCode, reason: String = "") {
    guard failure == nil else { return }
    let last = unsafe nghttp2_session_get_last_proc_stream_id(raw)
    let bytes = Array(reason.utf8)
    // The debug data are copied before the call returns.
    unsafe nghttp2_submit_goaway(raw, UInt8(NGHTTP2_FLAG_NONE.rawValue), last, error.rawValue, bytes, bytes.count)
  }

  /// GOAWAY, and the session is finished as soon as that is written: open streams are lost.
  public func terminate(_ error: HTTP2ErrorCode, reason: String = "") {
    guard failure == nil, !closing else { return }
    submitGoAway(error, reason: reason)
    closing = true
  }

  public func submitPing(_ data: UInt64) {
    guard failure == nil else { return }
    let bytes = unsafe withUnsafeBytes(of: data.bigEndian) { unsafe Array($0) }
    // The eight bytes are copied before the call returns.
    unsafe nghttp2_submit_ping(raw, UInt8(NGHTTP2_FLAG_NONE.rawValue), bytes)
  }

  /// Streams that the peer allows this side to hold open.
  public var peerMaxConcurrentStreams: Int {
    guard failure == nil else { return 0 }
    return Int(unsafe nghttp2_session_get_remote_settings(raw, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS))
  }

  /// A client may open streams: no GOAWAY was received or sent and ids are left.
  public var acceptsRequests: Bool {
    guard failure == nil, !closing else { return false }
    return unsafe nghttp2_session_check_request_allowed(raw) != 0
  }

  /// Ends the session from within a callback; the callback must then return `NGHTTP2_ERR_CALLBACK_FAILURE`.
  func fail(_ error: HTTP2ErrorCode, _ reason: String) {
    if failure == nil { failure = Failure(error: error, reason: reason) }
  }
}

public enum HTTP2SessionError: Error, Sendable {
  case outOfMemory
}
