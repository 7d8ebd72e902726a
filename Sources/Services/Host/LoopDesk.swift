import Engine
import Glibc
import Jobs
import NIOCore
import RPC
import Synchronization
import Wire

/// One event loop's side of the engine: who waits for what. Confined to its loop. Calls ask here and are told from here, and who works the engine leaves here what
/// was said, so they and the desk know each other.
// Sendable unchecked: the constants are fit for any thread; all else is touched on `loop` only.
final class LoopDesk: @unchecked Sendable {
  let loop: any EventLoop
  let index: UInt32
  private let mailbox: Mailbox
  private let reads: ReadPool
  private let turns: EngineTurns
  private let post = Mutex(Post())
  /// Of what this loop has the storage write while no thread waits for it; nil: a thread does it all.
  private var notice: Int32?
  /// This loop looks by itself in a moment whether something waits to be written.
  private var looksAgain = false
  /// Something was asked since the engine was last turned to.
  private var hasAsked = false
  private let clock: @Sendable () -> Moment
  private(set) var codec = Codec()
  private var table = RouteTable<Pending>()
  private var paused: [any Pausable] = []
  private(set) var isDraining = false

  /// What the engine has said and this loop has not read yet.
  private struct Post {
    var effects: [[Effect]] = []
    /// The loop is going to read it.
    var isAwaited = false
  }

  init(
    loop: any EventLoop, index: UInt32, mailbox: Mailbox, reads: ReadPool, turns: EngineTurns,
    clock: @escaping @Sendable () -> Moment
  ) {
    self.loop = loop
    self.clock = clock
    self.index = index
    self.mailbox = mailbox
    self.reads = reads
    self.turns = turns
  }

  deinit { if let notice { close(notice) } }

  /// The wall clock's time.
  var now: Timestamp { clock().wall }

  // MARK: Asking

  /// Asks the engine on behalf of `pending`. Too much waits: false, and nothing was asked.
  func ask(_ pending: Pending, size: Int = 0, _ command: (Route) -> Command) -> Bool {
    let route = enter(pending)
    switch mailbox.push(command(route), size: size, mustFit: false, quietly: true) {
    case .accepted, .pressed:
      turnToEngine()
      return true
    case .full, .closed:
      leave(route)
      return false
    }
  }

  /// A place for answers that come more than once, until `leave`.
  func enter(_ pending: Pending) -> Route { Route(loop: index, id: table.insert(pending)) }

  func leave(_ route: Route) { table.remove(route.id) }

  /// Tells the engine what must not be lost. `stream` is paused when too much waits.
  func tell(
    _ command: consuming Command, size: Int = 0, slowing stream: (call: ServerCall, handler: any Pausable)? = nil
  ) {
    if case .pressed = mailbox.push(command, size: size, mustFit: true, quietly: true), let stream {
      stream.call.pauseReading()
      paused.append(stream.handler)
    }
    turnToEngine()
  }

  /// After what this round of the loop has read is read, so that all of it is one tick.
  private func turnToEngine() {
    if hasAsked { return }
    hasAsked = true
    loop.execute { [self] in
      hasAsked = false
      post.withLock { $0.isAwaited = true }
      turns.decideHere(isFollowed: notice != nil)
      readPost()
      writeAfterSending()
    }
  }

  // MARK: Writing while no thread waits for it

  /// From now on this loop has what it decides written so.
  /// - Parameter notice: see `UnattendedWriter`; whoever reads it calls `wasWritten`.
  func useUnattended(notice: Int32) { self.notice = notice }

  /// What was just said to connections is to leave first: beginning to write takes longer than that, and a worker waits for its job.
  private func writeAfterSending() {
    if notice != nil { loop.execute { self.writeUnattended() } }
  }

  private func writeUnattended() {
    guard let notice, let time = turns.writeUnattended(notice: notice), !looksAgain else { return }
    looksAgain = true
    loop.scheduleTask(in: .microseconds(max(0, time - clock().elapsed.microseconds))) { [self] in
      looksAgain = false
      writeUnattended()
    }
  }

  /// What this loop has had written is stored, or not.
  func wasWritten() {
    post.withLock { $0.isAwaited = true }
    turns.settleUnattended()
    readPost()
    writeAfterSending()
  }

  /// Looks something up for whoever waits at `route`.
  /// nil: too much waits.
  func read(_ request: ReadRequest, _ route: Route) -> ReadTicket? { reads.push(request, route) }

  // MARK: Being answered

  /// From the engine, with the turn: so they keep their order.
  /// - Returns: whether the loop is to be told of it, by `tell`.
  func post(_ effects: [Effect]) -> Bool {
    post.withLock { post in
      post.effects.append(effects)
      defer { post.isAwaited = true }
      return !post.isAwaited
    }
  }

  /// There is post.
  func tell() { loop.execute { self.readPost() } }

  private func readPost() {
    let all = post.withLock { post in
      post.isAwaited = false
      let all = post.effects
      post.effects = []
      return all
    }
    for effects in all { carryOut(effects) }
  }

  /// Those of other loops are passed over.
  private func carryOut(_ effects: [Effect]) {
    // By position, and looked at once: iterating, or asking for its route first, would copy each once more.
    for position in effects.indices {
      switch effects[position] {
      case .reply(let route, let reply): if route.loop == index { answer(route, reply) }
      case .toWorker(let route, let update):
        if route.loop == index, case .session(let session) = table[route.id] { session.send(update, desk: self) }
      case .endSession(let route, let end):
        if route.loop == index, case .session(let session) = table.remove(route.id) { session.end(end, desk: self) }
      }
    }
  }

  private func answer(_ route: Route, _ reply: Reply) {
    switch table[route.id] {
    case .enqueue(let call):
      table.remove(route.id)
      answerEnqueue(call, reply)
    case .schedule(let call):
      table.remove(route.id)
      answerSchedule(call, reply)
    case .session, nil: break
    case .other(let waiting): waiting.answer(reply, desk: self)
    }
  }

  func carryOut(_ answers: [(ReadAnswer, Route)]) {
    for (answer, route) in answers {
      if case .other(let waiting) = table[route.id] { waiting.answer(answer, desk: self) }
    }
  }

  /// The engine has caught up.
  func relieve() {
    let waiting = paused
    paused = []
    for stream in waiting { stream.relieved(desk: self) }
  }

  func drain() {
    isDraining = true
    for entry in table.entries {
      if case .other(let waiting) = entry { waiting.serverDrains(desk: self) }
    }
  }

  func configure(_ bounds: Bounds, _ zones: any TimeZoneSource) { codec = Codec(bounds: bounds, zones: zones) }
}
