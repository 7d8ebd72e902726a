import HTTP2
public import NIOCore

/// Runs calls against a method table without sockets, over a pair of HTTP/2 sessions in memory: for gateways to other protocols, and for tests.
///
/// Everything but the socket is real: framing, metadata, flow control, deadlines, limits, interceptors. All calls of one transport share one
/// connection, which is made anew when it has ended.
public final class InProcessTransport: Sendable {
  /// All that came back from one call.
  public struct Response: Sendable {
    public var initialMetadata = Metadata()
    public var messages: [ByteBuffer] = []
    public var status = Status(.unknown)
    public var trailers = Metadata()
  }

  let methods: MethodTable
  package let eventLoop: any EventLoop
  let peer: Peer
  let configuration: RPCConfiguration
  private let connection: NIOLoopBoundBox<InProcessConnection?>

  public init(
    methods: MethodTable, eventLoop: any EventLoop, peer: Peer = Peer(address: "in-process"),
    configuration: RPCConfiguration = RPCConfiguration()
  ) {
    self.methods = methods
    self.eventLoop = eventLoop
    self.peer = peer
    self.configuration = configuration
    connection = NIOLoopBoundBox.makeBoxSendingValue(nil, eventLoop: eventLoop)
  }

  /// One call with all its request messages; returns when it ended. A task that is cancelled cancels the call.
  public func call(
    _ path: String, messages: [ByteBuffer], metadata: Metadata = Metadata(), timeout: TimeAmount? = nil
  ) async -> Response {
    let canceller = Canceller(eventLoop)
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        begin(path, messages, metadata, timeout, canceller) { continuation.resume(returning: $0) }
      }
    } onCancel: {
      canceller.cancel()
    }
  }

  /// The same without a task, for whoever is on a loop anyway.
  /// - Parameter done: called once, on the transport's loop; on that loop it may be called before this returns.
  package func call(
    _ path: String, messages: [ByteBuffer], metadata: Metadata, timeout: TimeAmount?,
    done: @escaping @Sendable (Response) -> Void
  ) -> Canceller {
    let canceller = Canceller(eventLoop)
    begin(path, messages, metadata, timeout, canceller, done)
    return canceller
  }

  private func begin(
    _ path: String, _ messages: [ByteBuffer], _ metadata: Metadata, _ timeout: TimeAmount?, _ canceller: Canceller,
    _ done: @escaping @Sendable (Response) -> Void
  ) {
    let begin: @Sendable () -> Void = { [self] in
      guard let connection = open() else {
        return done(Response(status: Status(.internal, "no memory for a connection")))
      }
      canceller.began(
        connection.begin(
          path, metadata: metadata, options: CallOptions(timeout: timeout), handler: WholeResponse(messages, done)))
    }
    if eventLoop.inEventLoop { begin() } else { eventLoop.execute(begin) }
  }

  /// Ends a call that nobody waits for any longer; from any thread, also when it has ended.
  package final class Canceller: Sendable {
    private let place: NIOLoopBoundBox<Place>
    private let eventLoop: any EventLoop

    fileprivate init(_ eventLoop: any EventLoop) {
      self.eventLoop = eventLoop
      place = NIOLoopBoundBox.makeBoxSendingValue(.empty, eventLoop: eventLoop)
    }

    fileprivate func began(_ call: ClientCall) {
      if case .cancelled = place.value { call.cancel() } else { place.value = .call(call) }
    }

    package func cancel() {
      eventLoop.execute {
        if case .call(let call) = self.place.value { call.cancel() } else { self.place.value = .cancelled }
      }
    }
  }

  /// One call whose answers are taken one by one, with back-pressure: the server's stream is read as far as they are. The sequence ends when the
  /// call ended with OK, and throws its `Status` otherwise; letting go of it cancels the call.
  public func stream(
    _ path: String, messages: [ByteBuffer], metadata: Metadata = Metadata(), timeout: TimeAmount? = nil
  ) -> InProcessAnswers {
    InProcessAnswers.start(on: eventLoop) { [self] handler in
      handler.requests = messages
      guard let connection = open() else { return nil }
      return connection.begin(path, metadata: metadata, options: CallOptions(timeout: timeout), handler: handler)
    }
  }

  /// Opens a call of any type whose handler runs synchronously on the transport's event loop. `makeHandler` runs there too.
  package func open(
    _ path: String, metadata: Metadata, options: CallOptions,
    _ makeHandler: @escaping @Sendable () -> any ClientCallHandler
  ) {
    if eventLoop.inEventLoop {
      _ = open()?.begin(path, metadata: metadata, options: options, handler: makeHandler())
    } else {
      eventLoop.execute { [self] in
        _ = open()?.begin(path, metadata: metadata, options: options, handler: makeHandler())
      }
    }
  }

  /// Ends the connection and with it all its calls (UNAVAILABLE). To be awaited before the loop ends.
  public func close() async {
    await withCheckedContinuation { continuation in
      eventLoop.execute {
        self.connection.value?.close()
        self.connection.value = nil
        continuation.resume()
      }
    }
  }

  /// The connection that takes another call. On the loop.
  private func open() -> InProcessConnection? {
    if let open = connection.value, open.acceptsCalls { return open }
    let made = try? InProcessConnection(self)
    connection.value = made
    return made
  }

  private enum Place {
    case empty
    case call(ClientCall)
    /// Before the call was made.
    case cancelled
  }
}

/// Gathers everything, until the end.
private final class WholeResponse: ClientCallHandler {
  private let requests: [ByteBuffer]
  private let done: @Sendable (InProcessTransport.Response) -> Void
  private var response = InProcessTransport.Response()

  init(_ requests: [ByteBuffer], _ done: @escaping @Sendable (InProcessTransport.Response) -> Void) {
    self.requests = requests
    self.done = done
  }

  func started(call: ClientCall) {
    for request in requests { call.send(request) }
    call.halfClose()
  }

  func initialMetadata(_ metadata: Metadata, call: ClientCall) { response.initialMetadata = metadata }

  func message(_ message: ByteBuffer, call: ClientCall) { response.messages.append(ByteBuffer(buffer: message)) }

  func ended(_ status: Status, trailers: Metadata, call: ClientCall) {
    response.status = status
    response.trailers = trailers
    done(response)
  }
}
