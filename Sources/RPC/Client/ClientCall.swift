import HTTP2
public import NIOCore

/// One call as its caller's synchronous handler sees it: confined to the channel's event loop and so not `Sendable`.
/// Calling anything after the end does nothing.
///
/// Call, connection, router and handler know each other: each tells the next what happens to the call, and may end it.
///
/// A call may be used before it has a connection: what is sent waits.
public final class ClientCall {
  struct State: OptionSet {
    let rawValue: UInt16
    static let over = State(rawValue: 1 << 0)
    /// The caller has sent its last message.
    static let halfClosed = State(rawValue: 1 << 1)
    /// The server has begun to answer: the call can no longer be given to another connection.
    static let committed = State(rawValue: 1 << 2)
    static let readingPaused = State(rawValue: 1 << 3)
    /// Messages are being handed out; asking for more must wait until that is done.
    static let delivering = State(rawValue: 1 << 4)
    static let responseGzip = State(rawValue: 1 << 5)
    /// The caller saw that the call was not writable, and will be told when it is again.
    static let wasFull = State(rawValue: 1 << 6)
    /// Messages were handed out in this round.
    static let touched = State(rawValue: 1 << 7)
    /// The server refused it once already.
    static let refusedOnce = State(rawValue: 1 << 8)
    /// It has, or had, a stream on which the server may have seen it.
    static let sent = State(rawValue: 1 << 9)
    /// It ended without a word of the server's.
    static let lost = State(rawValue: 1 << 10)
  }

  let context: LoopContext
  let configuration: ClientRPCConfiguration
  public let path: String
  let metadata: Metadata
  let options: CallOptions
  package let deadline: NIODeadline?
  package weak var router: (any ClientCallRouter)?
  var handler: (any ClientCallHandler)?
  var state: State = []
  /// In `DeadlineHeap`; -1: in none.
  var heapIndex = -1

  /// Where it is, once it has a connection.
  var connection: ClientConnection?
  var slot: Int32 = -1
  /// All that was sent, framed, until the call is committed.
  private var kept = ByteBuffer()

  var deframer: MessageDeframer
  /// Of the response's head; 0: it has not come.
  var httpStatus = 0
  /// How the call ended, while messages that came before the end are still to be read.
  var end: (status: Status, trailers: Metadata)?
  /// Bytes of the stream's window that are not returned to the peer yet.
  var owedWindow = 0

  package init(
    path: String, metadata: Metadata, options: CallOptions, deadline: NIODeadline?, context: LoopContext,
    configuration: ClientRPCConfiguration, handler: any ClientCallHandler
  ) {
    self.path = path
    self.metadata = metadata
    self.options = options
    self.deadline = deadline
    self.context = context
    self.configuration = configuration
    self.handler = handler
    deframer = MessageDeframer(maxMessage: configuration.maxReceiveMessage)
  }

  public var eventLoop: any EventLoop { context.eventLoop }

  /// Whether the call has not ended yet.
  public var isOpen: Bool { !state.contains(.over) }

  /// Whether the server may have seen the call. Once it has failed and this is false, it has certainly done nothing of it.
  public var wasSent: Bool { state.contains(.sent) }

  /// Whether the call ended because there was no connection, or it was lost or reset: not by a status that the server gave.
  public var wasLost: Bool { state.contains(.lost) }

  package var waitsForReady: Bool? { options.waitForReady }

  /// Kept by the router: the call is in its list of those that wait for a stream.
  package var isWaiting = false

  /// Whether a call that the server has not looked at may be given to it again; at most once (gRFC A6, "Transparent Retries").
  package func takeSecondChance() -> Bool {
    guard isOpen, !state.contains(.refusedOnce), !state.contains(.committed) else { return false }
    state.insert(.refusedOnce)
    return true
  }

  /// Bytes sent and not yet handed to the transport.
  private var pendingOutput: Int {
    guard let connection else { return kept.readableBytes }
    return slot >= 0 ? connection.session.pendingOutput(slot) : 0
  }

  /// False while more bytes wait in this call than a good neighbour leaves there; `ClientCallHandler.writable` says when it
  /// is true again.
  public var isWritable: Bool {
    guard isOpen else { return false }
    if pendingOutput < configuration.http2.streamOutputLimit { return true }
    state.insert(.wasFull)
    return false
  }

  // MARK: - Sending

