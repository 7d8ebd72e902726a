import Jobs
import Logging
import NIOCore
import RPC
import RPCTransport
import Wire

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A worker's life on its event loop: the Work stream, heartbeats, reconnecting, the tasks of its jobs. Confined to the loop.
final class WorkerLoop: ClientCallHandler {
  private let channel: any CallOpener
  private let configuration: WorkerConfiguration
  private let workerID: String
  private let runner: JobRunner
  private let metadata: Metadata
  private let logger: Logger
  private let wallClock: @Sendable () -> Timestamp
  private let codec = Codec()
  private var machine = WorkerMachine()
  private var outbox: WorkerOutbox?
  private var tasks: [UInt64: Task<Void, Never>] = [:]
  private var deadlines: [UInt64: Scheduled<Void>] = [:]

  private var call: ClientCall?
  private var heartbeat: Scheduled<Void>?
  private var heartbeatInterval = TimeAmount.seconds(10)
  private var lease = TimeAmount.seconds(30)
  private var lastSent: NIODeadline
  private var lastReceived: NIODeadline
  private var failures = 0
  /// Why there was no connection, since there was one.
  private var saidReasons: Set<String> = []
  private var reconnect: Scheduled<Void>?
  private var limit: Scheduled<Void>?
  private var isStopping = false
  private let end: EventLoopPromise<Void>
  private var hasEnded = false

  /// - Parameter wallClock: this machine's; what jobs' deadlines are told by.
  init(
    channel: any CallOpener, configuration: WorkerConfiguration, workerID: String, runner: JobRunner,
    metadata: Metadata, logger: Logger, end: EventLoopPromise<Void>,
    wallClock: @escaping @Sendable () -> Timestamp = { Timestamp.now() }
  ) {
    self.wallClock = wallClock
    lastSent = channel.eventLoop.now
    lastReceived = channel.eventLoop.now
    self.channel = channel
    self.configuration = configuration
    self.workerID = workerID
    self.runner = runner
    self.metadata = metadata
    self.logger = logger
    self.end = end
  }

  private var loop: NIOIsolatedEventLoop { channel.eventLoop.assumeIsolated() }
  private var now: NIODeadline { channel.eventLoop.now }

  // MARK: - From outside

  func start() {
    let bound = NIOLoopBound(self, eventLoop: channel.eventLoop)
    outbox = WorkerOutbox(loop: channel.eventLoop) { bound.value.fetchOutbox() }
    connect()
  }

  /// Takes no more jobs and ends when the running ones have; after `drainTimeout` those are given back.
  func drain() {
    guard !machine.isDraining, !hasEnded else { return }
    logger.info("draining", metadata: ["running": "\(machine.runningCount)"])
    machine.drain()
    if machine.heldCount == 0, call == nil || !machine.isWelcome { return finish(.success(())) }
    limit = loop.scheduleTask(in: TimeAmount(configuration.drainTimeout)) { self.stop() }
    flush()
  }

  /// Cancels what runs, gives it back, and ends soon, whatever the server says.
  func stop() {
    guard !isStopping, !hasEnded else { return }
    isStopping = true
    machine.drain()
    perform(machine.stopAll(.shutdown))
    flush()
    limit?.cancel()
    limit = loop.scheduleTask(in: TimeAmount(configuration.stopTimeout)) { self.finish(.success(())) }
    if machine.heldCount == 0, call == nil || !machine.isWelcome { finish(.success(())) }
  }

  // MARK: - The stream

  private func connect() {
    reconnect = nil
    guard !hasEnded else { return }
    let bound = NIOLoopBound(self, eventLoop: channel.eventLoop)
    // It does not wait for a connection: why there is none is told, and this loop tries again.
    channel.open(
      "/gkick.v1.WorkerService/Work", metadata: metadata, options: CallOptions(waitForReady: false)
    ) { bound.value }
  }

