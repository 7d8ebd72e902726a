import HTTP2
import Logging
import NIOCore
import RPC

/// A channel's inside, confined to its event loop: which addresses there are, which connections, which calls wait.
final class ChannelCore: SubchannelOwner, ClientCallRouter {
  private enum Phase {
    /// Nothing is wanted.
    case idle
    case resolving
    /// Pick first: this one of the subchannels is being tried or used. Round robin: all are.
    case active
    /// Everything failed; calls that do not wait fail with this until the next attempt.
    case failed(reason: String)
    case closed
  }

  private let configuration: ClientConfiguration
  private let settings: ConnectionSettings
  private let resolver: any AddressResolver
  private let logger: Logger
  private let context: LoopContext
  private var keepalive: ClientKeepalive?

  private var phase = Phase.idle
  private var subchannels: [Subchannel] = []
  /// Of addresses that are no more; their calls go on.
  private var retired: [Subchannel] = []
  /// Pick first: which subchannel is tried. Round robin: whose turn it is.
  private var position = 0
  /// Round robin: some address is to be tried again, and nobody needed it when its time came. The next call has it tried.
  private var lacksConnections = false
  /// Rounds through all addresses, or resolutions, that failed in a row.
  private var failedRounds = 0
  private var retry: Scheduled<Void>?
  private var lastFailure = "not connected"

  /// Calls without a stream, in order; those that have ended are skipped.
  private var waiting: [ClientCall] = []
  private var waitingHead = 0
  private var waitingCount = 0
  private var openCalls = 0
  private var deadlines = DeadlineHeap()
  private var deadlineTimer: (due: NIODeadline, task: Scheduled<Void>)?
  private var idleTimer: Scheduled<Void>?
  private var lastCallEnded = NIODeadline.uptimeNanoseconds(0)
  private var connectedAt = NIODeadline.uptimeNanoseconds(0)
  private var whenEmpty: [EventLoopPromise<Void>] = []

  init(
    configuration: ClientConfiguration, settings: ConnectionSettings, resolver: any AddressResolver, logger: Logger
  ) {
    self.configuration = configuration
    self.settings = settings
    self.resolver = resolver
    self.logger = logger
    context = settings.context
    keepalive = configuration.keepalive
  }

  private var loop: NIOIsolatedEventLoop { context.eventLoop.assumeIsolated() }
  private var now: NIODeadline { context.eventLoop.now }

  // MARK: - Calls

  func start(_ path: String, metadata: Metadata, options: CallOptions, handler: any ClientCallHandler) -> ClientCall {
    let now = now
    let call = ClientCall(
      path: path, metadata: metadata, options: options, deadline: options.timeout.map { now + $0 }, context: context,
      configuration: settings.rpc, handler: handler)
    call.router = self
    openCalls += 1
    deadlines.insert(call)
    scheduleDeadline()
    call.begin()
    if call.isOpen { route(call, now: now) }
    return call
  }

  private func route(_ call: ClientCall, now: NIODeadline) {
    if case .closed = phase { return call.fail(Status(.unavailable, "the channel is closed")) }
    if lacksConnections { tryAgain() }
    if waitingCount == 0, let connection = pick(), connection.rpc.start(call, now: now) { return }
    if isFailing, !waits(call) { return call.fail(Status(.unavailable, lastFailure)) }
    guard waitingCount < configuration.maxWaitingCalls else {
      return call.fail(Status(.resourceExhausted, "too many calls wait for a connection"))
    }
    waiting.append(call)
    call.isWaiting = true
    waitingCount += 1
    connect()
  }

  /// The last attempt failed and the next has not begun.
  private var isFailing: Bool {
    switch phase {
    case .failed: return true
    case .active where configuration.loadBalancing == .roundRobin:
      let now = now
      return subchannels.allSatisfy { $0.isIdle && $0.notBefore > now }
    case .idle, .resolving, .active, .closed: return false
    }
  }

  private func waits(_ call: ClientCall) -> Bool { call.waitsForReady ?? configuration.waitForReady }

  /// A ready connection with room for a call.
  private func pick() -> ClientConnectionHandler? {
    switch configuration.loadBalancing {
    case .pickFirst:
      guard position < subchannels.count, let handler = subchannels[position].ready, handler.rpc.hasRoom else {
        return nil
      }
      return handler
    case .roundRobin:
      for _ in subchannels.indices {
        position = position + 1 < subchannels.count ? position + 1 : 0
        if let handler = subchannels[position].ready, handler.rpc.hasRoom { return handler }
      }
      return nil
    }
  }

