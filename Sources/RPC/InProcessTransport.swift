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
    let place = NIOLoopBoundBox<Place>.makeBoxSendingValue(.empty, eventLoop: eventLoop)
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let begin: @Sendable () -> Void = { [self] in
          let whole = WholeResponse(messages, continuation)
          guard let connection = open() else {
            return continuation.resume(returning: Response(status: Status(.internal, "no memory for a connection")))
          }
          let call = connection.begin(
            path, metadata: metadata, options: CallOptions(timeout: timeout), handler: whole)
          if case .cancelled = place.value { call.cancel() } else { place.value = .call(call) }
        }
        if eventLoop.inEventLoop { begin() } else { eventLoop.execute(begin) }
      }
    } onCancel: {
      eventLoop.execute {
        if case .call(let call) = place.value { call.cancel() } else { place.value = .cancelled }
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
  private let continuation: CheckedContinuation<InProcessTransport.Response, Never>
  private var response = InProcessTransport.Response()

  init(_ requests: [ByteBuffer], _ continuation: CheckedContinuation<InProcessTransport.Response, Never>) {
    self.requests = requests
    self.continuation = continuation
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
    continuation.resume(returning: response)
  }
}
