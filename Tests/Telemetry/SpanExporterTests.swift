import Jobs
import OTLPMessages
import RPC
import SwiftProtobuf
import Synchronization
import Testing

@testable import Telemetry

/// A collector that answers what it is told to.
private final class Collector: SpanCarrier {
  private let state = Mutex((answers: [Result<[UInt8], Status>](), requests: [[UInt8]](), isClosed: false))

  init(_ answers: [Result<[UInt8], Status>] = []) { state.withLock { $0.answers = answers } }

  func send(_ request: [UInt8], timeout: Duration) async throws(Status) -> [UInt8] {
    let answer = state.withLock { state -> Result<[UInt8], Status> in
      state.requests.append(request)
      return state.answers.isEmpty ? .success([]) : state.answers.removeFirst()
    }
    return try answer.get()
  }

  func close() async { state.withLock { $0.isClosed = true } }

  var isClosed: Bool { state.withLock { $0.isClosed } }

  /// The spans' names, request by request.
  func names() throws -> [[String]] {
    try state.withLock { $0.requests }.map {
      try Opentelemetry_Proto_Collector_Trace_V1_ExportTraceServiceRequest(serializedBytes: $0)
        .resourceSpans.flatMap { $0.scopeSpans.flatMap { $0.spans.map(\.name) } }
    }
  }
}

private func spans(_ count: Int, _ prefix: String = "s") -> [Span] {
  (0..<count).map {
    Span(
      traceHigh: 1, traceLow: 2, id: UInt64($0 + 1), parent: 0, name: "\(prefix)\($0)", kind: .internal,
      start: Timestamp(seconds: 1), end: Timestamp(seconds: 2))
  }
}

@Suite struct SpanExporterTests {
  private func exporter(_ queue: SpanQueue, _ collector: Collector, _ told: News) -> SpanExporter {
    SpanExporter(
      queue: queue, carrier: collector, resource: [("service.name", "gkick")], version: "1", tell: { told.add($0) },
      draw: { 1 })
  }

  private final class News: Sendable {
    private let list = Mutex<[SpanExporter.News]>([])
    func add(_ one: SpanExporter.News) { list.withLock { $0.append(one) } }
    var all: [SpanExporter.News] { list.withLock { $0 } }
  }

  @Test func goesInBatchesInOrder() async throws {
    let queue = SpanQueue(limit: 2_000)
    let collector = Collector()
    queue.add(spans(700))
    var exporter = exporter(queue, collector, News())
    #expect(await exporter.step() == .zero)
    #expect(await exporter.step() == nil)
    #expect(await exporter.step() == nil)
    let names = try collector.names()
    #expect(names.map(\.count) == [512, 188])
    #expect(names.flatMap(\.self) == spans(700).map(\.name))
    #expect(queue.figures == TelemetryFigures(waiting: 0, sent: 700, dropped: 0, rejected: 0))
  }

  @Test func whatHasNoRoomIsCounted() {
    let queue = SpanQueue(limit: 10)
    queue.add(spans(8))
    queue.add(spans(8))
    #expect(queue.figures == TelemetryFigures(waiting: 10, sent: 0, dropped: 6, rejected: 0))
  }

  @Test func triesAgainLaterAndLaterAndTellsOnce() async throws {
    let queue = SpanQueue(limit: 10)
    let away = Status(.unavailable, "away")
    let collector = Collector(Array(repeating: .failure(away), count: 9))
    queue.add(spans(3))
    let told = News()
    var exporter = exporter(queue, collector, told)
    var rests: [Duration?] = []
    for _ in 0..<9 { rests.append(await exporter.step()) }
    #expect(rests == [0.5, 1, 2, 4, 8, 16, 30, 30, 30].map { .seconds($0) })
    #expect(told.all == [.failing(away)] && queue.count == 3)
    #expect(await exporter.step() == nil)
    #expect(told.all == [.failing(away), .well])
    #expect(queue.figures.sent == 3)
    // From the beginning again.
    #expect(exporter.failures == 0)
  }

  @Test func whatIsRefusedForGoodIsDropped() async throws {
    let queue = SpanQueue(limit: 10)
    let refusal = Status(.invalidArgument, "no")
    let collector = Collector([.failure(refusal)])
    queue.add(spans(3))
    let told = News()
    var exporter = exporter(queue, collector, told)
    #expect(await exporter.step() == .zero)
    #expect(queue.figures == TelemetryFigures(waiting: 0, sent: 0, dropped: 3, rejected: 0))
    #expect(told.all == [.dropped(3, refusal)])
  }

