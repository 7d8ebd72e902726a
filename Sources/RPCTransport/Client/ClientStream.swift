public import NIOCore
public import RPC
import Synchronization

/// A call of any type for async code: responses in batches, requests one by one, both with back-pressure. One task may read while
/// another writes. A stream that is let go is cancelled.
public final class ClientStream: Sendable {
  private let inside: StreamInside

  init(_ inside: StreamInside) { self.inside = inside }

  deinit { inside.cancel() }

  /// Sends one message; waits while the call is not writable.
  /// - Throws: how the call ended, if it has; `Status` `cancelled` when the task is.
  public func send(_ message: ByteBuffer) async throws { try await inside.send(message) }

  /// The last message has been sent.
  public func finish() { inside.finish() }

  /// The messages that arrived since the last call, at least one; waits for one. Empty when the server ended the call with OK.
  /// - Throws: the `Status` that the call ended with otherwise, after all messages were given out.
  public func nextBatch() async throws -> [ByteBuffer] { try await inside.nextBatch() }

  /// Gives the call up. Reading then throws `cancelled`.
  public func cancel() { inside.cancel() }

  /// What the server sent at the end of the call; empty before.
  public var trailers: Metadata { inside.trailers }

  /// What the server sent before its first message; empty before that, or when it sent none.
  public var initialMetadata: Metadata { inside.initialMetadata }

  /// The responses in batches. To be iterated once.
  public var batches: Batches { Batches(inside: inside, owner: self) }

  public struct Batches: AsyncSequence, AsyncIteratorProtocol, Sendable {
    let inside: StreamInside
    /// Keeps the call open.
    let owner: ClientStream

    public func makeAsyncIterator() -> Batches { self }

    public mutating func next() async throws -> [ByteBuffer]? {
      let batch = try await inside.nextBatch()
      return batch.isEmpty ? nil : batch
    }
  }
}

/// Between the loop, which fills it, and the tasks that read and write.
final class StreamInside: Sendable {
  private struct Guarded {
    var batch: [ByteBuffer] = []
    var bytes = 0
    var isPaused = false
    var isWritable = true
    var end: Status?
    var initialMetadata = Metadata()
    var trailers = Metadata()
    var reader: CheckedContinuation<Void, Never>?
    var writers: [CheckedContinuation<Void, Never>] = []
  }

  let slot: CallSlot
  private let guarded = Mutex(Guarded())
  /// Bytes held for the reader above which the server is no longer read.
  private static let highWater = 256 * 1024

  init(_ slot: CallSlot) { self.slot = slot }

  var trailers: Metadata { guarded.withLock { $0.trailers } }
  var initialMetadata: Metadata { guarded.withLock { $0.initialMetadata } }

  // MARK: - For tasks

  func nextBatch() async throws -> [ByteBuffer] {
    while true {
      let (batch, wasPaused, end) = guarded.withLock { state in
        var batch: [ByteBuffer] = []
        swap(&batch, &state.batch)
        state.bytes = 0
        let wasPaused = state.isPaused
        state.isPaused = false
        return (batch, wasPaused, state.end)
      }
      if wasPaused { slot.onLoop { $0.call?.resumeReading() } }
      if !batch.isEmpty { return batch }
      if let end {
        if end.isOK { return [] }
        throw end
      }
      await withTaskCancellationHandler {
        await withCheckedContinuation { continuation in
          let isReady = guarded.withLock { state in
            if state.end != nil || !state.batch.isEmpty { return true }
            precondition(state.reader == nil, "a stream is read by one task")
            state.reader = continuation
            return false
          }
          if isReady { continuation.resume() }
        }
      } onCancel: {
        cancel()
      }
    }
  }

  func send(_ message: ByteBuffer) async throws {
    while true {
      let (end, isWritable) = guarded.withLock { ($0.end, $0.isWritable) }
      if let end { throw end.isOK ? Status(.cancelled, "the server has ended the call") : end }
      if isWritable { break }
      await withTaskCancellationHandler {
        await withCheckedContinuation { continuation in
          let isReady = guarded.withLock { state in
            if state.end != nil || state.isWritable { return true }
            state.writers.append(continuation)
            return false
          }
          if isReady { continuation.resume() }
        }
      } onCancel: {
        cancel()
      }
    }
    slot.onLoop { [self] slot in
      guard let call = slot.call else { return }
      call.send(message)
      if !call.isWritable { guarded.withLock { $0.isWritable = !call.isOpen } }
    }
  }

  func finish() { slot.onLoop { $0.call?.halfClose() } }

  func cancel() { slot.cancel() }

  // MARK: - For the loop

  func received(_ message: ByteBuffer, _ call: ClientCall) {
    let isFull = guarded.withLock { state in
      state.batch.append(message)
      state.bytes += message.readableBytes
      guard state.bytes > Self.highWater, !state.isPaused else { return false }
      state.isPaused = true
      return true
    }
    if isFull { call.pauseReading() }
  }

  func wakeReader() {
    guarded.withLock { state in
      defer { state.reader = nil }
      return state.reader
    }?.resume()
  }

  func setInitialMetadata(_ metadata: Metadata) { guarded.withLock { $0.initialMetadata = metadata } }

  func writable() {
    let writers = guarded.withLock { state in
      state.isWritable = true
      defer { state.writers = [] }
      return state.writers
    }
    for writer in writers { writer.resume() }
  }

  func ended(_ status: Status, _ trailers: Metadata) {
    guarded.withLock { state in
      state.end = status
      state.trailers = trailers
    }
    wakeReader()
    writable()
  }
}

/// The loop's half of a `ClientStream`.
final class StreamHandler: ClientCallHandler {
  private let inside: StreamInside
  private let silence: TimeAmount?
  private var heardAt = NIODeadline.uptimeNanoseconds(0)
  private var timer: Scheduled<Void>?

  init(_ inside: StreamInside, silence: TimeAmount?) {
    self.inside = inside
    self.silence = silence
  }

  func started(call: ClientCall) {
    guard let silence else { return }
    heardAt = call.eventLoop.now
    watch(call, silence)
  }

  /// Looks at the clock a few times in each silence, and asks no more of a message than to write down when it came.
  private func watch(_ call: ClientCall, _ silence: TimeAmount) {
    let step = max(TimeAmount.nanoseconds(silence.nanoseconds / 4), .milliseconds(1))
    let due = call.eventLoop.now + step
    timer = call.eventLoop.assumeIsolated().scheduleTask(deadline: due) {
      guard call.isOpen else { return }
      let now = call.eventLoop.now
      // What is not read is no silence, nor is a wait for a connection, nor that this process was itself away.
      if !call.isConnected || call.isReadingPaused || now > due + step { self.heardAt = now }
      if self.heardAt + silence <= now {
        return call.giveUpConnection("nothing heard from the server for \(silence.nanoseconds / 1_000_000) ms")
      }
      self.watch(call, silence)
    }
  }

  func initialMetadata(_ metadata: Metadata, call: ClientCall) { inside.setInitialMetadata(metadata) }

  func message(_ message: ByteBuffer, call: ClientCall) {
    if silence != nil { heardAt = call.eventLoop.now }
    // A slice would hold the whole read buffer for as long as the reader keeps it.
    inside.received(ByteBuffer(buffer: message), call)
  }

  func readComplete(call: ClientCall) { inside.wakeReader() }

  func writable(call: ClientCall) { inside.writable() }

  func ended(_ status: Status, trailers: Metadata, call: ClientCall) {
    timer?.cancel()
    inside.ended(status, trailers)
  }
}
