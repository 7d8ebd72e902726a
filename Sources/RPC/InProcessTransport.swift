import HTTP2
public import NIOCore

/// Runs calls against a method table without sockets, over a pair of HTTP/2 sessions in memory: for tests.
///
/// Everything but the socket is real: framing, metadata, flow control, deadlines, interceptors. Each call has a connection of its own.
public final class InProcessTransport: Sendable {
  /// All that came back from one call.
  public struct Response: Sendable {
    public var initialMetadata = Metadata()
    public var messages: [ByteBuffer] = []
    public var status = Status(.unknown)
    public var trailers = Metadata()
  }

  private let methods: MethodTable
  private let eventLoop: any EventLoop
  private let peer: Peer

  public init(methods: MethodTable, eventLoop: any EventLoop, peer: Peer = Peer(address: "in-process")) {
    self.methods = methods
    self.eventLoop = eventLoop
    self.peer = peer
  }

  /// One call with all its request messages; returns when it ended. A task that is cancelled cancels the call.
  public func call(
    _ path: String, messages: [ByteBuffer], metadata: Metadata = Metadata(), timeout: TimeAmount? = nil
  ) async -> Response {
    let place = NIOLoopBoundBox<Place>.makeBoxSendingValue(.empty, eventLoop: eventLoop)
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        eventLoop.execute { [self] in
          do throws(HTTP2SessionError) {
            let call = try InProcessCall(methods: methods, eventLoop: eventLoop, peer: peer, messages, continuation)
            call.begin(path, metadata: metadata, timeout: timeout)
            if case .cancelled = place.value { call.cancel() } else { place.value = .call(call) }
          } catch {
            continuation.resume(returning: Response(status: Status(.internal, "no memory for a connection")))
          }
        }
      }
    } onCancel: {
      eventLoop.execute {
        if case .call(let call) = place.value { call.cancel() } else { place.value = .cancelled }
      }
    }
  }
}

/// Where a task that is cancelled finds its call. It may be cancelled before there is one.
private enum Place {
  case empty, cancelled
  case call(InProcessCall)
}

/// One call with both ends of its connection. Confined to its loop.
private final class InProcessCall {
  private let eventLoop: any EventLoop
  private let server: ServerConnection
  private let client: ClientConnection
  private let requests: [ByteBuffer]
  private let continuation: CheckedContinuation<InProcessTransport.Response, Never>
  private var response = InProcessTransport.Response()
  private var call: ClientCall?
  private var timer: Scheduled<Void>?
  private var serverTimer: Scheduled<Void>?
  private var isMoving = false
  private var isScheduled = false
  private var isOver = false
  /// The connections do not hold on to their delegate: until the end the call does it itself.
  private var itself: InProcessCall?

  init(
    methods: MethodTable, eventLoop: any EventLoop, peer: Peer, _ requests: [ByteBuffer],
    _ continuation: CheckedContinuation<InProcessTransport.Response, Never>
  ) throws(HTTP2SessionError) {
    self.eventLoop = eventLoop
    self.requests = requests
    self.continuation = continuation
    let now = NIODeadline.now()
    server = try ServerConnection(
      configuration: RPCConfiguration(), methods: methods, context: LoopContext(eventLoop: eventLoop), peer: peer,
      now: now)
    client = try ClientConnection(
      configuration: ClientRPCConfiguration(), context: LoopContext(eventLoop: eventLoop), now: now)
  }

  func begin(_ path: String, metadata: Metadata, timeout: TimeAmount?) {
    itself = self
    server.delegate = self
    client.delegate = self
    let deadline = timeout.map { NIODeadline.now() + $0 }
    let call = ClientCall(
      path: path, metadata: metadata, options: CallOptions(timeout: timeout), deadline: deadline,
      context: client.context, configuration: client.configuration, handler: self)
    self.call = call
    call.begin()
    // SETTINGS first.
    move()
    if !client.start(call, now: .now()) { call.fail(Status(.unavailable, "the connection takes no call")) }
    if let deadline {
      let bound = NIOLoopBound(self, eventLoop: eventLoop)
      timer = eventLoop.scheduleTask(deadline: deadline) {
        bound.value.call?.cancel(Status(.deadlineExceeded, "deadline exceeded"))
      }
    }
    move()
  }

  func cancel() {
    call?.cancel()
    move()
  }

  /// Carries bytes to and fro until neither side has any.
  private func move() {
    guard !isMoving else { return }
    isMoving = true
    defer { isMoving = false }
    var moved = true
    while moved {
      var request = ByteBuffer()
      client.produce(into: &request, limit: 64 * 1024, now: .now())
      if request.readableBytes > 0 { _ = server.receive(request, now: .now()) }
      var answer = ByteBuffer()
      server.produce(into: &answer, limit: 64 * 1024, now: .now())
      if answer.readableBytes > 0 { _ = client.receive(answer, now: .now()) }
      moved = request.readableBytes > 0 || answer.readableBytes > 0
    }
    if isOver, itself != nil {
      itself = nil
      serverTimer?.cancel()
      server.connectionLost()
    }
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

extension InProcessCall: ServerConnectionDelegate {
  func deadlineChanged(_ deadline: NIODeadline) {
    serverTimer?.cancel()
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    serverTimer = eventLoop.scheduleTask(deadline: deadline) {
      let call = bound.value
      if let next = call.server.expireCalls(now: .now()) { call.deadlineChanged(next) }
      call.move()
    }
  }
}

extension InProcessCall: ClientConnectionDelegate {
  func outputAdded() { moveSoon() }
  func settingsReceived() {}
  func goAwayReceived(_ error: HTTP2ErrorCode) {}
  func givenUp(_ reason: String) {}
  func callEnded() {}
}

extension InProcessCall: ClientCallHandler {
  func started(call: ClientCall) {
    for request in requests { call.send(request) }
    call.halfClose()
  }

  func initialMetadata(_ metadata: Metadata, call: ClientCall) { response.initialMetadata = metadata }

  func message(_ message: ByteBuffer, call: ClientCall) { response.messages.append(ByteBuffer(buffer: message)) }

  func ended(_ status: Status, trailers: Metadata, call: ClientCall) {
    response.status = status
    response.trailers = trailers
    timer?.cancel()
    self.call = nil
    isOver = true
    continuation.resume(returning: response)
    // What is still to be sent (a reset) goes, then the connection.
    moveSoon()
  }
}
