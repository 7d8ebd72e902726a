import HTTP2
import NIOCore
import NIOSSL
import NIOTLS
import RPC

/// What a connection has to tell its channel.
protocol ClientConnectionOwner: AnyObject {
  /// The server's SETTINGS have come, for the first time or again.
  func connectionHasRoom(_ handler: ClientConnectionHandler)
  /// No new calls; the open ones go on.
  func connectionDrains(_ handler: ClientConnectionHandler, error: HTTP2ErrorCode)
  func connectionClosed(_ handler: ClientConnectionHandler, reason: String)
}

/// Moves the bytes of one client connection between its socket and its HTTP/2 session; asks, if so configured, whether the server is
/// still there.
final class ClientConnectionHandler: ChannelInboundHandler, ClientConnectionDelegate {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  let rpc: ClientConnection
  weak var owner: (any ClientConnectionOwner)?
  private let expectsALPN: Bool
  private var channel: (any Channel)?
  private var isStarted = false
  private var isReading = false
  private var flushIsScheduled = false
  private var isClosed = false
  private var isDraining = false
  private var clock: KeepaliveClock
  private var timer: Scheduled<Void>?
  private let loop: any EventLoop
  private var failure: String?
  /// A few calls' worth: more is written when the socket has taken it.
  private static let writeSize = 64 * 1024

  init(
    configuration: ClientRPCConfiguration, context: LoopContext, keepalive: ClientKeepalive?, expectsALPN: Bool,
    owner: any ClientConnectionOwner
  ) throws {
    loop = context.eventLoop
    rpc = try ClientConnection(configuration: configuration, context: context, now: loop.now)
    clock = KeepaliveClock(keepalive, now: loop.now)
    self.expectsALPN = expectsALPN
    self.owner = owner
    rpc.delegate = self
  }

  private var now: NIODeadline { loop.now }

  // MARK: - From the socket

  func handlerAdded(context: ChannelHandlerContext) {
    channel = context.channel
    if context.channel.isActive { start() }
  }

  func channelActive(context: ChannelHandlerContext) {
    start()
    context.fireChannelActive()
  }

  private func start() {
    guard !isStarted else { return }
    isStarted = true
    clock.received(now: now)
    flush()
    scheduleKeepalive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let bytes = Self.unwrapInboundIn(data)
    isReading = true
    let now = now
    clock.received(now: now)
    let firstBytes = rpc.session.isReady ? nil : ConnectionProblem(firstBytes: bytes)?.text
    if !rpc.receive(bytes, now: now) {
      failure = failure ?? firstBytes ?? "the server broke the HTTP/2 protocol"
      flush()
      context.close(promise: nil)
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    isReading = false
    flush()
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable { flush() }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .handshakeCompleted(let negotiated)? = event as? TLSUserEvent, expectsALPN, negotiated != "h2" {
      failure = "the server does not speak HTTP/2 over TLS"
      context.close(promise: nil)
    }
    context.fireUserInboundEventTriggered(event)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    failure = failure ?? ConnectionProblem.describe(error)
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    closed()
    context.fireChannelInactive()
  }

  func handlerRemoved(context: ChannelHandlerContext) { closed() }

  private func closed() {
    guard !isClosed else { return }
    isClosed = true
    timer?.cancel()
    timer = nil
    channel = nil
    // Why a socket could not be connected is told to whoever asked for it.
    guard isStarted else { return }
    let reason =
      failure ?? (rpc.session.isReady ? "the connection was closed" : ConnectionProblem.closedAtOnce.text)
    rpc.connectionLost(reason)
    owner?.connectionClosed(self, reason: reason)
  }

  // MARK: - To the socket

  /// Sends what there is, as far as the socket takes it.
  private func flush() {
    guard let channel, !isClosed else { return }
    var wrote = false
    while channel.isWritable {
      var out = channel.allocator.buffer(capacity: 4096)
      rpc.produce(into: &out, limit: Self.writeSize, now: now)
      if out.readableBytes == 0 { break }
      channel.write(out, promise: nil)
      wrote = true
    }
    if wrote { channel.flush() }
    if rpc.session.isFinished { channel.close(promise: nil) }
  }

  func outputAdded() {
    // What is read is answered in one write, and so is what came in one pass of the loop.
    guard !isReading, !flushIsScheduled, let channel else { return }
    flushIsScheduled = true
    channel.eventLoop.assumeIsolated().execute {
      self.flushIsScheduled = false
      self.flush()
    }
  }

  /// Lets the open calls end, then closes.
  func drain() {
    isDraining = true
    closeWhenDone()
  }

  func close(_ reason: String) {
    guard !isClosed else { return }
    failure = failure ?? reason
    rpc.session.terminate(.noError)
    flush()
    let channel = channel
    // Now: under TLS the channel itself waits for a goodbye that a server that is gone never says.
    closed()
    channel?.close(promise: nil)
  }

  // MARK: - From the session

  func settingsReceived() { owner?.connectionHasRoom(self) }

  func goAwayReceived(_ error: HTTP2ErrorCode) {
    isDraining = true
    failure =
      failure ?? (error == .noError ? "the server is going away" : "the server sent GOAWAY: error \(error.rawValue)")
    owner?.connectionDrains(self, error: error)
    closeWhenDone()
  }

  func callEnded() {
    if isDraining { return closeWhenDone() }
    owner?.connectionHasRoom(self)
  }

  private func closeWhenDone() {
    guard rpc.openCalls == 0, let channel else { return }
    // Not from here: the session may be in the middle of its events.
    channel.eventLoop.assumeIsolated().execute { self.close("all calls have ended") }
  }

  func givenUp(_ reason: String) { close(reason) }

  // MARK: - Keepalive

  private func scheduleKeepalive() {
    guard let due = clock.deadline, let channel, !isClosed else { return }
    timer = channel.eventLoop.assumeIsolated().scheduleTask(deadline: due) { self.keepaliveDue() }
  }

  private func keepaliveDue() {
    timer = nil
    while !isClosed, let action = clock.next(now: now, hasCalls: rpc.openCalls > 0) {
      switch action {
      case .ping:
        rpc.session.submitPing(0)
        flush()
      case .giveUp: close("the server did not answer a PING in time")
      }
    }
    scheduleKeepalive()
  }
}
