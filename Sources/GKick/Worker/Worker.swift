import Logging
import NIOCore
import RPC
import RPCTransport
public import ServiceLifecycle
import Synchronization

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Runs jobs. It holds one stream to the server open, is given jobs when it is free, and reports what became of them.
///
///     let worker = Worker("localhost:7450", configuration: WorkerConfiguration(queues: ["mail"], concurrency: 20))
///     worker.register(SendEmail.self)
///     try await worker.run()
///
/// It is a `Service`: a graceful shutdown lets the running jobs finish, up to ``WorkerConfiguration/drainTimeout``. A broken
/// connection is made again and the running jobs go on, as long as the server keeps them for it
/// (``WorkerConfiguration/resumeWindow``).
public final class Worker: Service, JobRegistering {
  public let endpoint: Endpoint
  public let configuration: WorkerConfiguration
  /// Names this worker on the server.
  public let id: String
  private let logger: Logger
  private let state = Mutex(State())

  private struct State {
    var registry = JobRegistry()
    var recurring: [RecurringJob] = []
    var hasRun = false
  }

  public init(_ endpoint: Endpoint, configuration: WorkerConfiguration = WorkerConfiguration()) {
    self.endpoint = endpoint
    self.configuration = configuration
    id = configuration.id ?? Self.makeID()
    var logger = configuration.logger ?? Logger(label: "gkick.worker")
    logger[metadataKey: "worker.id"] = .string(id)
    self.logger = logger
  }

  // MARK: - Before it runs

  /// Takes a handler for jobs of one name; see `register`. What is registered after `run` was called is not heard of.
  public func add(_ name: String, _ handler: @escaping @Sendable (JobContext) async throws -> JobResult) {
    state.withLock { $0.registry.add(name, handler) }
  }

  /// Takes a handler for the jobs that have none of their own: the worker then is given jobs of any name.
  public func addFallback(_ handler: @escaping @Sendable (JobContext) async throws -> JobResult) {
    state.withLock { $0.registry.addFallback(handler) }
  }

  /// Runs around every job. The first that was added is the outermost.
  public func use(_ middleware: any JobMiddleware) {
    state.withLock { $0.registry.use(middleware) }
  }

  /// Says that there is a recurring job; the server is told when the worker runs. Any number of workers may say the same: what the server has
  /// already is left alone, and so is what an operator has paused. One that is declared no longer stays until it is deleted.
  public func declare(_ recurring: RecurringJob) {
    state.withLock { $0.recurring.append(recurring) }
  }

  package var declared: [RecurringJob] { state.withLock { $0.recurring } }
  package var registry: JobRegistry { state.withLock { $0.registry } }

  // MARK: - Running

  /// Works until the task is cancelled (running jobs are cancelled and given back) or a graceful shutdown is asked for.
  /// - Throws: ``GKickError`` when the server refuses this worker or a recurring job that it declares: a bad address, no permission, an id that
  ///   another has taken, a schedule that makes no sense.
  public func run() async throws {
    let registry = try state.withLock { state in
      guard !state.hasRun else { throw GKickError(.notPossibleNow, "a worker runs once") }
      guard !state.registry.isEmpty else { throw GKickError(.invalid, "no job is registered") }
      state.hasRun = true
      return state.registry
    }
    let channel = try endpoint.makeChannel()
    let loop = channel.eventLoop
    let end = loop.makePromise(of: Void.self)
    let runner = JobRunner(
      registry: registry, workerID: id, logger: logger, maxResultBytes: configuration.maxResultBytes)
    let inside = NIOLoopBoundBox.makeBoxSendingValue(
      WorkerLoop(
        channel: channel, configuration: configuration, workerID: id, runner: runner, metadata: endpoint.metadata,
        logger: logger, end: end), eventLoop: loop)
    loop.execute { inside.value.start() }
    let declaring = Task { [declared] () -> (any Error)? in
      do {
        try await Self.declare(declared, endpoint, logger)
        return nil
      } catch {
        loop.execute { inside.value.stop() }
        return error
      }
    }
    let result = await withTaskCancellationHandler {
      await withGracefulShutdownHandler {
        await withCheckedContinuation { continuation in
          end.futureResult.whenComplete { continuation.resume(returning: $0) }
        }
      } onGracefulShutdown: {
        loop.execute { inside.value.drain() }
      }
    } onCancel: {
      loop.execute { inside.value.stop() }
    }
    declaring.cancel()
    await channel.close(grace: .milliseconds(200))
    if let error = await declaring.value as? GKickError { throw error }
    try result.get()
  }

  /// Tries until the server has been told, or refuses.
  private static func declare(_ recurring: [RecurringJob], _ endpoint: Endpoint, _ logger: Logger) async throws {
    if recurring.isEmpty { return }
    let client = try Client(endpoint)
    var failures = 0
    while true {
      do {
        try await client.recurring.declare(recurring)
        return await client.close()
      } catch let error as GKickError where [.unavailable, .timedOut, .limitReached].contains(error.code) {
        failures += 1
        logger.debug("the recurring jobs could not be declared yet", metadata: ["error": "\(error)"])
        do {
          try await Task.sleep(for: error.retryAfter ?? Reconnect.wait(afterFailures: failures))
        } catch {
          await client.close()
          throw error
        }
      } catch {
        await client.close()
        throw error
      }
    }
  }

  /// `host-pid-random`.
  private static func makeID() -> String {
    var name = [CChar](repeating: 0, count: 65)
    // `gethostname` writes at most the 64 bytes it is allowed; the last stays 0.
    let host =
      unsafe gethostname(&name, 64) == 0
      ? String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self) : "host"
    let allowed = host.filter { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "." || $0 == "_") }
    return "\(allowed.prefix(64))-\(getpid())-\(String(UInt32.random(in: 0 ... .max), radix: 16))"
  }
}
