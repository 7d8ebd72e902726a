import HTTP2
import Logging
import NIOCore
import NIOSSL
import NIOTLS
import RPC

/// One connection of a server: moves bytes between a channel and the gRPC side, and asks the clock what is due.
final class ServerConnectionHandler: ChannelInboundHandler, ChannelOutboundHandler, @unchecked Sendable {
  // Why `@unchecked Sendable` is right: a channel handler is used on its channel's loop only; it is sent there once, when made.
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = Never
  typealias OutboundOut = ByteBuffer

  private let loop: TransportLoop
  private let configuration: ServerConfiguration
  private let counters: TransportCounters
  private let logger: Logger
  private let connection: ServerConnection
  private let isTLS: Bool
  private var clock: ConnectionClock
  private var pingGuard: PingGuard
  private var context: ChannelHandlerContext?
  private var timer: NIOScheduledCallback?
  private var timerAt = NIODeadline.distantFuture
  private var callsDue: NIODeadline?
  private var sawInput = false
  /// Something has come.
  private var hasHeard = false
  /// When the input that was last read came: the time of all that is done about it.
  private var readAt = NIODeadline.uptimeNanoseconds(0)
  private var flushScheduled = false
  private var readHeld = false
  /// In the loop's list of those that wait.
  private(set) var isWaiting = false
  private var closing = false
  private var handshakeDone = false
  private var counted = (calls: 0, started: 0, buffered: 0)
  private var sentSeen: UInt64 = 0

  init(
    loop: TransportLoop, configuration: ServerConfiguration, methods: MethodTable, counters: TransportCounters,
    logger: Logger, peer: Peer, isTLS: Bool, now: NIODeadline
  ) throws {
    self.loop = loop
    self.configuration = configuration
    self.counters = counters
    self.logger = logger
    self.isTLS = isTLS
    clock = ConnectionClock(configuration, now: now, jitter: .random(in: -1...1))
    pingGuard = PingGuard(configuration)
    connection = try ServerConnection(
      configuration: configuration.rpc, methods: methods, context: loop.context, peer: peer, now: now)
    connection.delegate = self
  }

