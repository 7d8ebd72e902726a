import HTTP2
import NIOCore

/// One call on the server, confined to its connection's event loop and so not `Sendable`. Calling anything after the end does nothing.
///
/// Calls, their connection, and handlers know each other: a connection's events go to its calls, what a call answers into the connection's frames, and a handler is told of a
/// call and answers on it.
public final class ServerCall {
  /// What a call has gone through, as flags.
  struct State: OptionSet {
    let rawValue: UInt16
    /// `finish` was called, or the call ended otherwise.
    static let over = State(rawValue: 1 << 0)
    /// The client has sent its last message, and the handler knows.
    static let halfClosed = State(rawValue: 1 << 1)
    /// The client has sent its last byte; not all of it was delivered yet.
    static let inputEnded = State(rawValue: 1 << 2)
    static let readingPaused = State(rawValue: 1 << 3)
    static let acceptsGzip = State(rawValue: 1 << 4)
    static let requestGzip = State(rawValue: 1 << 5)
    /// The response head said `grpc-encoding: gzip`.
    static let responseGzip = State(rawValue: 1 << 6)
    /// The handler wants its messages compressed.
    static let compress = State(rawValue: 1 << 7)
    static let sentMessage = State(rawValue: 1 << 8)
    /// Messages are being handed out; asking for more must wait until that is done.
    static let delivering = State(rawValue: 1 << 9)
    /// Interceptors let the call pass and will be told of its end.
    static let intercepted = State(rawValue: 1 << 10)
    /// The message that is being delivered came compressed.
    static let messageCompressed = State(rawValue: 1 << 11)
    /// Nothing is delivered until the connection's output has drained.
    static let parked = State(rawValue: 1 << 12)
    /// The head lies in memory of its own.
    static let ownsHead = State(rawValue: 1 << 13)
    /// The response head was submitted.
    static let headSent = State(rawValue: 1 << 14)
    /// The head says that another server hands the call on.
    static let forwarded = State(rawValue: 1 << 15)
  }

  let connection: ServerConnection
  let slot: Int32
  let method: MethodTable.Method
  var state: State = []
  var deframer: MessageDeframer
  /// The one message of a call whose client sends one, until the client's side has ended.
  var request: ByteBuffer?
  var handler: (any CallHandler)?
  /// Bytes of the deframer that the connection counts as buffered.
  var countedInput = 0
  /// Bytes of the stream's window that are not returned to the peer yet.
  var owedWindow = 0
  var initialMetadata = Metadata()
  var end = CallEnd.finished
  var endStatus: Status?
  private var headBlock: ByteBuffer?
  /// Bytes of the head that the connection counts as buffered.
  var countedHead = 0
  private var decodedMetadata: Metadata?

  /// From `grpc-timeout`; `nil` means none was given.
  public let deadline: NIODeadline?
  /// When the request's head was handled.
  public let startedAt: NIODeadline
  /// When a refusal of an interceptor is to be told, if not at once: it sets this before it refuses.
  public var refusedAt: NIODeadline?
  /// A slot for interceptors and handlers.
  public var context: AnyObject?
  /// Called when the call was finished but the client reset it, or its connection went away, before all of the answer had left: then
  /// it is known that the client does not have it. (That the answer left does not mean that it arrived.)
  public var undelivered: (() -> Void)?

  init(
    connection: ServerConnection, slot: Int32, method: MethodTable.Method, head: ByteBuffer, startedAt: NIODeadline,
    deadline: NIODeadline?
  ) {
    self.connection = connection
    self.slot = slot
    self.method = method
    self.headBlock = head
    self.startedAt = startedAt
    self.deadline = deadline
    deframer = MessageDeframer(maxMessage: connection.configuration.maxRequestMessage)
  }

  public var eventLoop: any EventLoop { connection.context.eventLoop }

  /// The full method name: `/gkick.v1.JobService/Enqueue`.
  public var path: String { method.path }

  /// The method's position in `MethodTable.paths`.
  public var methodIndex: Int { method.index }

  public var kind: MethodKind { method.kind }

  /// Who calls: the other end of the connection, or whom a server that handed the call on has named.
  public var peer: Peer { origin ?? connection.peer }

