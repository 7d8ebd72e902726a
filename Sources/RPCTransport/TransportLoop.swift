import NIOCore
import RPC

/// What the connections of one event loop share. Only touched on that loop.
final class TransportLoop: @unchecked Sendable {
  // Why `@unchecked Sendable` is right: everything mutable is used on `eventLoop` only, and checked to be in debug builds.
  let eventLoop: any EventLoop
  let context: LoopContext
  /// All connections of the loop.
  var connections: [ObjectIdentifier: ServerConnectionHandler] = [:]
  private var output: ByteBuffer
  private var dirty: [ServerConnectionHandler] = []
  private var isScheduled = false

  /// Bytes produced for one write at most.
  static let burst = 64 * 1024

  init(_ eventLoop: any EventLoop) {
    self.eventLoop = eventLoop
    context = LoopContext(eventLoop: eventLoop)
    output = ByteBufferAllocator().buffer(capacity: 16 * 1024)
  }

  /// An empty buffer to collect output in: the one that was written last, if the socket took all of it.
  func takeOutput() -> ByteBuffer {
    eventLoop.assertInEventLoop()
    var buffer = ByteBuffer()
    swap(&buffer, &output)
    return buffer
  }

  func giveBack(_ buffer: consuming ByteBuffer) {
    // Copies on write if the channel still holds it: then it is let go and the next one is new.
    buffer.clear(minimumCapacity: 4096)
    output = buffer
  }

  /// Flushes the connection when what runs now on the loop is done. All connections that ask before that are flushed together.
  func flushSoon(_ connection: ServerConnectionHandler) {
    dirty.append(connection)
    guard !isScheduled else { return }
    isScheduled = true
    eventLoop.execute { [self] in
      isScheduled = false
      var round: [ServerConnectionHandler] = []
      swap(&round, &dirty)
      for connection in round { connection.flushNow() }
      if dirty.isEmpty {
        round.removeAll(keepingCapacity: true)
        dirty = round
      }
    }
  }
}