  // MARK: - Channel

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    loop.connections[ObjectIdentifier(self)] = self
    if context.channel.isActive { begin() }
  }

  func channelActive(context: ChannelHandlerContext) {
    begin()
    context.fireChannelActive()
  }

  private func begin() {
    setTimer()
    // Our SETTINGS may go out at once; under TLS they wait for the handshake by themselves.
    flush()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !closing else { return }
    sawInput = true
    loop.pulse.note(TransportLoop.Step.reading)
    let bytes = unwrapInboundIn(data)
    counters.receivedBytes.add(bytes.readableBytes, ordering: .relaxed)
    let now = loop.eventLoop.now
    readAt = now
    clock.received(now: now)
    if !hasHeard {
      hasHeard = true
      if !isTLS, let problem = PeerProblem(firstBytes: bytes) { tell(problem) }
    }
    _ = connection.receive(bytes, now: now)
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    guard sawInput else { return }
    sawInput = false
    afterInput(now: readAt)
    flush(now: readAt)
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    guard context.channel.isWritable else { return }
    flush()
  }

  /// Reads are held back while the socket does not take what waits for it: the answers to more requests would only pile up.
  func read(context: ChannelHandlerContext) {
    if context.channel.isWritable || closing { context.read() } else { readHeld = true }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if let event = event as? TLSUserEvent, case .handshakeCompleted(let negotiated) = event {
      if negotiated != "h2" {
        tell(.offersNoHTTP2)
        return close("ALPN did not choose h2")
      }
      if let certificate = try? context.pipeline.syncOperations.nioSSL_peerCertificate() {
        connection.peer.read(certificate)
      }
    }
    if case ChannelEvent.inputClosed? = event as? ChannelEvent {
      close("peer closed")
      return
    }
    context.fireUserInboundEventTriggered(event)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if isTLS, !hasHeard, !closing, let problem = PeerProblem(error) { tell(problem) }
    close("\(error)")
  }

  private func tell(_ problem: PeerProblem) { loop.tellOfPeer(problem, connection.peer.address) }

  func channelInactive(context: ChannelHandlerContext) {
    lost()
    context.fireChannelInactive()
  }

  func handlerRemoved(context: ChannelHandlerContext) { lost() }

  private func lost() {
    guard self.context != nil else { return }
    self.context = nil
    closing = true
    timer?.cancel()
    timer = nil
    loop.connections[ObjectIdentifier(self)] = nil
    connection.connectionLost()
    count(now: nil)
  }

  private func close(_ reason: String) {
    guard let context, !closing else { return }
    closing = true
    logger.debug("connection closed", metadata: ["peer": "\(connection.peer.address)", "reason": "\(reason)"])
    context.close(promise: nil)
  }

  // MARK: - After input

  private func afterInput(now: NIODeadline) {
    let session = connection.session
    if !handshakeDone, session.isReady, session.isAcknowledged {
      handshakeDone = true
      clock.handshakeCompleted()
    }
    clock.headerBlock(isOpen: session.headerBlockOpen, now: now)
    while connection.pings > 0 {
      connection.pings -= 1
      if !pingGuard.received(now: now) {
        connection.pings = 0
        terminate("too_many_pings", now: now)
      }
    }
    if let data = connection.pingAcks {
      connection.pingAcks = nil
      if data == Self.noticePing, let action = clock.noticeArrived(now: now) { perform(action, now: now) }
    }
  }

  // MARK: - Output

  /// Called by the loop for a connection that asked for it.
  func flushNow() {
    flushScheduled = false
    flush()
  }

  private func flush() { flush(now: loop.eventLoop.now) }

  private func flush(now: NIODeadline) {
    guard let context, !closing else { return }
    loop.pulse.note(TransportLoop.Step.writing)
    defer { loop.pulse.note(TransportLoop.Step.other) }
    let session = connection.session
    var wrote = false
    while context.channel.isWritable, session.wantsWrite {
      var buffer = loop.takeOutput()
      connection.produce(into: &buffer, limit: TransportLoop.burst, now: now)
      if buffer.readableBytes == 0 {
        loop.giveBack(buffer)
        break
      }
      counters.sentBytes.add(buffer.readableBytes, ordering: .relaxed)
      context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
      loop.giveBack(consume buffer)
      wrote = true
      guard self.context != nil, !closing else { return }
    }
    if session.usefulFramesSent != sentSeen {
      sentSeen = session.usefulFramesSent
      pingGuard.sent()
    }
    let isWritable = context.channel.isWritable
    clock.streams(open: session.openStreams, now: now)
    clock.output(blocked: !isWritable, stalled: session.queuedBytes > 0, progressed: wrote, now: now)
    clock.held(bytes: session.queuedBytes, now: now)
    if !isWaiting, connection.parkedCalls > 0 {
      isWaiting = true
      loop.wait(self)
    }
    count(now: now)
    if session.isFinished || (clock.isDraining && session.openStreams == 0 && !session.wantsWrite) {
      if let failure = session.failure {
        counters.endedConnections.add(1, ordering: .relaxed)
        return close("\(failure.reason)")
      }
      return close("finished")
    }
    setTimer()
    if readHeld, isWritable {
      readHeld = false
      context.read()
    }
  }

  /// So many calls any connection may hold.
  private static let fewCalls = 100

  /// - Parameter now: nil: the connection is gone.
  private func count(now: NIODeadline?) {
    let session = connection.session
    let calls = now == nil ? 0 : connection.openCalls
    let buffered = now == nil ? 0 : connection.bufferedRequests + session.queuedBytes
    if calls > Self.fewCalls || connection.refusal != nil {
      let isOver = calls > Self.fewCalls && counters.openCalls.load(ordering: .relaxed) > configuration.maxOpenCalls
      connection.refusal = isOver ? Status(.resourceExhausted, "the server holds too many open calls") : nil
    }
    if calls != counted.calls { counters.openCalls.add(calls - counted.calls, ordering: .relaxed) }
    if connection.callsStarted != counted.started {
      counters.startedCalls.add(connection.callsStarted - counted.started, ordering: .relaxed)
    }
    if buffered != counted.buffered {
      let total = counters.bufferedBytes.add(buffered - counted.buffered, ordering: .relaxed).newValue
      if let now, total > configuration.maxBufferedBytes, buffered > 1024 * 1024 {
        terminate("too_many_bytes_buffered", now: now)
        connectionNeedsFlush()
      }
    }
    counted = (calls, connection.callsStarted, buffered)
  }

  var parkedCalls: Int { connection.parkedCalls }

  /// The loop asks again whether what is held back may go on.
  func goOn() {
    guard context != nil, !closing, connection.parkedCalls > 0 else {
      isWaiting = false
      return
    }
    connection.resumeParked()
    flush()
    isWaiting = !closing && connection.parkedCalls > 0
  }

  /// This connection holds responses and has not read for a while. Others that wait because of that go first.
  private func makeRoom(now: NIODeadline) {
    let budget = loop.context.budget
    let others = budget.waitingConnections - (connection.parkedCalls > 0 ? 1 : 0)
    guard budget.heldBytes > configuration.maxQueuedOutput, others > 0 else { return }
    terminate("responses_not_read", now: now)
    flush(now: now)
    close("responses not read while others wait")
  }

  private func connectionNeedsFlush() {
    guard !flushScheduled, context != nil else { return }
    flushScheduled = true
    loop.flushSoon(self)
  }

  // MARK: - Time

  private static let noticePing: UInt64 = 0x676f_6177_6179_3f21
  private static let healthPing: UInt64 = 0x616c_6976_653f_3f21

  /// The graceful end of this connection begins.
  func drain(reason: String) {
    let now = loop.eventLoop.now
    if let action = clock.drain(reason: reason, now: now) { perform(action, now: now) }
    flush(now: now)
  }

  /// Open calls end with UNAVAILABLE, then the connection is closed.
  func cut(reason: String) {
    connection.finishCalls(Status(.unavailable, reason))
    connection.session.terminate(.noError, reason: reason)
    flush()
    close(reason)
  }

  /// The peer has gone too far: GOAWAY, and the connection is closed when that is written or has had its time.
  private func terminate(_ reason: String, now: NIODeadline) {
    guard clock.terminated(reason: reason, now: now) else { return }
    ended(reason)
    connection.session.terminate(.enhanceYourCalm, reason: reason)
  }

  /// Counts and tells that this side has had enough.
  private func ended(_ reason: String) {
    counters.endedConnections.add(1, ordering: .relaxed)
    logger.info("connection ended", metadata: ["peer": "\(connection.peer.address)", "reason": "\(reason)"])
  }

  private func perform(_ action: ConnectionClock.Action, now: NIODeadline) {
    let session = connection.session
    switch action {
    case .ping:
      session.submitPing(Self.healthPing)
    case .shutdownNotice:
      session.submitShutdownNotice()
      session.submitPing(Self.noticePing)
    case .goAway(let reason):
      session.submitGoAway(.noError, reason: reason)
    case .terminate(let reason):
      ended(reason)
      session.terminate(.enhanceYourCalm, reason: reason)
    case .makeRoom:
      makeRoom(now: now)
    case .close(let reason):
      ended(reason)
      close(reason)
    }
  }

  /// One callback per connection, set again only when something is due before it.
  private func setTimer() {
    guard let context, !closing else { return }
    var due = clock.deadline ?? .distantFuture
    if let callsDue { due = min(due, callsDue) }
    guard due < timerAt else { return }
    timer?.cancel()
    timerAt = due
    timer = try? context.eventLoop.scheduleCallback(at: due, handler: self)
  }
}

extension ServerConnectionHandler: NIOScheduledCallbackHandler {
  func handleScheduledCallback(eventLoop: some EventLoop) {
    timer = nil
    timerAt = .distantFuture
    guard context != nil, !closing else { return }
    loop.pulse.note(TransportLoop.Step.timing)
    let now = loop.eventLoop.now
    if let due = callsDue, due <= now { callsDue = connection.expireCalls(now: now) }
    while !closing, let action = clock.next(now: now) { perform(action, now: now) }
    flush(now: now)
  }
}

extension ServerConnectionHandler: ServerConnectionDelegate {
  func outputAdded() { connectionNeedsFlush() }

  func deadlineChanged(_ deadline: NIODeadline) { callsDue = deadline }
}
