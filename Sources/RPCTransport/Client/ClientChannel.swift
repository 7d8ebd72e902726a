public import Logging
public import NIOCore
public import RPC

/// A client's way to one service, however many servers are behind it: connects when first needed, again when a connection is
/// lost, and spreads calls over the servers as configured. It lives on one event loop.
public final class ClientChannel: Sendable {
  public let eventLoop: any EventLoop

  public init(
    target: ClientTarget, configuration: ClientConfiguration = ClientConfiguration(), group: any EventLoopGroup,
    logger: Logger? = nil
  ) {
    eventLoop = group.next()
  }

  /// One request, one response. Throws a `Status`.
  public func unary(
    _ path: String, _ request: ByteBuffer, metadata: Metadata = Metadata(), options: CallOptions = CallOptions()
  ) async throws -> ByteBuffer {
    throw Status(.unimplemented)
  }

  /// Opens a call of any type whose handler runs synchronously on the channel's event loop.
  public func open(
    _ path: String, metadata: Metadata = Metadata(), options: CallOptions = CallOptions(),
    _ makeHandler: @escaping @Sendable () -> any ClientCallHandler
  ) {}

  /// Refuses new calls, lets the open ones end within `grace`, then closes all connections.
  public func close(grace: TimeAmount = .seconds(0)) async {}
}
