import GKick
import Jobs
import NIOCore
import RPC
import Synchronization
import Wire

/// Runs a `TestServer`'s jobs, one after the other, as a worker does that fetches them.
struct TestWorker {
  let server: TestServer
  let caller: Caller
  let runner: JobRunner
  static let id = "test"

  /// The most urgent job that the server gives out now; nil: there is none.
  func next() async throws -> GKick.Assignment? {
    // As long as a lease can be: a handler may move the clock.
    let fetch = Fetch(
      workerID: Self.id, subscriptions: [Subscription(pattern: QueuePattern("*"))], names: runner.names,
      lease: .hours(24))
    let (jobs, _) = try await caller.call("WorkerService/Fetch") {
      $0.encodeFetchRequest(fetch)
    } _: { codec, bytes throws(WireError) in
      try codec.decodeFetchResponse(bytes)
    }
    return jobs.first.map { GKick.Assignment($0) }
  }

  /// Runs the job and reports what became of it.
  func run(_ assignment: GKick.Assignment) async throws {
    let stopped = Mutex<StopReason?>(nil)
    let job = Task { [runner, server] in await runner.run(assignment, reports: TestProgress(server: server)) }
    let listener = Task { [self] in
      while !Task.isCancelled {
        try await Task.sleep(for: .milliseconds(10))
        guard let reason = try await report(assignment, nil) else { continue }
        stopped.withLock { $0 = reason }
        job.cancel()
        return
      }
    }
    let how = await withTaskCancellationHandler {
      await job.value
    } onCancel: {
      job.cancel()
    }
    listener.cancel()
    let reason = stopped.withLock { $0 }
    _ = try await report(assignment, reason?.reported(how) ?? how)
  }

  /// - Parameter how: nil: it still runs.
  /// - Returns: why it should not.
  private func report(_ assignment: GKick.Assignment, _ how: WorkerOutcome.How?) async throws -> StopReason? {
    let lease = assignment.given.lease
    var report = Report(workerID: Self.id)
    if let how { report.outcomes = [WorkerOutcome(lease: lease, how: how)] } else { report.extend = [lease] }
    let words = report
    let (_, cancellations) = try await caller.call("WorkerService/Report") {
      $0.encodeReportRequest(words)
    } _: { codec, bytes throws(WireError) in
      try codec.decodeReportResponse(bytes)
    }
    return cancellations.first { $0.lease.token == lease.token }.map { StopReason($0) }
  }
}

/// Takes what running jobs say of their progress.
private struct TestProgress: ProgressSink {
  let server: TestServer

  func progress(percent: Int, message: String, of assignment: GKick.Assignment) {
    var report = Report(workerID: TestWorker.id)
    report.progress = [
      ProgressReport(
        lease: assignment.given.lease, progress: Progress(percent: UInt32(clamping: percent), message: message))
    ]
    // Through the wire's words, for its rules.
    let codec = Codec()
    _ = codec.encodeReportRequest(report)
    let packed = ByteBuffer(bytes: codec.packed())
    if let report = try? codec.decodeReportRequest(packed.readableBytesSpan) { server.tell(report) }
  }
}
