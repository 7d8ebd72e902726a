import Jobs
import NIOCore
import RPC
import RPCTransport
import Wire

/// Unary or batch calls on one connection, so many at a time; the end of one is the beginning of the next. Confined to its loop.
final class ProducerLane {
  private let channel: ClientChannel
  private let run: BenchRun
  private let settings: BenchSettings
  private let codec = Codec()
  /// Encoded once: the server gives each job its id.
  private let requests: [ByteBuffer]
  private let size: Int
  private let path: String
  private let completed: EventLoopPromise<Latencies>
  private var latencies = Latencies()
  private var open = 0

  init(channel: ClientChannel, run: BenchRun, settings: BenchSettings, completed: EventLoopPromise<Latencies>) {
    self.channel = channel
    self.run = run
    self.settings = settings
    self.completed = completed
    size = settings.mode == .unary ? 1 : settings.batchSize
    path = "/gkick.v1.JobService/" + (settings.mode == .unary ? "Enqueue" : "EnqueueBatch")
    requests = (0..<settings.queues).map {
      BenchRequests.request($0, jobs: settings.mode == .unary ? 1 : settings.batchSize, settings)
    }
  }

  func start(calls: Int) {
    for _ in 0..<calls { next() }
    if open == 0 { completed.succeed(latencies) }
  }

  private func next() {
    let jobs = run.take(size)
    guard !jobs.isEmpty else { return }
    open += 1
    let request =
      jobs.count == size
      ? requests[jobs.lowerBound / size % requests.count]
      : BenchRequests.request(jobs.lowerBound, jobs: jobs.count, settings)
    // The call is made on this loop: the box is opened where it was closed.
    let startedAt = NIODeadline.now()
    let call = NIOLoopBound(
      BenchCall(request, answered: answered) { [self] in ended($0, jobs: jobs.count, startedAt: startedAt) },
      eventLoop: channel.eventLoop)
    channel.open(path, metadata: settings.metadata) { call.value }
  }

  private func answered(_ message: ByteBuffer) {
    do throws(WireError) {
      if settings.mode == .unary {
        _ = try codec.decodeEnqueueResponse(message.readableBytesSpan)
      } else {
        try BenchRequests.check(codec.decodeEnqueueBatchResponse(message.readableBytesSpan), run)
      }
    } catch {
      run.failed(0, Status(.internal, "the server's answer cannot be read: \(error)"))
    }
  }

  private func ended(_ status: Status, jobs: Int, startedAt: NIODeadline) {
    open -= 1
    if !status.isOK {
      run.failed(jobs, status)
    } else {
      latencies.record(since: startedAt)
      if settings.mode == .unary { run.finished(1) }
    }
    // After a failure the next call would most likely fail too, and at once.
    if status.isOK { next() }
    if open == 0 { completed.succeed(latencies) }
  }
}

/// One call of a producer. Confined to its loop.
final class BenchCall: ClientCallHandler {
  private let request: ByteBuffer
  private let answered: (ByteBuffer) -> Void
  private let ended: (Status) -> Void

  init(_ request: ByteBuffer, answered: @escaping (ByteBuffer) -> Void = { _ in }, ended: @escaping (Status) -> Void) {
    self.request = request
    self.answered = answered
    self.ended = ended
  }

  func started(call: ClientCall) {
    let request = request
    call.send { $0.writeImmutableBuffer(request) }
    call.halfClose()
  }

  func message(_ message: ByteBuffer, call: ClientCall) { answered(message) }

  func ended(_ status: Status, trailers: Metadata, call: ClientCall) { ended(status) }
}

/// Requests and answers of all producers.
enum BenchRequests {
  /// `number`: of the first job; all jobs of one request are for one queue.
  static func request(_ number: Int, jobs: Int, _ settings: BenchSettings) -> ByteBuffer {
    let codec = Codec()
    let spec = settings.spec(number)
    if settings.mode == .unary {
      _ = codec.encodeEnqueueRequest(spec, settings.durability)
    } else {
      _ = codec.encodeEnqueueBatchRequest(
        Array(repeating: JobOrder(job: spec), count: jobs), settings.durability)
    }
    return ByteBuffer(bytes: codec.packed())
  }

  static func check(_ results: [BatchResult], _ run: BenchRun) {
    var stored = 0
    for result in results {
      if result.statusCode == 0 {
        stored += 1
      } else {
        run.failed(1, Status(StatusCode(rawValue: Int(result.statusCode)) ?? .unknown, result.statusMessage))
      }
    }
    run.finished(stored)
  }
}
