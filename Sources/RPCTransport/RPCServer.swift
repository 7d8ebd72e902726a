import Logging
import NIOCore
import NIOPosix
public import NIOSSL
import RPC
import Synchronization

/// A gRPC server on sockets: listeners, connections, TLS, and a graceful end.
public final class RPCServer: Sendable {
  private let configuration: ServerConfiguration
  private let methods: MethodTable
  private let group: any EventLoopGroup
  private let logger: Logger
  private let counters = TransportCounters()
  private let certificates: CertificateStore?
  private let loops: [ObjectIdentifier: TransportLoop]
  private let state = Mutex(State())

  private struct State {
    var listeners: [any Channel] = []
    var watcher: RepeatedTask?
    var isShutDown = false
  }

  /// - Parameters:
  ///   - group: one loop per core is best: `MultiThreadedEventLoopGroup.singleton`. It stays the caller's.
  ///   - tellOfPeer: told of each client that speaks what its port does not.
  /// - Throws: what reading the certificates throws.
  public init(
    configuration: ServerConfiguration, methods: MethodTable, group: any EventLoopGroup, logger: Logger,
    tellOfPeer: @escaping TellOfPeer = { _, _ in }
  ) throws {
    self.configuration = configuration
    self.methods = methods
    self.group = group
    self.logger = logger
    certificates = try configuration.tls.map { try CertificateStore($0) }
    var loops: [ObjectIdentifier: TransportLoop] = [:]
    let budget = OutputBudget(limit: configuration.maxQueuedOutput)
    for eventLoop in group.makeIterator() {
      loops[ObjectIdentifier(eventLoop)] = TransportLoop(
        eventLoop, number: loops.count, budget: budget, tellOfPeer: tellOfPeer)
    }
    self.loops = loops
  }

  /// Of each loop. It beats when the loop is asked to by `knock`.
  public var pulses: [(pulse: Pulse, knock: @Sendable () -> Void)] {
    loops.values.sorted { $0.pulse.name < $1.pulse.name }.map { loop in
      (loop.pulse, { loop.eventLoop.execute { loop.pulse.beat() } })
    }
  }

  public var statistics: TransportStatistics { counters.statistics }

  /// Listens on one more address and returns the one it really is (its port, if 0 was asked for).
  public func bind(_ address: ListenAddress) async throws -> SocketAddress {
    let mark = ChannelOptions.Types.WriteBufferWaterMark(
      low: configuration.socketOutputLimit / 4, high: configuration.socketOutputLimit)
    let bootstrap = ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: configuration.backlog)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .serverChannelOption(.maxMessagesPerRead, value: 16)
      .serverChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(AcceptBackoff()) }
      }
      .childChannelOption(.maxMessagesPerRead, value: 4)
      .childChannelOption(.writeBufferWaterMark, value: mark)
      .childChannelOption(
        .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 1024, initial: 1024, maximum: 64 * 1024)
      )
      .childChannelInitializer { channel in self.accept(channel) }
    let channel: any Channel
    switch address {
    case .hostPort(let host, let port):
      channel = try await bootstrap.childChannelOption(.tcpOption(.tcp_nodelay), value: 1).bind(host: host, port: port)
        .get()
    case .unix(let path):
      channel = try await bootstrap.bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get()
    }
    let isLate = state.withLock { state in
      state.listeners.append(channel)
      return state.isShutDown
    }
    guard !isLate, let bound = channel.localAddress else {
      try? await channel.close()
      throw ChannelError.ioOnClosedChannel
    }
    watchCertificates()
    return bound
  }

  private func accept(_ channel: any Channel) -> EventLoopFuture<Void> {
    let host = channel.remoteAddress?.ipAddress
    guard counters.admit(host: host, configuration) else {
      return channel.eventLoop.makeFailedFuture(ChannelError.eof)
    }
    let counters = counters
    let configuration = configuration
    channel.closeFuture.whenComplete { _ in counters.left(host: host, configuration) }
    do {
      guard let loop = loops[ObjectIdentifier(channel.eventLoop)] else { throw ChannelError.operationUnsupported }
      let handler = try ServerConnectionHandler(
        loop: loop, configuration: configuration, methods: methods, counters: counters, logger: logger,
        peer: Peer(address: channel.remoteAddress), isTLS: certificates != nil, now: .now())
      if let certificates {
        try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: certificates.context))
      }
      try channel.pipeline.syncOperations.addHandler(handler)
      return channel.eventLoop.makeSucceededVoidFuture()
    } catch {
      return channel.eventLoop.makeFailedFuture(error)
    }
  }

  // MARK: - Certificates

  /// What a connection to come gets that speaks HTTP/1.1 or HTTP/2 on a port of somebody else's, with the same certificate; nil without TLS.
  public var webContext: (@Sendable () -> NIOSSLContext)? {
    guard let certificates else { return nil }
    return { certificates.webContext }
  }

  /// Reads the certificate files again for connections to come. Throws when they are bad; the old ones then stay.
  public func reloadCertificates() throws {
    try certificates?.reload()
  }

  private func watchCertificates() {
    guard let certificates, let interval = configuration.tls?.watchInterval, interval > 0 else { return }
    state.withLock { state in
      guard state.watcher == nil, !state.isShutDown else { return }
      let logger = logger
      let delay = TimeAmount.seconds(interval)
      state.watcher = group.next().scheduleRepeatedTask(initialDelay: delay, delay: delay) { _ in
        do {
          if try certificates.reloadIfChanged() { logger.info("certificates reloaded") }
        } catch {
          logger.error("certificates could not be reloaded", metadata: ["error": "\(error)"])
        }
      }
    }
  }

  // MARK: - The end

  /// Stops listening, asks all clients to go, lets open calls finish for as long as `within`, then closes what is left.
  public func shutdownGracefully(within limit: TimeAmount) async {
    let (listeners, watcher) = state.withLock { state in
      state.isShutDown = true
      defer { state.listeners = [] }
      return (state.listeners, state.watcher)
    }
    watcher?.cancel()
    for listener in listeners { try? await listener.close() }
    await onEachLoop { loop in
      for connection in Array(loop.connections.values) { connection.drain(reason: "shutting_down") }
    }
    let end = NIODeadline.now() + limit
    while counters.openConnections.load(ordering: .relaxed) > 0, NIODeadline.now() < end {
      try? await Task.sleep(nanoseconds: 10_000_000)
    }
    await onEachLoop { loop in
      for connection in Array(loop.connections.values) { connection.cut(reason: "the server is shutting down") }
    }
  }

  private func onEachLoop(_ body: @escaping @Sendable (TransportLoop) -> Void) async {
    for loop in loops.values {
      try? await loop.eventLoop.submit { body(loop) }.get()
    }
  }
}
