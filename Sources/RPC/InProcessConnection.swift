import HTTP2
import NIOCore

/// Both ends of one connection in memory, and the bytes between them. Confined to its loop.
final class InProcessConnection {
  private let eventLoop: any EventLoop
  private let server: ServerConnection
  private let client: ClientConnection
  private var serverTimer: Scheduled<Void>?
  private var isMoving = false
  /// Bytes on their way, kept for the room that they have.
  private var request = ByteBuffer()
  private var answer = ByteBuffer()
  private var isScheduled = false
  private var isBroken = false
  /// Calls with a deadline are given up here as well, as a client does.
  private var timers: [ObjectIdentifier: Scheduled<Void>] = [:]

  init(_ transport: InProcessTransport) throws(HTTP2SessionError) {
    eventLoop = transport.eventLoop
    let now = eventLoop.now
    server = try ServerConnection(
      configuration: transport.configuration, methods: transport.methods, context: LoopContext(eventLoop: eventLoop),
      peer: transport.peer, now: now)
    client = try ClientConnection(
      configuration: ClientRPCConfiguration(), context: LoopContext(eventLoop: eventLoop), now: now)
    server.delegate = self
    client.delegate = self
    // SETTINGS first.
    move()
  }

  func close(_ reason: String = "the server is shutting down") {
    isBroken = true
    serverTimer?.cancel()
    client.connectionLost(reason)
    server.connectionLost()
  }

  var acceptsCalls: Bool { !isBroken && client.acceptsCalls }

  func begin(
    _ path: String, metadata: Metadata, options: CallOptions, handler: any ClientCallHandler
  ) -> ClientCall {
    let deadline = options.timeout.map { eventLoop.now + $0 }
    let call = ClientCall(
      path: path, metadata: metadata, options: options, deadline: deadline,
      context: client.context, configuration: client.configuration, handler: handler)
    call.begin()
    guard client.start(call, now: eventLoop.now) else {
      call.fail(Status(.resourceExhausted, "too many calls at once", retryPushback: 500))
      return call
    }
    if let deadline {
      let bound = NIOLoopBound((self, call), eventLoop: eventLoop)
      timers[ObjectIdentifier(call)] = eventLoop.scheduleTask(deadline: deadline) {
        let (connection, call) = bound.value
        call.cancel(Status(.deadlineExceeded, "deadline exceeded"))
        connection.timers[ObjectIdentifier(call)] = nil
        connection.move()
      }
      call.router = self
      // At once: the server is to know of the call before its deadline can pass.
      move()
    }
    // Else with those that others begin in this turn of the loop.
    return call
  }

  /// Carries bytes to and fro until neither side has any.
  private func move() {
    guard !isMoving else { return }
    isMoving = true
    defer { isMoving = false }
    var moved = true
    while moved {
      Self.empty(&request)
      client.produce(into: &request, limit: 64 * 1024, now: eventLoop.now)
      if request.readableBytes > 0, !server.receive(request, now: eventLoop.now) { isBroken = true }
      Self.empty(&answer)
      server.produce(into: &answer, limit: 64 * 1024, now: eventLoop.now)
      if answer.readableBytes > 0, !client.receive(answer, now: eventLoop.now) { isBroken = true }
      moved = request.readableBytes > 0 || answer.readableBytes > 0
    }
    if isBroken {
      client.connectionLost("the connection to the server has ended")
      server.connectionLost()
    }
  }

  /// For more bytes. Messages may be slices of the old ones, and hold all of them.
  private static func empty(_ buffer: inout ByteBuffer) {
    if buffer.capacity > 16 << 10 { buffer = ByteBuffer() } else { buffer.clear() }
  }

  private func moveSoon() {
    guard !isScheduled, !isMoving else { return }
    isScheduled = true
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    eventLoop.execute {
      bound.value.isScheduled = false
      bound.value.move()
    }
  }
}

extension InProcessConnection: ServerConnectionDelegate {
  func deadlineChanged(_ deadline: NIODeadline) {
    serverTimer?.cancel()
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    serverTimer = eventLoop.scheduleTask(deadline: deadline) {
      let connection = bound.value
      if let next = connection.server.expireCalls(now: connection.eventLoop.now) { connection.deadlineChanged(next) }
      connection.move()
    }
  }
}

extension InProcessConnection: ClientConnectionDelegate {
  func outputAdded() { moveSoon() }
  func settingsReceived() {}
  func goAwayReceived(_ error: HTTP2ErrorCode) {}

  /// What a socket that is closed does.
  func givenUp(_ reason: String) {
    guard !isBroken else { return }
    close(reason)
  }

  func callEnded() {}
}

extension InProcessConnection: ClientCallRouter {
  func callRefused(_ call: ClientCall) -> Bool { false }

  func callEnded(_ call: ClientCall) { timers.removeValue(forKey: ObjectIdentifier(call))?.cancel() }
}
