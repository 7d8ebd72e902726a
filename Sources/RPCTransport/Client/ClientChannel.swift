public import Logging
public import NIOCore
public import RPC

/// A client's way to one service, however many servers are behind it: connects when first needed, again when a connection is
/// lost, and spreads calls over the servers as configured. It lives, with all its connections, on one event loop.
public final class ClientChannel: Sendable {
  public let eventLoop: any EventLoop
  private let core: NIOLoopBoundBox<ChannelCore>

  /// - Throws: what is wrong with the TLS files.
  public convenience init(
    target: ClientTarget, configuration: ClientConfiguration = ClientConfiguration(), group: any EventLoopGroup,
    logger: Logger? = nil
  ) throws {
    try self.init(
      target: target, configuration: configuration, resolver: SystemResolver(target: target), eventLoop: group.next(),
      logger: logger)
  }

  init(
    target: ClientTarget, configuration: ClientConfiguration, resolver: any AddressResolver, eventLoop: any EventLoop,
    logger: Logger?
  ) throws {
    self.eventLoop = eventLoop
    let context = LoopContext(eventLoop: eventLoop)
    var rpc = ClientRPCConfiguration()
    rpc.scheme = configuration.tls == nil ? "http" : "https"
    rpc.authority = configuration.authority ?? target.authority
    rpc.userAgent = configuration.userAgent
    rpc.maxReceiveMessage = configuration.maxReceiveMessageSize
    rpc.retryBufferSize = configuration.retryBufferSize
    rpc.http2.maxHeaderListSize = configuration.maxHeaderListSize
    let name = configuration.tls?.serverName ?? target.serverName
    let settings = ConnectionSettings(
      rpc: rpc, context: context, connectTimeout: configuration.backoff.connectTimeout,
      isTLS: configuration.tls != nil,
      dialer: SocketDialer(
        connectTimeout: configuration.backoff.connectTimeout,
        tls: try configuration.tls.map { try CertificateStore($0) },
        serverName: (try? SocketAddress(ipAddress: name, port: 0)) == nil ? name : nil))
    let core = ChannelCore(
      configuration: configuration, settings: settings, resolver: resolver,
      logger: logger ?? Logger(label: "gkick.rpc", factory: { _ in SwiftLogNoOpLogHandler() }))
    self.core = .makeBoxSendingValue(core, eventLoop: eventLoop)
  }

  // MARK: - Calls

  /// One request, one response. Throws a `Status`; `cancelled` when the task is cancelled.
  public func unary(
    _ path: String, _ request: ByteBuffer, metadata: Metadata = Metadata(), options: CallOptions = CallOptions()
  ) async throws -> ByteBuffer {
    let response = await unaryResponse(path, request, metadata: metadata, options: options)
    guard let message = response.message else { throw response.status }
    return message
  }

  /// One request, and all that came back.
  public func unaryResponse(
    _ path: String, _ request: ByteBuffer, metadata: Metadata = Metadata(), options: CallOptions = CallOptions()
  ) async -> UnaryResponse {
    let slot = CallSlot(eventLoop)
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        eventLoop.execute { [self] in
          let handler = UnaryCallHandler(request, continuation)
          slot.fill(core.value.start(path, metadata: metadata, options: options, handler: handler))
        }
      }
    } onCancel: {
      slot.cancel()
    }
  }

  /// Opens a call of any type for async code. It never fails by itself: reading tells what became of it.
  public func stream(
    _ path: String, metadata: Metadata = Metadata(), options: CallOptions = CallOptions()
  ) -> ClientStream {
    let slot = CallSlot(eventLoop)
    let inside = StreamInside(slot)
    slot.onLoop { [self] slot in
      slot.fill(
        core.value.start(
          path, metadata: metadata, options: options,
          handler: StreamHandler(inside, silence: options.silence)))
    }
    return ClientStream(inside)
  }

  /// Opens a call of any type whose handler runs synchronously on the channel's event loop. `makeHandler` runs there too.
  public func open(
    _ path: String, metadata: Metadata = Metadata(), options: CallOptions = CallOptions(),
    _ makeHandler: @escaping @Sendable () -> any ClientCallHandler
  ) {
    if eventLoop.inEventLoop {
      _ = core.value.start(path, metadata: metadata, options: options, handler: makeHandler())
    } else {
      eventLoop.execute { [self] in
        _ = core.value.start(path, metadata: metadata, options: options, handler: makeHandler())
      }
    }
  }

  // MARK: - The end

  /// Refuses new calls, lets the open ones end within `grace`, then closes all connections.
  public func close(grace: TimeAmount = .seconds(0)) async {
    let closed = eventLoop.flatSubmit { [self] in core.value.close(grace: grace) }
    // It cannot fail: nothing in `close` does.
    try? await closed.get()
  }
}