  @Test func whatTheCollectorRejectsIsCounted() async throws {
    let queue = SpanQueue(limit: 10)
    var answer = Opentelemetry_Proto_Collector_Trace_V1_ExportTraceServiceResponse()
    answer.partialSuccess.rejectedSpans = 2
    answer.partialSuccess.errorMessage = "too old"
    let collector = Collector([.success(try answer.serializedBytes())])
    queue.add(spans(3))
    let told = News()
    var exporter = exporter(queue, collector, told)
    _ = await exporter.step()
    #expect(queue.figures == TelemetryFigures(waiting: 0, sent: 1, dropped: 0, rejected: 2))
    #expect(told.all == [.rejected(2, "too old")])
  }

  @Test func aSpanIsWrittenAsOTLPHasIt() throws {
    var span = spans(1)[0]
    span.parent = 0x0102_0304_0506_0708
    span.texts = [("a", "b")]
    span.numbers = [("n", 3)]
    span.state = "k=v"
    span.failure = Failure(type: "T", message: String(repeating: "é", count: 2_000), backtrace: "x")
    let request = try Opentelemetry_Proto_Collector_Trace_V1_ExportTraceServiceRequest(
      serializedBytes: SpanMessages.request([span], resource: [("service.name", "gkick")], version: "9"))
    let batch = try #require(request.resourceSpans.first)
    #expect(batch.resource.attributes.map(\.value.stringValue) == ["gkick"])
    #expect(batch.scopeSpans[0].scope.version == "9")
    let message = batch.scopeSpans[0].spans[0]
    #expect(Array(message.traceID) == [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2])
    #expect(Array(message.parentSpanID) == [1, 2, 3, 4, 5, 6, 7, 8] && message.traceState == "k=v")
    #expect(message.startTimeUnixNano == 1_000_000_000 && message.endTimeUnixNano == 2_000_000_000)
    #expect(message.attributes.map(\.key) == ["a", "n", "error.type"])
    #expect(message.status.code == .error && message.status.message.utf8.count <= 1_030)
    #expect(message.events.map(\.name) == ["exception"])
  }
}

@Suite struct TelemetryTests {
  /// Steps, given as the engine and the storage give them, arrive; what is there at the end is flushed.
  @Test(.timeLimit(.minutes(1))) func theEndSendsWhatIsThere() async throws {
    let collector = Collector()
    var configuration = Telemetry.Configuration()
    configuration.ratio = 1
    configuration.linger = .seconds(3_600)
    let telemetry = Telemetry(
      configuration, carrier: collector, lookUp: { _ in nil }, now: { Timestamp(seconds: 5) }, tell: { _ in })
    telemetry.start()
    for number in 0..<600 {
      var set = ChangeSet(number: 1, now: Timestamp(seconds: 4), durability: .synced)
      let job = NewJob(id: "j\(number)", queue: "q", name: "n")
      set.jobs = [
        JobChange(
          head: JobHead(seq: 1, job: job, isChosen: true, createdAt: Timestamp(seconds: 4)),
          standing: JobStanding(state: .ready, runAt: Timestamp(seconds: 4)), isNew: true, body: [])
      ]
      set.events = [Event(kind: .enqueued, at: Timestamp(seconds: 4), jobID: "j\(number)")]
      telemetry.stored([set])
    }
    await telemetry.stop(within: .seconds(30))
    #expect(Set(try collector.names().flatMap(\.self)) == ["enqueue n"])
    #expect(telemetry.figures.sent == 600 && telemetry.figures.waiting == 0 && collector.isClosed)
    // What comes later is dropped, and counted.
    telemetry.assigned([])
    telemetry.stored([])
    #expect(telemetry.figures.dropped == 0)
  }

  @Test(.timeLimit(.minutes(1))) func aCollectorThatIsAwayHoldsNothingUp() async {
    let collector = Collector(Array(repeating: .failure(Status(.unavailable, "away")), count: 10_000))
    var configuration = Telemetry.Configuration()
    configuration.ratio = 1
    configuration.maxSteps = 10
    let telemetry = Telemetry(
      configuration, carrier: collector, lookUp: { _ in nil }, now: { Timestamp(seconds: 5) }, tell: { _ in })
    // Nobody takes steps yet: what is over the bound is dropped at once.
    var set = ChangeSet(number: 1, now: Timestamp(seconds: 4), durability: .synced)
    set.events = (0..<8).map { Event(kind: .enqueued, at: Timestamp(seconds: 4), jobID: "j\($0)") }
    telemetry.stored([set])
    telemetry.stored([set])
    #expect(telemetry.figures.dropped == 8)
    telemetry.start()
    await telemetry.stop(within: .milliseconds(50))
    #expect(telemetry.figures.waiting == 0)
  }
}
