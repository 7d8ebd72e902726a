import Jobs
import NIOCore
import RPC
import RPCTransport
import Wire

/// One EnqueueStream with so many batches on their way; an answer is the beginning of the next. Confined to its loop.
final class StreamLane: ClientCallHandler {
  private let run: BenchRun
  private let settings: BenchSettings
  private let codec = Codec()
  private let requests: [ByteBuffer]
  private let depth: Int
  private let completed: EventLoopPromise<Latencies>
  private var latencies = Latencies()
  /// When the batches that are on their way were sent, and how many jobs each has, oldest first.
  private var sent: CircularBuffer<(at: NIODeadline, jobs: Int)> = []

  init(depth: Int, run: BenchRun, settings: BenchSettings, completed: EventLoopPromise<Latencies>) {
    self.depth = depth
    self.run = run
    self.settings = settings
    self.completed = completed
    requests = (0..<settings.queues).map { BenchRequests.request($0, jobs: settings.batchSize, settings) }
  }

  func started(call: ClientCall) {
    for _ in 0..<depth { next(call) }
    if sent.isEmpty { call.halfClose() }
  }

  private func next(_ call: ClientCall) {
    let jobs = run.take(settings.batchSize)
    guard !jobs.isEmpty else { return }
    let request =
      jobs.count == settings.batchSize
      ? requests[jobs.lowerBound / settings.batchSize % requests.count]
      : BenchRequests.request(jobs.lowerBound, jobs: jobs.count, settings)
    sent.append((.now(), jobs.count))
    call.send { $0.writeImmutableBuffer(request) }
  }

  func message(_ message: ByteBuffer, call: ClientCall) {
    guard let first = sent.popFirst() else { return }
    latencies.record(since: first.at)
    do throws(WireError) {
      BenchRequests.check(try codec.decodeEnqueueBatchResponse(message.readableBytesSpan), run)
    } catch {
      run.failed(first.jobs, Status(.internal, "the server's answer cannot be read: \(error)"))
    }
    next(call)
    if sent.isEmpty { call.halfClose() }
  }

  func ended(_ status: Status, trailers: Metadata, call: ClientCall) {
    let lost = sent.reduce(0) { $0 + $1.jobs }
    if lost > 0 { run.failed(lost, status) }
    completed.succeed(latencies)
  }
}