  func started(call: ClientCall) {
    self.call = call
    lastSent = now
    lastReceived = now
    let hello = hello(held: machine.connecting())
    let size = codec.encodeWorkRequest(hello: hello)
    call.send { codec.write(size, into: &$0) }
    // A server that never greets is as dead as one that falls silent.
    scheduleHeartbeat()
  }

  private func hello(held: [Lease]) -> WorkerHello {
    var labels = configuration.labels
    labels["pid"] = labels["pid"] ?? "\(getpid())"
    labels["sdk"] = labels["sdk"] ?? "swift"
    let window = configuration.resumeWindow
    return WorkerHello(
      workerID: workerID,
      subscriptions: configuration.queues.map {
        Subscription(pattern: QueuePattern($0.name), weight: UInt32(clamping: $0.weight))
      },
      names: runner.names, maxInFlight: UInt32(clamping: max(1, configuration.concurrency)),
      maxInFlightBytes: UInt64(clamping: max(0, configuration.maxPayloadBytes)),
      resumeWindow: window > .zero ? window.interval : nil, labels: labels, held: held)
  }

  func message(_ message: ByteBuffer, call: ClientCall) {
    guard call === self.call else { return }
    lastReceived = now
    let response: WorkResponseInfo
    do {
      response = try codec.decodeWorkResponse(message.readableBytesSpan)
    } catch {
      logger.error("the server's message cannot be read", metadata: ["error": "\(error)"])
      return call.cancel(Status(.internal, "unreadable message"))
    }
    if let welcome = response.welcome { welcomed(welcome) }
    perform(machine.received(response))
    if response.drain { logger.info("the server drains: finishing what runs") }
  }

  private func welcomed(_ welcome: WelcomeInfo) {
    failures = 0
    saidReasons = []
    heartbeatInterval = Self.amount(welcome.heartbeat, atLeast: .milliseconds(20), else: .seconds(10))
    lease = Self.amount(welcome.lease, atLeast: heartbeatInterval, else: .seconds(30))
    logger.info(
      "working",
      metadata: ["server": "\(welcome.serverID)", "held": "\(machine.heldCount)", "lost": "\(welcome.lost.count)"])
    configuration.onConnection?(.connected(serverID: welcome.serverID))
    scheduleHeartbeat()
  }

  private static func amount(_ interval: Interval, atLeast least: TimeAmount, else other: TimeAmount) -> TimeAmount {
    interval.microseconds > 0 ? max(least, .microseconds(interval.microseconds)) : other
  }

  func readComplete(call: ClientCall) {
    if call === self.call { flush() }
  }

  func writable(call: ClientCall) {
    if call === self.call { flush() }
  }

  func ended(_ status: Status, trailers: Metadata, call: ClientCall) {
    guard call === self.call else { return }
    self.call = nil
    let wasWelcome = machine.isWelcome
    machine.disconnected()
    heartbeat?.cancel()
    if hasEnded { return }
    if machine.isDraining, machine.heldCount == 0 { return finish(.success(())) }
    switch status.code {
    case .aborted:
      return finish(
        .failure(GKickError(.notPossibleNow, "another worker has taken the id \(workerID): \(status.message)")))
    case .invalidArgument, .unauthenticated, .permissionDenied, .unimplemented, .failedPrecondition:
      if !wasWelcome { return finish(.failure(GKickError(status))) }
    default: break
    }
    failures += 1
    let wait =
      status.retryPushback.map { TimeAmount.milliseconds(max(0, $0)) }
      ?? TimeAmount(Reconnect.wait(afterFailures: failures))
    // Once for each reason; who is told by the callback says it in words of its own.
    let isNews = saidReasons.insert(status.message).inserted && !status.isOK && configuration.onConnection == nil
    logger.log(
      level: isNews ? .warning : .info, "the stream ended",
      metadata: ["status": "\(status.code)", "reason": "\(status.message)", "running": "\(machine.runningCount)"])
    configuration.onConnection?(.lost(GKickError(status)))
    reconnect = loop.scheduleTask(in: wait) { self.connect() }
  }

