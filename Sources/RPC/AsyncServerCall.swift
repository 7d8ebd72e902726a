import NIOCore

/// One call as an async handler sees it. Its methods may be awaited from anywhere; they are cheap in the handler's own task, which
/// runs on the call's event loop.
@safe public final class AsyncServerCall: @unchecked Sendable {
  // Why `@unchecked Sendable` is right: what is not constant is only touched on the call's loop; every method checks whether it is there and
  // hops if not.
  public let eventLoop: any EventLoop
  public let path: String
  public let peer: Peer
  public let deadline: NIODeadline?

  private let call: ServerCall
  /// What metadata are decoded from; nil if somebody asked the call for them before.
  private let head: ByteBuffer?
  private let decoded: Metadata
  private var task: Task<Void, Never>?
  /// Messages that wait, back to back, and their lengths. One buffer for many, because a slice of the read buffer would hold all of that.
  private var waiting = ByteBuffer()
  private var lengths: [Int] = []
  /// Bytes of `waiting` that the connection counts as buffered.
  private var counted = 0
  private var halfClosed = false
  private var ended = false
  private var trailers = Metadata()
  /// A reader on the call's loop.
  private var waker: UnsafeContinuation<Void, Never>?
  /// A reader elsewhere.
  private var reader: UnsafeContinuation<[ByteBuffer], any Error>?
  private var writers: [UnsafeContinuation<Void, any Error>] = unsafe []

  /// Bytes of waiting messages above which the client is no longer given window.
  private static let readLimit = 64 * 1024

  init(_ call: ServerCall) {
    self.call = call
    eventLoop = call.eventLoop
    path = call.path
    head = call.keepHead()
    decoded = head == nil ? call.metadata : Metadata()
    peer = call.peer
    deadline = call.deadline
  }

  /// Request metadata. Decoded at each use: most handlers look once or not at all.
  public var metadata: Metadata { head.map { Metadata(block: $0) } ?? decoded }

