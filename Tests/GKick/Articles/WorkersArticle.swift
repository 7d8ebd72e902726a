import GKick
import Logging
import ServiceLifecycle
import Synchronization
import Testing

/// The code of Workers.md, compiled and run.
@Suite(.timeLimit(.minutes(1))) struct WorkersArticle {
  @Test func aServiceThatTakesQueuesInOrder() async throws {
    try await withServer { server, client in
      let low = try await client.enqueue(Work(text: "low"))
      let high = try await client.enqueue(Work(text: "high"), options: JobOptions(queue: "critical"))
      let order = Mutex<[String]>([])

      var configuration = WorkerConfiguration(queues: ["critical", "default"], concurrency: 20)
      configuration.labels["region"] = "eu"
      configuration.concurrency = 1
      let worker = Worker(server.endpoint, configuration: configuration)
      worker.register(Work.self) { job, _ in order.withLock { $0.append(job.text) } }
      let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

      let group = ServiceGroup(
        configuration: .init(
          services: [worker], gracefulShutdownSignals: [.sigterm], cancellationSignals: [.sigint], logger: logger))
      let run = Task {
        try await group.run()
      }
      try await low.wait(timeout: .seconds(30))
      try await high.wait(timeout: .seconds(30))
      #expect(order.withLock { $0 } == ["high", "low"])
      await group.triggerGracefulShutdown()
      try await run.value
    }
  }

  @Test func progressIsSeen() async throws {
    try await withServer { server, client in
      let gate = Mutex(false)
      let worker = Worker(server.endpoint)
      worker.register(Work.self) { _, context in
        context.progress(40, "4 of 10 pages")
        while !gate.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(5)) }
      }
      try await withWorker(worker) {
        var events = client.events(after: "0", kinds: [.progress]).makeAsyncIterator()
        let job = try await client.enqueue(Work())
        let event = try await events.next()
        #expect(event?.jobID == job.id)
        #expect(event?.progress?.percent == 40)
        #expect(try await job.info().progress?.message == "4 of 10 pages")
        gate.withLock { $0 = true }
        try await job.value(timeout: .seconds(30))
      }
    }
  }

  struct Timing: JobMiddleware {
    func run(_ context: JobContext, next: JobMiddleware.Next) async throws -> JobResult {
      let start = ContinuousClock.now
      defer { context.logger.info("took \(ContinuousClock.now - start)") }
      return try await next(context)
    }
  }

  @Test func middlewareAndWhatTheLogBears() async throws {
    try await withServer { server, client in
      let lines = LogLines()
      let worker = server.worker(configure: { $0.logger = lines.logger }) { $0.register(Greet.self) }
      worker.use(Timing())
      try await withWorker(worker) {
        let job = try await client.enqueue(Greet(who: "x"))
        _ = try await job.value(timeout: .seconds(30))
        let line = try #require(lines.all.first { $0.text.hasPrefix("took ") })
        #expect(line.metadata["job.id"] == "\(job.id)")
        #expect(line.metadata["job.name"] == "greet")
        #expect(line.metadata["job.queue"] == "default")
        #expect(line.metadata["job.attempt"] == "1")
        #expect(line.metadata["worker.id"] == "\(worker.id)")
      }
    }
  }
}

/// Keeps what is logged.
final class LogLines: Sendable {
  struct Line: Sendable {
    var text: String
    var metadata: [String: String]
  }
  private let lines = Mutex<[Line]>([])
  var all: [Line] { lines.withLock { $0 } }
  var logger: Logger { Logger(label: "test", factory: { _ in Handler(lines: self) }) }

  private struct Handler: LogHandler {
    let lines: LogLines
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      let all = metadata.merging(event.metadata ?? [:]) { $1 }
      let line = Line(text: "\(event.message)", metadata: all.mapValues { "\($0)" })
      lines.lines.withLock { $0.append(line) }
    }
  }
}
