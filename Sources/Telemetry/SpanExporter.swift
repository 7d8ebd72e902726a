public import RPC

/// How one request goes to the collector.
public protocol SpanCarrier: Sendable {
  /// The path is `SpanExporter.path`.
  /// - Returns: the answer's bytes. Throws a `Status`.
  func send(_ request: [UInt8], timeout: Duration) async throws(Status) -> [UInt8]
  func close() async
}

/// Sends what is in the queue, in batches, one after the other; sends again what the collector could not take, later and later.
struct SpanExporter: Sendable {
  static let path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
  /// Spans of one request.
  static let batch = 512
  /// For one request.
  static let timeout = Duration.seconds(10)
  private static let firstRest = Duration.milliseconds(500)
  private static let longestRest = Duration.seconds(30)

  /// What it tells, when it changes.
  enum News: Sendable, Equatable {
    case failing(Status)
    case well
    case rejected(UInt64, String)
    case dropped(UInt64, Status)
  }

  let queue: SpanQueue
  let carrier: any SpanCarrier
  let resource: [(String, String)]
  let version: String
  let tell: @Sendable (News) -> Void
  /// 0 to 1, for spreading.
  let draw: @Sendable () -> Double

  private(set) var failures = 0

  init(
    queue: SpanQueue, carrier: any SpanCarrier, resource: [(String, String)], version: String,
    tell: @escaping @Sendable (News) -> Void, draw: @escaping @Sendable () -> Double = { .random(in: 0...1) }
  ) {
    self.queue = queue
    self.carrier = carrier
    self.resource = resource
    self.version = version
    self.tell = tell
    self.draw = draw
  }

  /// Sends one batch, if there is one.
  /// - Returns: how long to rest before the next; nil: none waits.
  mutating func step(timeout: Duration = Self.timeout) async -> Duration? {
    let spans = queue.peek(Self.batch)
    if spans.isEmpty { return nil }
    do throws(Status) {
      let request: [UInt8]
      do {
        request = try SpanMessages.request(spans, resource: resource, version: version)
      } catch {
        throw Status(.internal, "\(error)")
      }
      let (rejected, reason) = SpanMessages.rejected(try await carrier.send(request, timeout: timeout))
      queue.finish(spans.count, rejected: rejected)
      if rejected > 0 { tell(.rejected(rejected, reason)) }
      if failures > 0 { tell(.well) }
      failures = 0
      return queue.count > 0 ? .zero : nil
    } catch {
      guard Self.isPassing(error.code) else {
        queue.finish(spans.count, dropped: UInt64(spans.count))
        tell(.dropped(UInt64(spans.count), error))
        return .zero
      }
      failures += 1
      if failures == 1 { tell(.failing(error)) }
      // Half of it is drawn, so that many servers do not come back together.
      let rest = min(Self.firstRest * (1 << min(failures - 1, 10)), Self.longestRest)
      return rest * (0.5 + draw() / 2)
    }
  }

  /// The codes after which OTLP wants it to be tried again (OTLP specification, "OTLP/gRPC Response").
  private static func isPassing(_ code: StatusCode) -> Bool {
    switch code {
    case .cancelled, .deadlineExceeded, .aborted, .outOfRange, .unavailable, .dataLoss, .resourceExhausted: true
    default: false
    }
  }
}