  /// The messages that arrived since the last call, at least one; waits for one. Empty when the client has sent its last. For one reader at a time.
  /// Throws `CancellationError` when the call is over.
  public func nextBatch() async throws -> [ByteBuffer] {
    // The batch is taken in the task, not by who wakes it: a task that runs later must not have it before its answer may be made.
    while eventLoop.inEventLoop {
      if let batch = try takeBatch() { return batch }
      guard unsafe reader == nil, unsafe waker == nil else { throw Status(.internal, "two readers of one call") }
      unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
        unsafe waker = continuation
      }
    }
    return unsafe try await withUnsafeThrowingContinuation {
      (continuation: UnsafeContinuation<[ByteBuffer], any Error>) in
      onLoop { unsafe self.wait(for: continuation) }
    }
  }

  /// The one message of a unary or server-streaming call.
  public func request() async throws -> ByteBuffer {
    guard let message = try await nextBatch().first else { throw CancellationError() }
    return message
  }

  /// Response metadata. Has no effect after the first message.
  public func setInitialMetadata(_ metadata: Metadata) {
    onLoop { self.call.setInitialMetadata(metadata) }
  }

  /// Sends the response head without waiting for the first message.
  public func sendInitialMetadata() {
    onLoop { self.call.sendInitialMetadata() }
  }

  /// Whether following messages are compressed, see `ServerCall.compressesMessages`.
  public func setCompression(_ on: Bool) {
    onLoop { self.call.compressesMessages = on }
  }

  /// Trailing metadata for the end of the call, whatever its status.
  public func setTrailers(_ trailers: Metadata) {
    onLoop { self.trailers = trailers }
  }

  /// Sends one message; waits while the call is not writable. Throws `CancellationError` when the call is over.
  public func send(_ message: consuming ByteBuffer) async throws {
    if eventLoop.inEventLoop {
      guard call.isOpen else { throw CancellationError() }
      call.send(message)
      if call.isWritable { return }
      // It was copied, and must not be held a second time while this waits.
      message = ByteBuffer()
    } else {
      let message = consume message
      onLoop { self.call.send(message) }
    }
    unsafe try await withUnsafeThrowingContinuation { (continuation: UnsafeContinuation<Void, any Error>) in
      onLoop {
        if !self.call.isOpen {
          unsafe continuation.resume(throwing: CancellationError())
        } else if self.call.isWritable {
          unsafe continuation.resume()
        } else {
          unsafe self.writers.append(continuation)
        }
      }
    }
  }

  private func onLoop(_ body: @escaping @Sendable () -> Void) {
    if eventLoop.inEventLoop { body() } else { eventLoop.execute(body) }
  }

  // MARK: - On the loop

  func start(_ body: @escaping MethodTable.AsyncBody, on executor: LoopTaskExecutor) {
    let task = Task.immediateDetached(executorPreference: executor) { [self] in
      let status: Status
      do {
        try await body(self)
        status = .ok
      } catch let thrown as Status {
        status = thrown
      } catch is CancellationError {
        status = Status(.cancelled)
      } catch {
        status = Status(.unknown, "the handler failed")
      }
      // Spelled out, because a closure would be allocated.
      if eventLoop.inEventLoop {
        complete(status)
      } else {
        eventLoop.execute { self.complete(status) }
      }
    }
    if !ended { self.task = task }
  }

  private func complete(_ status: Status) {
    call.finish(status, trailers: trailers)
  }

  /// nil: there is nothing yet.
  private func takeBatch() throws -> [ByteBuffer]? {
    if lengths.isEmpty {
      if ended { throw CancellationError() }
      return halfClosed && mayAnswer() ? [] : nil
    }
    if ended { throw CancellationError() }
    guard mayAnswer() else { return nil }
    var batch: [ByteBuffer] = []
    batch.reserveCapacity(lengths.count)
    for length in lengths {
      if let message = waiting.readSlice(length: length) { batch.append(message) }
    }
    lengths.removeAll(keepingCapacity: true)
    call.connection.countBuffered(-counted, call)
    counted = 0
    waiting = ByteBuffer()
    call.resumeReading()
    return batch
  }

  /// Whether there is room for the answer to what is read next; if not, the reader is woken when there is.
  private func mayAnswer() -> Bool {
    guard call.kind == .bidirectionalStreaming, !call.connection.mayProduce else { return true }
    call.connection.park(call)
    return false
  }

  func unparked() { wake() }

  private func wait(for continuation: UnsafeContinuation<[ByteBuffer], any Error>) {
    do {
      if let batch = try takeBatch() {
        unsafe continuation.resume(returning: batch)
      } else if unsafe reader != nil || waker != nil {
        unsafe continuation.resume(throwing: Status(.internal, "two readers of one call"))
      } else {
        unsafe reader = continuation
      }
    } catch {
      unsafe continuation.resume(throwing: error)
    }
  }

  private func wake() {
    if let continuation = unsafe waker {
      unsafe waker = nil
      unsafe continuation.resume()
      return
    }
    guard let continuation = unsafe reader else { return }
    unsafe reader = nil
    unsafe wait(for: continuation)
  }
}

extension AsyncServerCall: CallHandler {
  public func message(_ message: ByteBuffer, call: ServerCall) {
    waiting.writeImmutableBuffer(message)
    lengths.append(message.readableBytes)
    counted += message.readableBytes
    call.connection.countBuffered(message.readableBytes, call)
    if waiting.readableBytes >= Self.readLimit { call.pauseReading() }
    wake()
  }

  public func halfClosed(call: ServerCall) {
    halfClosed = true
    wake()
  }

  public func writable(call: ServerCall) {
    let writers = unsafe self.writers
    unsafe self.writers = []
    unsafe writers.forEach { unsafe $0.resume() }
  }

  public func ended(_ reason: CallEnd, call: ServerCall) {
    ended = true
    call.connection.bufferedRequests -= counted
    counted = 0
    // A task that finished its call itself needs no cancelling.
    if reason != .finished { task?.cancel() }
    task = nil
    wake()
    let writers = unsafe self.writers
    unsafe self.writers = []
    unsafe writers.forEach { unsafe $0.resume(throwing: CancellationError()) }
  }
}
