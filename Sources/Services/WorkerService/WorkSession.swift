import Engine
import Jobs
import NIOCore
import RPC
import Wire

/// One worker's stream. Its words go to the engine, the engine's updates to it; what they mean is the engine's business.
final class WorkSession: CallHandler, Answerable, Pausable {
  private enum Phase {
    /// Waits for the hello.
    case fresh
    case open
    /// The worker has sent its last message: it is told what became of its outcomes, then the stream ends.
    case closing
    /// The engine has been told that it is gone, and has not yet said that it knows.
    case leaving
    case over
  }

  private let call: ServerCall
  private let desk: LoopDesk
  private let host: EngineHost
  private let identity: ServerIdentity
  private var phase = Phase.fresh
  private var route: Route?
  /// For the two questions of an orderly end, see `halfClosed`.
  private var fence: Route?
  /// As the worker said last.
  private var capacity: UInt32 = 0
  /// Much of what it was given has not left yet: it is given nothing until that has.
  private var isQuiet = false

  init(call: ServerCall, desk: LoopDesk, host: EngineHost, identity: ServerIdentity) {
    self.call = call
    self.desk = desk
    self.host = host
    self.identity = identity
  }

  // MARK: From the worker

  func message(_ message: ByteBuffer, call: ServerCall) {
    guard call.isOpen else { return }
    var words: WorkerWords
    do throws(Status) {
      words = try message.decode(desk.codec.decodeWorkRequest)
    } catch {
      return call.finish(error)
    }
    switch (phase, words.hello) {
    case (.fresh, let hello?):
      do throws(Status) {
        try call.mayTake(hello.subscriptions)
      } catch {
        return call.finish(error)
      }
      connect(hello)
      // A hello may come with outcomes of what the worker still held.
      if words.message.isEmpty { return }
    case (.fresh, nil):
      return call.finish(Status(.invalidArgument, "hello: required in the first message"))
    case (.open, .some):
      return call.finish(Status(.invalidArgument, "hello: only in the first message"))
    case (.open, nil): break
    case (.closing, _), (.leaving, _), (.over, _): return
    }
    if let given = words.message.capacity {
      capacity = given
      if isQuiet { words.message.capacity = nil }
    }
    tell(words.message)
  }

  private func connect(_ hello: WorkerHello) {
    capacity = hello.maxInFlight
    let route = desk.enter(.session(self))
    self.route = route
    phase = .open
    host.sessions.add(1, ordering: .relaxed)
    var hello = hello
    hello.server = call.peer.server
    hello.scope = call.scope
    desk.tell(.connect(hello, address: call.peer.address, route))
  }

  private func tell(_ message: WorkerMessage) {
    guard let route else { return }
    var size = 0
    for outcome in message.outcomes {
      if case .success(let result) = outcome.how { size += result.count }
    }
    desk.tell(.work(message, route), size: size, slowing: (call, self))
  }

  func relieved(desk: LoopDesk) { call.resumeReading() }

  /// The worker will say no more. With the jobs reported before, it is a drain like any other. If it still holds some, its
  /// stream has broken: after its last outcomes have been answered the engine is told so.
  func halfClosed(call: ServerCall) {
    guard phase == .open else {
      if phase == .fresh { call.finish(Status(.invalidArgument, "hello: required in the first message")) }
      return
    }
    phase = .closing
    tell(WorkerMessage(drain: true))
    // Answered in the tick of those outcomes.
    let fence = desk.enter(.other(self))
    self.fence = fence
    desk.tell(.fence(fence))
  }

  func answer(_ reply: Reply, desk: LoopDesk) {
    guard let fence, let route else { return }
    switch phase {
    case .closing:
      phase = .leaving
      desk.tell(.disconnect(route))
      // Answered in a later tick: by then all of the earlier one has been sent.
      desk.tell(.fence(fence))
    case .leaving: call.finish()
    case .fresh, .open, .over: break
    }
  }

  func ended(_ reason: CallEnd, call: ServerCall) {
    if let fence { desk.leave(fence) }
    fence = nil
    guard let route else { return }
    self.route = nil
    desk.leave(route)
    host.sessions.subtract(1, ordering: .relaxed)
    if phase != .leaving { desk.tell(.disconnect(route)) }
    phase = .over
  }

  // MARK: To the worker

  func send(_ update: WorkerUpdate, desk: LoopDesk) {
    guard call.isOpen else { return }
    call.send(
      desk.codec,
      desk.codec.encodeWorkResponse(
        update, serverID: call.peer.server ?? identity.id, serverVersion: identity.version))
    guard !isQuiet, phase == .open else { return }
    if !call.isWritable {
      isQuiet = true
      // The engine gives it no more anyway when this was enough.
      if !update.isEnough { tell(WorkerMessage(capacity: 0)) }
    } else if update.isEnough {
      tell(WorkerMessage(capacity: capacity))
    }
  }

  func writable(call: ServerCall) {
    guard isQuiet, phase == .open else { return }
    isQuiet = false
    tell(WorkerMessage(capacity: capacity))
  }

  /// The engine is done with this stream; it has forgotten the route.
  func end(_ end: SessionEnd, desk: LoopDesk) {
    phase = .leaving
    switch end {
    case .drained: call.finish()
    case .takenOver: call.finish(Status(.aborted, "another stream of the same worker_id took over"))
    case .notOwn: call.finish(.workerOfAnother)
    case .silent: call.finish(Status(.deadlineExceeded, "nothing was heard of the worker for much longer than a lease"))
    case .protocolError(let text): call.finish(Status(.invalidArgument, text))
    case .failed(let error): call.finish(Status(error))
    }
  }
}

extension WorkerMessage {
  /// Whether it says nothing.
  fileprivate var isEmpty: Bool {
    ackSeq == 0 && capacity == nil && outcomes.isEmpty && progress.isEmpty && !drain
  }
}