  private func startWaiting() {
    guard waitingCount > 0 else { return }
    let now = now
    while waitingHead < waiting.count {
      let call = waiting[waitingHead]
      if call.isOpen {
        guard let connection = pick(), connection.rpc.start(call, now: now) else { break }
        call.isWaiting = false
        waitingCount -= 1
      }
      waitingHead += 1
    }
    trimWaiting()
  }

  private func trimWaiting() {
    if waitingHead == waiting.count {
      waiting.removeAll(keepingCapacity: waiting.capacity <= 1024)
      waitingHead = 0
    } else if waitingHead > 1024, waitingHead * 2 > waiting.count {
      waiting.removeFirst(waitingHead)
      waitingHead = 0
    }
  }

  /// Ends the calls that wait and need not: all, or those that do not wait for a connection.
  private func failWaiting(_ status: Status, all: Bool) {
    let calls = waiting[waitingHead...].filter(\.isOpen)
    waiting = all ? [] : calls.filter(waits)
    waitingHead = 0
    waitingCount = waiting.count
    let failing = calls.filter { all || !waits($0) }
    for call in failing { call.isWaiting = false }
    for call in failing { call.fail(status) }
  }

  // MARK: - ClientCallRouter

  func callRefused(_ call: ClientCall) -> Bool {
    if case .closed = phase { return false }
    guard call.takeSecondChance() else { return false }
    // Not from here: the connection is in the middle of its events.
    loop.execute { if call.isOpen { self.route(call, now: self.now) } }
    return true
  }

  func callEnded(_ call: ClientCall) {
    openCalls -= 1
    deadlines.remove(call)
    if call.isWaiting {
      call.isWaiting = false
      waitingCount -= 1
    }
    guard openCalls == 0 else { return }
    lastCallEnded = now
    for promise in whenEmpty { promise.succeed() }
    whenEmpty = []
  }

  // MARK: - Deadlines

  private func scheduleDeadline() {
    guard let due = deadlines.earliest else { return }
    if let timer = deadlineTimer {
      if timer.due <= due { return }
      timer.task.cancel()
    }
    deadlineTimer = (due, loop.scheduleTask(deadline: due) { self.deadlineDue() })
  }

  private func deadlineDue() {
    deadlineTimer = nil
    for call in deadlines.takeExpired(now: now) {
      let reason: String
      if call.isWaiting {
        reason = "deadline exceeded while waiting for a connection: \(lastFailure)"
      } else {
        reason = "deadline exceeded"
      }
      call.cancel(Status(.deadlineExceeded, reason))
    }
    scheduleDeadline()
  }

  // MARK: - Connecting

  /// Sees to it that there is a connection soon, unless the back-off forbids it.
  private func connect() {
    switch phase {
    case .idle: resolve()
    case .active:
      switch configuration.loadBalancing {
      case .pickFirst:
        // The connection was lost: begin again with the first address, which may have changed.
        if position >= subchannels.count || subchannels[position].isIdle { resolve() }
      case .roundRobin: connectAll()
      }
    case .resolving, .failed, .closed: break
    }
  }

  private func resolve() {
    phase = .resolving
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    resolver.resolve(on: context.eventLoop).whenComplete { result in
      let core = bound.value
      guard case .resolving = core.phase else { return }
      switch result {
      case .success(let addresses): core.resolved(addresses)
      case .failure(let error):
        // Connections that are there stay.
        if core.subchannels.contains(where: { !$0.isIdle }) {
          core.phase = .active
        } else {
          core.roundFailed("\(error)", startedAt: core.now)
        }
      }
    }
  }

  private func resolved(_ addresses: [SocketAddress]) {
    let known = Dictionary(subchannels.map { ($0.address, $0) }, uniquingKeysWith: { first, _ in first })
    retired.removeAll { $0.openCalls == 0 }
    for subchannel in subchannels where !addresses.contains(subchannel.address) {
      subchannel.drain()
      retired.append(subchannel)
    }
    subchannels = addresses.map { known[$0] ?? Subchannel(address: $0, settings: settings, owner: self) }
    phase = .active
    switch configuration.loadBalancing {
    case .pickFirst:
      position = 0
      tryNext()
    case .roundRobin: connectAll()
    }
  }

  /// Pick first: tries the address whose turn it is.
  private func tryNext() {
    guard position < subchannels.count else {
      return roundFailed(lastFailure, startedAt: subchannels.first?.attemptStarted ?? now)
    }
    subchannels[position].connect(keepalive: keepalive)
  }

  private func connectAll() {
    let now = now
    for subchannel in subchannels where subchannel.isIdle && subchannel.notBefore <= now {
      subchannel.connect(keepalive: keepalive)
    }
  }

