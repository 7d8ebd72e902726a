import HTTP2
import NIOCore

/// Who moves the bytes of a server connection.
package protocol ServerConnectionDelegate: AnyObject {
  /// Output was added outside of `receive` and `produce`: call `produce` soon, but not from here.
  func outputAdded()
  /// A call has this deadline, earlier than any before it: call `expireCalls` then.
  func deadlineChanged(_ deadline: NIODeadline)
}

/// The gRPC side of one server connection: turns the events of an HTTP/2 session into calls and answers into frames. No sockets, no
/// timers of its own. Confined to its loop.
package final class ServerConnection {
  enum Entry {
    case none
    case call(ServerCall)
    /// No gRPC: this HTTP status answers as soon as the request is complete, or when waiting for that has taken long enough.
    case foreign(Int, withBody: Bool, due: NIODeadline)
    /// A refusal that is told then.
    case refused(Status, due: NIODeadline)
  }

  package let session: HTTP2Session
  package let context: LoopContext
  package let configuration: RPCConfiguration
  let methods: MethodTable
  package var peer: Peer
  package weak var delegate: (any ServerConnectionDelegate)?

  var entries: [Entry] = []
  /// Calls whose end is still to be told.
  private var endings: [ServerCall] = []
  /// Calls that wait for output to drain before they get a request, oldest first.
  var parked: [ServerCall] = []
  private var isBusy = false
  private(set) var earliestDeadline: NIODeadline?
  /// The longest answer so far, in bytes.
  var longestAnswer = 0
  /// Interceptors' own.
  var credential: AnyObject?
  /// What the budget of the server was told.
  private var told = (bytes: 0, isWaiting: false)
  /// Bytes of requests that are held in memory.
  package internal(set) var bufferedRequests = 0
  /// Calls that are not over.
  package private(set) var openCalls = 0
  package internal(set) var callsStarted = 0
  /// No new call is served: they end with this status.
  package var refusal: Status?
  package private(set) var isLost = false
  package var pings = 0
  package var pingAcks: UInt64?
  var now: NIODeadline

  package init(
    configuration: RPCConfiguration, methods: MethodTable, context: LoopContext, peer: Peer, now: NIODeadline
  ) throws(HTTP2SessionError) {
    self.configuration = configuration
    self.methods = methods
    self.context = context
    self.peer = peer
    self.now = now
    session = try HTTP2Session(configuration: configuration.http2, scratch: context.scratch, now: now)
  }

  // MARK: - Driving

  private static let slice = 16 * 1024

  /// Takes bytes from the peer; call `produce` afterwards. False once the session has failed.
  package func receive(_ bytes: ByteBuffer, now: NIODeadline) -> Bool {
    self.now = now
    isBusy = true
    defer { isBusy = false }
    var position = 0
    let count = bytes.readableBytes
    var alive = true
    while position < count, alive {
      let length = min(Self.slice, count - position)
      context.scratch.reset()
      alive = session.receive(bytes, at: position, length: length, now: now)
      handleEvents(input: bytes)
      position += length
    }
    settle()
    tellBudget()
    return alive
  }

  /// Appends to `out` what is to be sent, until about `limit` bytes are in it.
  package func produce(into out: inout ByteBuffer, limit: Int, now: NIODeadline) {
    self.now = now
    isBusy = true
    defer { isBusy = false }
    context.scratch.reset()
    repeat {
      session.produce(into: &out, limit: limit, now: now)
      handleEvents()
      startParked()
      settle()
    } while out.readableBytes < limit && session.wantsWrite
    tellBudget()
  }

  // MARK: - Output that waits

  /// Up to here a connection's answers are small: it cannot hold much, and is served even when others hold all that may be held.
  private static let smallAnswer = 64 * 1024

  /// Whether a request may be handed to a handler that answers it. Not while earlier answers wait for the peer to read them.
  var mayProduce: Bool {
    let own = session.queuedBytes
    if own > configuration.maxQueuedOutput { return false }
    let budget = context.budget
    if budget.heldBytes + own - told.bytes <= budget.limit { return true }
    return own == 0 && longestAnswer > 0 && longestAnswer <= Self.smallAnswer
  }

  /// The server's other connections hold less again: what waited because of them goes on. `produce` should follow.
  package func resumeParked() {
    isBusy = true
    defer { isBusy = false }
    startParked()
    settle()
    tellBudget()
  }

  package var parkedCalls: Int { parked.count }

  func tellBudget() {
    let now = (bytes: isLost ? 0 : session.queuedBytes, isWaiting: !isLost && !parked.isEmpty)
    if now.bytes != told.bytes { context.budget.add(bytes: now.bytes - told.bytes) }
    if now.isWaiting != told.isWaiting { context.budget.add(waiting: now.isWaiting ? 1 : -1) }
    told = now
  }

  /// Ends the calls whose deadline has passed. Returns the next deadline.
  package func expireCalls(now: NIODeadline) -> NIODeadline? {
    self.now = now
    earliestDeadline = nil
    for (slot, entry) in entries.enumerated() {
      let deadline: NIODeadline
      switch entry {
      case .call(let call):
        guard call.isOpen, let due = call.deadline else { continue }
        deadline = due
        if due <= now { call.finish(Status(.deadlineExceeded, "deadline exceeded"), end: .deadlineExceeded) }
      case .foreign(let status, let withBody, let due):
        deadline = due
        if due <= now { answerForeign(Int32(slot), status, withBody: withBody) }
      case .refused(let status, let due):
        deadline = due
        if due <= now { tellRefusal(Int32(slot), status) }
      case .none:
        continue
      }
      if deadline > now, earliestDeadline.map({ deadline < $0 }) ?? true { earliestDeadline = deadline }
    }
    return earliestDeadline
  }

  /// The connection is gone.
  package func connectionLost() {
    guard !isLost else { return }
    isLost = true
    for entry in entries {
      guard case .call(let call) = entry else { continue }
      if !call.isOpen { call.undelivered?() }
      call.undelivered = nil
      call.over(.connectionLost, Status(.unavailable, "connection lost"))
    }
    settle()
    entries = []
    parked = []
    tellBudget()
  }

  /// Ends every open call, for a server that waits no longer.
  package func finishCalls(_ status: Status) {
    for entry in entries {
      if case .call(let call) = entry { call.finish(status, end: .cancelled) }
    }
  }

  // MARK: - From calls

  func outputAdded() {
    if !isBusy { delegate?.outputAdded() }
  }

  func callIsOver(_ call: ServerCall) {
    openCalls -= 1
    bufferedRequests -= call.countedInput + call.countedHead + (call.request?.readableBytes ?? 0)
    call.countedInput = 0
    call.countedHead = 0
    call.deframer.drop()
    call.request = nil
    returnWindow(call)
  }

  /// The end is told by `settle`, which follows when something was received, or was added to the output.
  func announceEnd(of call: ServerCall) { endings.append(call) }

  /// Tells handlers and interceptors of ends. They may end other calls.
  private func settle() {
    var position = 0
    while position < endings.count {
      let call = endings[position]
      position += 1
      if let handler = call.handler {
        call.handler = nil
        handler.ended(call.end, call: call)
      }
      if call.state.contains(.intercepted), let status = call.endStatus {
        for position in methods.interceptors.indices { methods.interceptors[position].callEnded(call, status: status) }
      }
      call.dropHead()
    }
    if position > 0 { endings.removeAll(keepingCapacity: position <= 64) }
  }

  func callStarted(_ call: ServerCall) {
    openCalls += 1
    callsStarted += 1
    if let deadline = call.deadline { expects(deadline) }
  }

  /// `expireCalls` has to be called then.
  func expects(_ deadline: NIODeadline) {
    guard earliestDeadline.map({ deadline < $0 }) ?? true else { return }
    earliestDeadline = deadline
    delegate?.deadlineChanged(deadline)
  }
}
