import GKick
import Instrumentation
import Metrics
import MetricsTestKit
import Synchronization
import Testing
import Tracing

/// What travels from the producer to the worker, and what the worker measures. Both are set once for the whole process, so they do nothing for
/// the jobs of other tests.
@Suite(.timeLimit(.minutes(1))) struct PropagationTests {
  private static let metrics: TestMetrics = {
    let metrics = TestMetrics()
    MetricsSystem.bootstrap(metrics)
    InstrumentationSystem.bootstrap(TraceParent())
    return metrics
  }()

  @Test func theTraceGoesOnInTheWorker() async throws {
    _ = Self.metrics
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    let seen = Mutex<[String?]>([])
    try await withServer { server, client in
      let worker = server.worker { worker in
        worker.register(Work.self) { _, _ in
          seen.withLock { $0.append(ServiceContext.current?[TraceParent.Key.self]) }
        }
      }
      var context = ServiceContext.topLevel
      context[TraceParent.Key.self] = parent
      let job = try await ServiceContext.withValue(context) { try await client.enqueue(Work()) }
      // As any producer in any language sends it.
      #expect(try await job.info().metadata["traceparent"] == parent)
      let batch = try await ServiceContext.withValue(context) { try await client.enqueue(batch: [Work()]) }
      let foreign = try await client.enqueue(
        UntypedJob(name: Work.name, payload: Array(#"{"text":""}"#.utf8)),
        options: JobOptions(metadata: ["traceparent": parent]))
      let none = try await client.enqueue(Work())
      try await withWorker(worker) {
        try await job.value(timeout: .seconds(30))
        try await batch.wait()
        #expect(try await client.wait(for: foreign, timeout: .seconds(30)).state == .succeeded)
        try await none.value(timeout: .seconds(30))
      }
    }
    #expect(seen.withLock { $0.compactMap(\.self) } == [parent, parent, parent])
    #expect(seen.withLock { $0.count } == 4)
  }

  struct Measured: JobParameters {
    static let name = "measured"
    static var retry: RetryPolicy { .never }
    var fails: Bool
  }

  @Test func jobsAreCountedAndTimed() async throws {
    let metrics = Self.metrics
    struct Broken: Error {}
    try await withServer { server, client in
      let worker = server.worker { worker in
        worker.register(Measured.self) { job, _ in if job.fails { throw Broken() } }
      }
      try await withWorker(worker) {
        for fails in [false, true, false] {
          try await client.enqueue(Measured(fails: fails)).wait(timeout: .seconds(30))
        }
      }
    }
    for (outcome, count) in [("succeeded", 2), ("failed", 1)] {
      let counter = try metrics.expectCounter("gkick_worker_jobs_total", [("name", "measured"), ("outcome", outcome)])
      #expect(counter.totalValue == Int64(count))
    }
    #expect(try metrics.expectTimer("gkick_worker_job_duration", [("name", "measured")]).values.count == 3)
  }

  /// Keys in reverse, to be sure that it is this codec that was used.
  struct Backwards: JobCodec {
    var contentType: String { "text/x-backwards" }
    func encode<Value: Encodable>(_ value: Value) throws -> [UInt8] { try JSONCodec().encode(value).reversed() }
    func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
      try JSONCodec().decode(type, from: bytes.reversed())
    }
  }

  struct Encoded: Job {
    static let name = "encoded"
    static var codec: any JobCodec { Backwards() }
    var text: String
    func run(_ context: JobContext) async throws -> [String] { [text, context.contentType] }
  }

  @Test func aCodecOfOnesOwn() async throws {
    try await withServer { server, client in
      let worker = server.worker { $0.register(Encoded.self) }
      try await withWorker(worker) {
        let job = try await client.enqueue(Encoded(text: "abc"))
        #expect(try await job.value(timeout: .seconds(30)) == ["abc", "text/x-backwards"])
        #expect(try await job.info().payload == Array(#"}"cba":"txet"{"#.utf8))
      }
    }
  }
}

/// W3C trace context, as far as a header that is passed on.
struct TraceParent: Instrument {
  enum Key: ServiceContextKey {
    typealias Value = String
  }

  func inject<Carrier, Inject: Injector>(_ context: ServiceContext, into carrier: inout Carrier, using injector: Inject)
  where Inject.Carrier == Carrier {
    if let parent = context[Key.self] { injector.inject(parent, forKey: "traceparent", into: &carrier) }
  }

  func extract<Carrier, Extract: Extractor>(
    _ carrier: Carrier, into context: inout ServiceContext, using extractor: Extract
  ) where Extract.Carrier == Carrier {
    context[Key.self] = extractor.extract(key: "traceparent", from: carrier)
  }
}
