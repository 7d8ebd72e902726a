import NIOCore
import RPC

/// What the connections of one event loop share. Only touched on that loop.
final class TransportLoop: @unchecked Sendable {
  // Why `@unchecked Sendable` is right: everything mutable is used on `eventLoop` only, and checked to be in debug builds.
  let eventLoop: any EventLoop
  let context: LoopContext
  /// Shows a watchdog that the loop lives, and what it does.
  let pulse: Pulse
  /// All connections of the loop.
  var connections: [ObjectIdentifier: ServerConnectionHandler] = [:]
  let tellOfPeer: TellOfPeer
  private var output: ByteBuffer?
  private var dirty: [ServerConnectionHandler] = []
  private var isScheduled = false
  /// Connections that hold requests back, for others' output to drain.
  private var waiting: [ServerConnectionHandler] = []

  /// Bytes produced for one write at most.
  static let burst = 64 * 1024

  /// What a loop may be doing, for `pulse`.
  enum Step {
    static let other = 0
    static let reading = 1
    static let writing = 2
    static let timing = 3
    static let words = [
      "waits for sockets or runs what is none of the transport's", "reads from a connection", "writes to a connection",
      "looks after a connection's time limits",
    ]
  }

  init(_ eventLoop: any EventLoop, number: Int, budget: OutputBudget, tellOfPeer: @escaping TellOfPeer) {
    self.eventLoop = eventLoop
    self.tellOfPeer = tellOfPeer
    pulse = Pulse("event loop \(number)", steps: Step.words)
    context = LoopContext(eventLoop: eventLoop, budget: budget)
  }

  /// An empty buffer to collect output in: the one that was written last, if the socket took all of it.
  func takeOutput() -> ByteBuffer {
    eventLoop.assertInEventLoop()
    return output.take() ?? ByteBufferAllocator().buffer(capacity: 16 * 1024)
  }

  func giveBack(_ buffer: consuming ByteBuffer) {
    // Copies on write if the channel still holds it: then it is let go and the next one is new.
    buffer.clear(minimumCapacity: 4096)
    output = buffer
  }

  private static let waitingInterval = TimeAmount.milliseconds(10)

  /// The connection will be asked to go on until it holds no request back. Who asks for least comes first.
  func wait(_ connection: ServerConnectionHandler) {
    waiting.append(connection)
    if waiting.count == 1 { askWaiting() }
  }

  private func askWaiting() {
    eventLoop.scheduleTask(in: Self.waitingInterval) { [self] in
      var round: [ServerConnectionHandler] = []
      swap(&round, &waiting)
      round.sort { $0.parkedCalls < $1.parkedCalls }
      for connection in round { connection.goOn() }
      let rest = round.filter { $0.isWaiting }
      let isAsked = !waiting.isEmpty
      waiting += rest
      if !isAsked, !waiting.isEmpty { askWaiting() }
    }
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
