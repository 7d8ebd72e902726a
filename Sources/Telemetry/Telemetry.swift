public import Jobs
import Synchronization

/// Sends traces of jobs to an OpenTelemetry collector. Whoever tells it of a step leaves a reference and goes on; all else is done by a task of its own.
public final class Telemetry: JobObserver {
  public struct Configuration: Sendable {
    /// Of the jobs whose producer says nothing of a trace, 0 to 1.
    public var ratio = 0.0
    /// What the server is, as attributes (`service.name` ...).
    public var resource: [(String, String)] = []
    public var version = ""
    /// Spans that wait at most.
    public var maxSpans = 16_384
    /// Jobs' steps that wait at most to be looked at.
    public var maxSteps = 50_000
    /// How long a batch that is not full waits for more.
    public var linger = Duration.seconds(1)
    /// Look-ups of jobs that were not seen to begin, at most in one go.
    public var maxLookUps = 500

    public init() {}
  }

  /// What is worth a line in the log.
  public enum News: Sendable, Equatable {
    /// The collector does not take spans; they are kept while there is room.
    case failing(String)
    case well
    /// So many were refused for good, with the collector's words.
    case refused(UInt64, String)
  }

  private struct Inbox {
    var steps: [JobTracer.Step] = []
    var weight = 0
    var isClosed = false
  }

  private let configuration: Configuration
  private let inbox = Mutex(Inbox())
  private let queue: SpanQueue
  private let knock: AsyncStream<Void>.Continuation
  private let knocks: AsyncStream<Void>
  private let exporter: SpanExporter
  private let lookUp: @Sendable (String) async -> JobRecord?
  private let now: @Sendable () -> Timestamp
  private let sleep: @Sendable (Duration) async throws -> Void
  private let tasks = Mutex<(tracing: Task<Void, Never>, sending: Task<Void, Never>)?>(nil)
  /// There are spans for the sender.
  private let filled: AsyncStream<Void>.Continuation
  private let fills: AsyncStream<Void>

  /// - Parameters:
  ///   - lookUp: the job as the store knows it; may take its time.
  ///   - now: wall clock time.
  ///   - sleep: for rests between requests.
  public init(
    _ configuration: Configuration, carrier: any SpanCarrier, lookUp: @escaping @Sendable (String) async -> JobRecord?,
    now: @escaping @Sendable () -> Timestamp, tell: @escaping @Sendable (News) -> Void,
    sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
  ) {
    self.configuration = configuration
    self.lookUp = lookUp
    self.now = now
    self.sleep = sleep
    queue = SpanQueue(limit: configuration.maxSpans)
    (knocks, knock) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    (fills, filled) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    exporter = SpanExporter(
      queue: queue, carrier: carrier, resource: configuration.resource, version: configuration.version,
      tell: { news in
        switch news {
        case .failing(let status): tell(.failing("\(status)"))
        case .well: tell(.well)
        case .rejected(let count, let reason): tell(.refused(count, reason))
        case .dropped(let count, let status): tell(.refused(count, "\(status)"))
        }
      })
  }

  public static var path: String { SpanExporter.path }
  public var figures: TelemetryFigures { queue.figures }

  public func start() {
    tasks.withLock { tasks in
      guard tasks == nil else { return }
      tasks = (Task { await self.trace() }, Task { await self.send() })
    }
  }

  // MARK: - Being told

  public func assigned(_ jobs: [ClaimedJob]) { put(.assigned(jobs), weight: jobs.count) }

  public func stored(_ changes: [ChangeSet]) {
    let weight = changes.reduce(0) { $0 + $1.events.count }
    if weight > 0 { put(.stored(changes, at: now()), weight: weight) }
  }

  private func put(_ step: JobTracer.Step, weight: Int) {
    let isTaken = inbox.withLock {
      guard !$0.isClosed, $0.weight + weight <= configuration.maxSteps || $0.steps.isEmpty else { return false }
      $0.steps.append(step)
      $0.weight += weight
      return true
    }
    if isTaken { knock.yield() } else { queue.drop(UInt64(weight)) }
  }

  // MARK: - Making spans

  private func trace() async {
    var tracer = JobTracer(ratio: configuration.ratio)
    for await _ in knocks {
      let steps = inbox.withLock { inbox in
        inbox.weight = 0
        let steps = inbox.steps
        inbox.steps = []
        return steps
      }
      var lookUps = 0
      for step in steps {
        var spans: [Span] = []
        for event in tracer.take(step, into: &spans) {
          lookUps += 1
          guard lookUps <= configuration.maxLookUps else {
            queue.drop(1)
            continue
          }
          if let record = await lookUp(event.jobID), let span = tracer.finish(event, record) { spans.append(span) }
        }
        if !spans.isEmpty {
          queue.add(spans)
          filled.yield()
        }
      }
    }
    filled.finish()
  }

  // MARK: - Sending them

  private func send() async {
    var exporter = exporter
    for await _ in fills {
      do {
        // In slices: a batch that fills does not wait longer.
        var slices = 10
        while queue.count < SpanExporter.batch, slices > 0, !isClosed {
          slices -= 1
          try await sleep(configuration.linger / 10)
        }
        while let rest = await exporter.step() {
          if rest > .zero { try await sleep(rest) }
        }
      } catch {
        // It ends: `stop` sends what is left.
        return
      }
    }
  }

  private var isClosed: Bool { inbox.withLock { $0.isClosed } }

  // MARK: - The end

  /// Takes no more steps, sends what is there, for so long at most, and closes the way to the collector.
  public func stop(within limit: Duration) async {
    inbox.withLock { $0.isClosed = true }
    knock.yield()
    knock.finish()
    let end = ContinuousClock.now + limit
    if let tasks = tasks.withLock({ $0.take() }) {
      await tasks.tracing.value
      tasks.sending.cancel()
      await tasks.sending.value
    }
    var last = exporter
    while ContinuousClock.now < end, await last.step(timeout: end - .now) == .zero {}
    let left = queue.count
    if left > 0 { queue.finish(left, dropped: UInt64(left)) }
    await exporter.carrier.close()
  }
}