  /// No address works. The next attempt comes after the back-off, if somebody waits for it.
  private func roundFailed(_ reason: String, startedAt: NIODeadline) {
    failedRounds += 1
    lastFailure = reason
    phase = .failed(reason: reason)
    let wait = configuration.backoff.wait(afterFailures: failedRounds, draw: Double.random(in: 0..<1))
    logger.debug("no connection", metadata: ["reason": "\(reason)", "retry_in_ms": "\(wait.nanoseconds / 1_000_000)"])
    retry?.cancel()
    retry = loop.scheduleTask(deadline: startedAt + wait) {
      self.retry = nil
      guard case .failed = self.phase else { return }
      self.phase = .idle
      if self.waitingCount > 0 { self.connect() }
    }
    failWaiting(Status(.unavailable, reason), all: false)
  }

  // MARK: - SubchannelOwner

  func subchannelReady(_ subchannel: Subchannel) {
    failedRounds = 0
    connectedAt = now
    if case .failed = phase { phase = .active }
    logger.debug("connected", metadata: ["address": "\(subchannel.address.plain)"])
    startWaiting()
    scheduleIdleCheck()
  }

  func subchannelHasRoom(_ subchannel: Subchannel) { startWaiting() }

  func subchannelFailed(_ subchannel: Subchannel, reason: String) {
    lastFailure = reason
    guard case .active = phase else { return }
    switch configuration.loadBalancing {
    case .pickFirst:
      position += 1
      tryNext()
    case .roundRobin:
      let wait = configuration.backoff.wait(afterFailures: subchannel.failures, draw: Double.random(in: 0..<1))
      subchannel.notBefore = subchannel.attemptStarted + wait
      let isHopeless = subchannels.allSatisfy { $0.isIdle && $0.notBefore > now }
      if isHopeless { failWaiting(Status(.unavailable, reason), all: false) }
      // The name may lead elsewhere by then.
      loop.scheduleTask(deadline: subchannel.notBefore) {
        guard subchannel.isIdle else { return }
        self.tryAgain()
      }
    }
  }

  /// Round robin: what is not connected is tried again, where the name now leads, as soon as there are calls.
  private func tryAgain() {
    lacksConnections = openCalls == 0
    if case .active = phase, !lacksConnections { resolve() }
  }

  func subchannelLost(_ subchannel: Subchannel, error: HTTP2ErrorCode) {
    if error == .enhanceYourCalm, let keepalive {
      // The server finds the PINGs too many (gRFC A8).
      self.keepalive?.time = .nanoseconds(keepalive.time.nanoseconds.multipliedReportingOverflow(by: 2).partialValue)
    }
    guard case .active = phase else { return }
    lastFailure = "the connection was lost"
    switch configuration.loadBalancing {
    case .pickFirst: if waitingCount > 0 { loop.execute { self.connect() } }
    case .roundRobin: loop.execute { self.tryAgain() }
    }
  }

  // MARK: - Idle and closed

  /// Looks whether the channel is idle, when it could be at the earliest: cheaper than a timer per call.
  private func scheduleIdleCheck() {
    guard let timeout = configuration.idleTimeout, idleTimer == nil else { return }
    let due = openCalls == 0 ? max(lastCallEnded, connectedAt) + timeout : now + timeout
    idleTimer = loop.scheduleTask(deadline: due) {
      self.idleTimer = nil
      guard case .active = self.phase else { return }
      guard self.openCalls == 0, max(self.lastCallEnded, self.connectedAt) + timeout <= self.now else {
        return self.scheduleIdleCheck()
      }
      for subchannel in self.subchannels { subchannel.drain() }
      self.subchannels = []
      self.phase = .idle
    }
  }

  /// No call begins any more; those that wait end now, the others may go on for `grace`.
  func close(grace: TimeAmount) -> EventLoopFuture<Void> {
    phase = .closed
    retry?.cancel()
    idleTimer?.cancel()
    failWaiting(Status(.unavailable, "the channel is closed"), all: true)
    let promise = context.eventLoop.makePromise(of: Void.self)
    if openCalls == 0 || grace.nanoseconds <= 0 {
      promise.succeed()
    } else {
      whenEmpty.append(promise)
      let timeout = loop.scheduleTask(in: grace) { promise.succeed() }
      promise.futureResult.whenComplete { _ in timeout.cancel() }
    }
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    return promise.futureResult.map {
      let core = bound.value
      for subchannel in core.subchannels + core.retired { subchannel.close("the channel is closed") }
      core.deadlineTimer?.task.cancel()
    }
  }
}