  /// Whether the head has a field `gkick-front`: another server says that it hands on a call that came to it. Whether that is to be
  /// believed is for whoever knows the servers' secret to say, before `origin` is set.
  public var isForwarded: Bool { state.contains(.forwarded) }

  /// Who called the server that handed the call on.
  public var origin: Peer?

  /// Whether another server handed the call on, and it is known to be one of the same store.
  public var isTrusted = false

  /// A slot of the connection's, for what interceptors learn of whoever is at its other end.
  public var credential: AnyObject? {
    get { connection.credential }
    set { connection.credential = newValue }
  }

  /// The first field of this name as it came, for what is asked of every call: nothing else is decoded for it.
  public func firstValue(of name: String) -> [UInt8]? {
    guard decodedMetadata == nil, let head = headBlock else { return metadata[first: name].map { Array($0.utf8) } }
    for field in HTTP2HeaderFields(head) where field.nameLength == name.utf8.count {
      guard let bytes = head.viewBytes(at: field.nameStart, length: field.nameLength), bytes.elementsEqual(name.utf8)
      else { continue }
      return head.getBytes(at: field.valueStart, length: field.valueLength)
    }
    return nil
  }

  /// Request metadata, decoded when first asked for.
  public var metadata: Metadata {
    if let decodedMetadata { return decodedMetadata }
    let metadata = headBlock.map { Metadata(block: $0) } ?? Metadata()
    decodedMetadata = metadata
    headBlock = nil
    return metadata
  }

  /// The head that metadata are decoded from, moved out of the memory that all heads share, for a call that lasts; nil once decoded.
  @discardableResult func keepHead() -> ByteBuffer? {
    if let shared = headBlock, state.insert(.ownsHead).inserted {
      headBlock = ByteBuffer(buffer: shared)
      // What is counted is taken back when the call ends; that may have been already.
      guard isOpen else { return headBlock }
      countedHead = shared.readableBytes
      connection.countBuffered(countedHead, self)
    }
    return headBlock
  }

  /// Lets go of the head: the memory that all heads share is then free for the next ones.
  func dropHead() { headBlock = nil }

  /// Whether the client can still be told anything.
  public var isOpen: Bool { !state.contains(.over) }

  /// False while more bytes wait in this call than a good neighbour leaves there; `CallHandler.writable` says when it is true again.
  public var isWritable: Bool {
    isOpen && connection.session.pendingOutput(slot) < connection.session.configuration.streamOutputLimit
  }

  /// Response metadata. Has no effect after the first message or `sendInitialMetadata`.
  public func setInitialMetadata(_ metadata: Metadata) { initialMetadata = metadata }

  /// Sends the response head now, without waiting for the first message.
  public func sendInitialMetadata() {
    guard isOpen else { return }
    submitHead()
    connection.outputAdded()
  }

  /// Whether following messages are compressed with gzip. Takes effect only if the client accepts gzip and the response head is not sent yet, or
  /// was sent with compression on.
  public var compressesMessages: Bool {
    get { state.contains(.compress) }
    set {
      if newValue { state.insert(.compress) } else { state.remove(.compress) }
    }
  }

  /// Whether the message that is being handled came compressed.
  public var messageWasCompressed: Bool { state.contains(.messageCompressed) }

  /// Appends one message: `write` fills the buffer in place, behind the frame prefix, so there is no copy per message.
  /// `write` must only append, and not use the call.
  public func send(_ write: (inout ByteBuffer) -> Void) {
    append(write)
    connection.outputAdded()
  }

  private func append(_ write: (inout ByteBuffer) -> Void) {
    guard isOpen, maySend() else { return }
    submitHead()
    if state.contains([.compress, .responseGzip]) {
      var message = connection.context.scratch.takeBuffer()
      write(&message)
      sendCompressed(message)
      connection.context.scratch.giveBack(message)
    } else {
      var box = connection.session.takeOutbox(slot)
      let start = box.writerIndex
      // Not compressed, and a length that is not known yet.
      box.writeMultipleIntegers(0 as UInt8, 0 as UInt32)
      write(&box)
      let length = box.writerIndex - start - MessageDeframer.prefixLength
      box.setInteger(UInt32(clamping: max(0, length)), at: start + 1)
      if length >= connection.longestAnswer { connection.longestAnswer = length + 1 }
      connection.session.putOutbox(slot, box)
    }
  }

