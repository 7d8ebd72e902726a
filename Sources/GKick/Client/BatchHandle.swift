/// Jobs that were enqueued together and are followed together.
public struct BatchHandle: Sendable {
  public let id: String
  /// One per job, in order: its id, or why it was not stored.
  public let jobs: [Result<String, GKickError>]
  let client: Client

  /// The ids of the jobs that were stored.
  public var jobIDs: [String] { jobs.compactMap { try? $0.get() } }

  /// How the batch stands, at once and whenever that changes, until all its jobs have ended.
  public func progress() -> AsyncThrowingStream<BatchProgress, any Error> {
    let (stream, continuation) = AsyncThrowingStream<BatchProgress, any Error>.makeStream(
      bufferingPolicy: .bufferingNewest(1))
    let task = Task {
      do {
        try await follow { continuation.yield($0) }
        continuation.finish()
      } catch {
        continuation.finish(throwing: error)
      }
    }
    continuation.onTermination = { _ in task.cancel() }
    return stream
  }

  /// Waits until all jobs have ended.
  @discardableResult
  public func wait() async throws -> BatchProgress {
    var last = BatchProgress(total: jobIDs.count)
    try await follow { last = $0 }
    return last
  }

  private func follow(_ tell: (BatchProgress) -> Void) async throws {
    let ids = Set(jobIDs)
    var ended: [String: JobState] = [:]
    var progress = BatchProgress(total: ids.count)
    if ids.isEmpty { return tell(progress) }
    // First listen, then look, so that no end falls between; a job that is both seen and heard of is counted once.
    var events = client.events(kinds: [.succeeded, .dead, .canceled, .expired], batchID: id).makeAsyncIterator()
    _ = try await events.open()
    for try await job in client.jobs(matching: JobQuery(batchID: id), pageSize: 1_000)
    where job.state.isFinal && ids.contains(job.id) {
      ended[job.id] = job.state
    }
    for state in ended.values { progress.count(state) }
    tell(progress)
    while !progress.isComplete, let event = try await events.next() {
      guard let state = event.state, state.isFinal, ids.contains(event.jobID),
        ended.updateValue(state, forKey: event.jobID) == nil
      else { continue }
      progress.count(state)
      tell(progress)
    }
  }
}

/// How far a batch has come.
public struct BatchProgress: Sendable, Hashable {
  public var total: Int
  public var succeeded = 0
  /// Ended as `dead`, `canceled` or `expired`.
  public var failed = 0

  public var ended: Int { succeeded + failed }
  public var isComplete: Bool { ended >= total }
  /// 0...1.
  public var fraction: Double { total == 0 ? 1 : Double(ended) / Double(total) }

  mutating func count(_ state: JobState) {
    if state == .succeeded { succeeded += 1 } else { failed += 1 }
  }
}
