import Tracing

/// Carries the trace from the producer to the worker in the job's metadata (W3C `traceparent`, or whatever the program's tracer
/// speaks). Costs next to nothing while no tracer is installed.
enum TraceContext {
  static func inject(into metadata: inout [String: String]) {
    guard let context = ServiceContext.current else { return }
    InstrumentationSystem.instrument.inject(context, into: &metadata, using: MetadataInjector())
  }

  static func withEnqueueSpan<Value: Sendable>(
    _ request: JobRequest, _ body: (JobRequest) async throws -> Value
  ) async throws -> Value {
    if InstrumentationSystem.tracer is NoOpTracer {
      var request = request
      inject(into: &request.metadata)
      return try await body(request)
    }
    return try await withSpan("enqueue \(request.name)", ofKind: .producer) { span in
      span.attributes["messaging.system"] = "gkick"
      span.attributes["messaging.destination.name"] = request.queue
      var request = request
      InstrumentationSystem.instrument.inject(span.context, into: &request.metadata, using: MetadataInjector())
      return try await body(request)
    }
  }

  /// The context that the job's producer ran in.
  static func extract(from metadata: [String: String]) -> ServiceContext {
    var context = ServiceContext.topLevel
    InstrumentationSystem.instrument.extract(metadata, into: &context, using: MetadataExtractor())
    return context
  }

  private struct MetadataInjector: Injector {
    func inject(_ value: String, forKey key: String, into carrier: inout [String: String]) { carrier[key] = value }
  }

  private struct MetadataExtractor: Extractor {
    func extract(key: String, from carrier: [String: String]) -> String? { carrier[key] }
  }
}