  // MARK: - Sending

  private func flush() {
    guard let call, call.isOpen else { return }
    while call.isWritable, let message = machine.nextMessage() { send(message, call) }
    if machine.isDraining, machine.heldCount == 0, isStopping { finish(.success(())) }
  }

  private func send(_ message: WorkerMessage, _ call: ClientCall) {
    let size = codec.encodeWorkRequest(message)
    call.send { codec.write(size, into: &$0) }
    lastSent = now
  }

  private func scheduleHeartbeat() {
    heartbeat?.cancel()
    // Twice as often as asked for, so that a late timer is still in time.
    let due = now + .nanoseconds(heartbeatInterval.nanoseconds / 2)
    heartbeat = loop.scheduleTask(deadline: due) { self.heartbeat(due: due) }
  }

  private func heartbeat(due: NIODeadline) {
    guard let call, call.isOpen else { return }
    let now = now
    // That late, this process has itself been away, suspended or busy: what the server said may lie in the socket.
    if due + heartbeatInterval <= now { lastReceived = now }
    // HTTP/2 PINGs do not count: proxies answer them.
    if lastReceived + lease < now {
      return call.giveUpConnection("nothing heard from the server for a whole lease")
    }
    machine.resend()
    flush()
    if machine.isWelcome, now - lastSent >= .nanoseconds(heartbeatInterval.nanoseconds / 2 - 1_000_000) {
      send(WorkerMessage(), call)
    }
    scheduleHeartbeat()
  }

  // MARK: - Jobs

  private func perform(_ actions: [WorkerMachine.Action]) {
    for action in actions {
      switch action {
      case .start(let lease, let given):
        start(Assignment(given), lease.token)
      case .stop(let token, let reason):
        logger.debug("stopping a job", metadata: ["token": "\(token)", "reason": "\(reason)"])
        tasks[token]?.cancel()
        if reason == .leaseLost { forget(token) }
      }
    }
  }

  private func start(_ assignment: Assignment, _ token: UInt64) {
    guard let outbox else { return }
    let runner = runner
    tasks[token] = Task {
      outbox.finished(token, await runner.run(assignment, reports: outbox))
    }
    if isStopping, let action = machine.stop(token, .shutdown) { perform([action]) }
    guard let deadline = assignment.given.deadline else { return }
    let left = deadline - wallClock()
    // The server says when the time is over; this is for when it cannot. A deadline that is past already shows that the clocks differ.
    guard left.microseconds > 0 else { return }
    deadlines[token] = loop.scheduleTask(in: .microseconds(left.microseconds) + .seconds(1)) {
      if let action = self.machine.stop(token, .timeout) { self.perform([action]) }
    }
  }

  private func fetchOutbox() {
    guard let content = outbox?.take() else { return }
    for report in content.progress { machine.progressed(report.token, percent: report.percent, report.message) }
    for (token, how) in content.finished {
      forget(token)
      machine.finished(token, how)
    }
    flush()
    if machine.isDraining, machine.runningCount == 0, call == nil, isStopping { finish(.success(())) }
  }

  private func forget(_ token: UInt64) {
    tasks[token] = nil
    if !deadlines.isEmpty { deadlines.removeValue(forKey: token)?.cancel() }
  }

  // MARK: - The end

  private func finish(_ result: Result<Void, any Error>) {
    guard !hasEnded else { return }
    hasEnded = true
    limit?.cancel()
    heartbeat?.cancel()
    reconnect?.cancel()
    for task in tasks.values { task.cancel() }
    if let call {
      // What is left to be read is not wanted any more; what was sent is.
      call.halfClose()
      self.call = nil
    }
    end.completeWith(result)
  }
}

extension Timestamp {
  /// By this machine's clock.
  static func now() -> Timestamp {
    var time = timespec()
    // Fills the struct that it is given.
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000)
  }
}
