import Jobs
import Logging
import Metrics
import Tracing

/// Runs one job at a time per call: handler, middleware, trace, log, metrics; turns what was thrown into an outcome.
package struct JobRunner: Sendable {
  private let handlers: [String: JobRegistry.Handler]
  private let fallback: JobRegistry.Handler?
  private let metrics: [String: JobMetrics]
  private let logger: Logger
  private let workerID: String
  private let isTraced: Bool
  private let maxResultBytes: Int

  package init(registry: JobRegistry, workerID: String, logger: Logger, maxResultBytes: Int = .max) {
    self.maxResultBytes = maxResultBytes
    var handlers: [String: JobRegistry.Handler] = [:]
    for name in registry.handlers.keys { handlers[name] = registry.chain(name) }
    self.handlers = handlers
    fallback = registry.fallbackChain
    metrics = Dictionary(uniqueKeysWithValues: handlers.keys.map { ($0, JobMetrics(name: $0)) })
    self.workerID = workerID
    self.logger = logger
    isTraced = !(InstrumentationSystem.tracer is NoOpTracer)
  }

  /// The names it has a handler for; empty: it runs any.
  package var names: [String] { fallback == nil ? handlers.keys.sorted() : [] }

  package func run(_ assignment: Assignment, reports: any ProgressSink) async -> WorkerOutcome.How {
    let context = JobContext(assignment, workerID: workerID, logger: logger, reports: reports)
    guard let handler = handlers[assignment.given.name] ?? fallback else {
      return .failure(
        Failure(type: "UnknownJob", message: "this worker has no handler for \(assignment.given.name)", retryable: true)
      )
    }
    let start = ContinuousClock.now
    let outcome: WorkerOutcome.How
    do {
      let result =
        isTraced || !assignment.given.metadata.isEmpty
        ? try await traced(context, handler) : try await handler(context)
      guard result.bytes.count <= maxResultBytes else {
        throw ResultTooLarge(size: result.bytes.count, limit: maxResultBytes)
      }
      outcome = .success(result: result.bytes)
    } catch {
      outcome = Self.outcome(of: error)
      log(error, context)
    }
    metrics[assignment.given.name]?.record(outcome, ContinuousClock.now - start)
    return outcome
  }

  private func traced(_ context: JobContext, _ handler: JobRegistry.Handler) async throws -> JobResult {
    let producer = TraceContext.extract(from: context.metadata)
    guard isTraced else {
      return try await ServiceContext.withValue(producer) { try await handler(context) }
    }
    return try await withSpan("run \(context.name)", context: producer, ofKind: .consumer) { span in
      span.attributes["messaging.system"] = "gkick"
      span.attributes["messaging.destination.name"] = context.queue
      span.attributes["messaging.message.id"] = context.id
      span.attributes["gkick.job.attempt"] = context.attempt
      return try await handler(context)
    }
  }

  /// What a thrown error means.
  static func outcome(of error: any Error) -> WorkerOutcome.How {
    switch error {
    case let snooze as Snooze:
      return .release(delay: snooze.delay.interval)
    case let discard as Discard:
      return .failure(Failure(type: "Discard", message: discard.reason, retryable: false))
    case let later as RetryLater:
      return .failure(Failure(type: "RetryLater", message: later.reason, retryable: true))
    case let unreadable as UnreadableParameters:
      return .failure(Failure(type: "UnreadableParameters", message: "\(unreadable)", retryable: false))
    default:
      return .failure(Failure(type: "\(type(of: error))", message: "\(error)", retryable: true))
    }
  }

  private func log(_ error: any Error, _ context: JobContext) {
    switch error {
    case is Snooze, is RetryLater, is CancellationError:
      context.logger.info("\(context.name): \(error)")
    default:
      context.logger.error(
        context.isLastAttempt ? "\(context.name) failed, for the last time" : "\(context.name) failed",
        metadata: ["error": "\(error)", "error.type": "\(type(of: error))"])
    }
  }
}

/// What a worker measures of one kind of job.
struct JobMetrics: Sendable {
  private let succeeded: Counter
  private let failed: Counter
  private let released: Counter
  private let duration: Metrics.Timer

  init(name: String) {
    func counter(_ outcome: String) -> Counter {
      Counter(label: "gkick_worker_jobs_total", dimensions: [("name", name), ("outcome", outcome)])
    }
    succeeded = counter("succeeded")
    failed = counter("failed")
    released = counter("released")
    duration = Metrics.Timer(label: "gkick_worker_job_duration", dimensions: [("name", name)])
  }

  func record(_ outcome: WorkerOutcome.How, _ time: Duration) {
    switch outcome {
    case .success: succeeded.increment()
    case .failure: failed.increment()
    case .release, .canceled, .refused: released.increment()
    }
    duration.recordNanoseconds(time.components.seconds * 1_000_000_000 + time.components.attoseconds / 1_000_000_000)
  }
}