  public func send(_ message: ByteBuffer) {
    send { $0.writeImmutableBuffer(message) }
  }

  /// Sends the one answer of a unary call and ends it with `.ok`.
  public func reply(_ write: (inout ByteBuffer) -> Void) {
    append(write)
    finish(.ok)
  }

  private func sendCompressed(_ message: ByteBuffer) {
    var box = connection.session.takeOutbox(slot)
    let start = box.writerIndex
    box.writeInteger(UInt8(1))
    box.writeInteger(UInt32(0))
    let body = box.writerIndex
    if connection.context.gzip.deflate(message, into: &box) {
      box.setInteger(UInt32(clamping: box.writerIndex - body), at: start + 1)
    } else {
      box.moveWriterIndex(to: start)
      box.writeInteger(UInt8(0))
      box.writeInteger(UInt32(clamping: message.readableBytes))
      box.writeImmutableBuffer(message)
    }
    connection.longestAnswer = max(connection.longestAnswer, box.writerIndex - body + 1)
    connection.session.putOutbox(slot, box)
  }

  /// A handler that answers twice where the method answers once is a bug of ours, which the client must not take for a good answer.
  private func maySend() -> Bool {
    if state.contains(.sentMessage), !method.kind.serverStreams {
      finish(Status(.internal, "the handler answered twice"))
      return false
    }
    state.insert(.sentMessage)
    return true
  }

  private func submitHead() {
    guard state.insert(.headSent).inserted else { return }
    let gzip = state.contains([.compress, .acceptsGzip])
    if gzip { state.insert(.responseGzip) }
    if !gzip, initialMetadata.isEmpty {
      connection.session.respond(slot, connection.context.plainHead)
    } else {
      var head = HTTP2HeaderList()
      head.addResponseHead()
      if gzip { head.add("grpc-encoding", "gzip") }
      head.add(initialMetadata)
      connection.session.respond(slot, head, endStream: false)
    }
  }

  /// Ends the call. Messages sent before are delivered first.
  public func finish(_ status: Status = .ok, trailers: Metadata = Metadata()) {
    finish(status, trailers: trailers, end: .finished)
  }

  func finish(_ status: Status, trailers: Metadata = Metadata(), end: CallEnd) {
    guard isOpen else { return }
    var status = status
    if status.isOK, !method.kind.serverStreams, !state.contains(.sentMessage) {
      status = Status(.internal, "the handler did not answer")
    }
    let session = connection.session
    if !state.contains(.headSent), initialMetadata.isEmpty {
      var list = HTTP2HeaderList()
      list.addResponseHead()
      list.add(status)
      list.add(trailers)
      session.respond(slot, list, endStream: true)
    } else {
      submitHead()
      if status.isOK, trailers.isEmpty, status.message.isEmpty, status.details == nil {
        session.finish(slot, trailers: connection.context.okTrailers)
      } else {
        var list = HTTP2HeaderList()
        list.add(status)
        list.add(trailers)
        session.finish(slot, trailers: list)
      }
    }
    over(end, status)
    connection.outputAdded()
  }

  /// Back-pressure: while paused, no further message is delivered and the peer's window is not replenished.
  public func pauseReading() { state.insert(.readingPaused) }

  public func resumeReading() {
    guard isOpen, state.contains(.readingPaused) else { return }
    state.remove(.readingPaused)
    if state.isDisjoint(with: [.delivering, .parked]) { connection.resumeDelivery(self) }
  }

  /// The call is over, whoever ended it. What it held is let go; handler and interceptors are told when nothing of theirs is on the stack.
  func over(_ end: CallEnd, _ status: Status) {
    guard isOpen else { return }
    state.insert(.over)
    self.end = end
    connection.callIsOver(self)
    guard handler != nil || state.contains(.intercepted) else { return dropHead() }
    endStatus = status
    connection.announceEnd(of: self)
  }
}