  /// Appends one message: `write` fills the buffer in place, behind the frame prefix, so there is no copy per message.
  /// `write` must only append, and not use the call.
  public func send(_ write: (inout ByteBuffer) -> Void) {
    guard isOpen, !state.contains(.halfClosed) else { return }
    if let connection, state.contains(.committed) {
      guard slot >= 0 else { return }
      var box = connection.session.takeOutbox(slot)
      frame(write, into: &box)
      connection.session.putOutbox(slot, box)
      connection.outputAdded()
      return
    }
    let start = kept.writerIndex
    if kept.capacity == 0 { kept = context.scratch.takeBuffer() }
    frame(write, into: &kept)
    guard let connection else { return }
    if let added = kept.viewBytes(at: start, length: kept.writerIndex - start) {
      var box = connection.session.takeOutbox(slot)
      box.writeBytes(added)
      connection.session.putOutbox(slot, box)
    }
    if kept.readableBytes > configuration.retryBufferSize { commit() }
    connection.outputAdded()
  }

  public func send(_ message: ByteBuffer) {
    send { $0.writeImmutableBuffer(message) }
  }

  private func frame(_ write: (inout ByteBuffer) -> Void, into box: inout ByteBuffer) {
    let start = box.writerIndex
    box.writeRepeatingByte(0, count: MessageDeframer.prefixLength)
    if options.compress {
      var message = context.scratch.takeBuffer()
      write(&message)
      if context.gzip.deflate(message, into: &box) {
        box.setInteger(UInt8(1), at: start)
      } else {
        box.writeImmutableBuffer(message)
      }
      context.scratch.giveBack(message)
    } else {
      write(&box)
    }
    let length = box.writerIndex - start - MessageDeframer.prefixLength
    box.setInteger(UInt32(clamping: max(0, length)), at: start + 1)
  }

  /// The last message has been sent.
  public func halfClose() {
    guard isOpen, !state.contains(.halfClosed) else { return }
    state.insert(.halfClosed)
    guard let connection, slot >= 0 else { return }
    connection.session.finish(slot)
    connection.outputAdded()
  }

  /// The call now has a stream: what was sent so far goes out.
  func attached(to connection: ClientConnection, slot: Int32) {
    self.connection = connection
    self.slot = slot
    state.insert(.sent)
    if kept.readableBytes > 0 {
      var box = connection.session.takeOutbox(slot)
      box.writeImmutableBuffer(kept)
      connection.session.putOutbox(slot, box)
      if kept.readableBytes > configuration.retryBufferSize { commit() }
    }
    if state.contains(.halfClosed) { connection.session.finish(slot) }
    connection.outputAdded()
  }

  /// The stream is gone and the server has not looked at it.
  func detached() {
    connection = nil
    slot = -1
    state.remove(.sent)
    httpStatus = 0
    owedWindow = 0
    deframer.drop()
  }

  func commit() {
    guard !state.contains(.committed) else { return }
    state.insert(.committed)
    var buffer = ByteBuffer()
    swap(&buffer, &kept)
    context.scratch.giveBack(buffer)
  }

  // MARK: - Receiving

  /// Back-pressure: while paused, no further message is delivered and the peer's window is not replenished.
  public func pauseReading() { state.insert(.readingPaused) }

  public func resumeReading() {
    guard isOpen, state.contains(.readingPaused) else { return }
    state.remove(.readingPaused)
    if !state.contains(.delivering) { connection?.resumeDelivery(self) }
  }

  // MARK: - The end

  /// Gives the call up: the server is told by RST_STREAM CANCEL, the handler by `ended` with `status`.
  public func cancel(_ status: Status = Status(.cancelled)) {
    guard isOpen else { return }
    if let connection, slot >= 0 {
      connection.session.reset(slot, .cancel)
      connection.outputAdded()
    }
    over(status, Metadata())
  }

  /// The server was silent for longer than this call can explain: its connection is taken for dead and closed, and all calls on it end
  /// with UNAVAILABLE, so that the next ones dial anew. Not to be called while something is delivered. Without a connection only this
  /// call ends.
  public func giveUpConnection(_ reason: String) {
    guard isOpen else { return }
    connection?.delegate?.givenUp(reason)
    cancel(Status(.unavailable, reason))
  }

  /// Whether it has a stream: a call without one cannot be answered.
  public var isConnected: Bool { connection != nil }

  /// Whether the handler asked for nothing to be delivered.
  public var isReadingPaused: Bool { state.contains(.readingPaused) }

  /// The call is over, whoever ended it. The handler is told at once, so this must be the last thing that a caller does with it.
  func over(_ status: Status, _ trailers: Metadata) {
    guard isOpen else { return }
    state.insert(.over)
    commit()
    connection?.callIsOver(self)
    connection = nil
    router?.callEnded(self)
    let handler = self.handler
    self.handler = nil
    handler?.ended(status, trailers: trailers, call: self)
  }

  /// Ends a call that has no connection.
  package func fail(_ status: Status) {
    if connection == nil { state.insert(.lost) }
    if connection != nil { cancel(status) } else { over(status, Metadata()) }
  }

  package func begin() { handler?.started(call: self) }
}
