#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif
import GKick
import Synchronization

/// Carries out a client's calls on a `TestState`.
final class TestBackend: ClientBackend, ProgressSink {
  let state: Mutex<TestState>

  init(now: Date) { state = Mutex(TestState(now: now)) }

  func enqueue(_ job: JobRequest, durability: Durability?) async throws -> Enqueued {
    try state.withLock { state throws(GKickError) in try state.enqueue(job) }
  }

  func enqueue(
    _ jobs: [JobRequest], allOrNothing: Bool, durability: Durability?
  ) async throws -> [Result<Enqueued, GKickError>] {
    try state.withLock { state throws(GKickError) in
      let before = state
      var results: [Result<Enqueued, GKickError>] = []
      for job in jobs {
        do throws(GKickError) {
          results.append(.success(try state.enqueue(job)))
        } catch {
          if allOrNothing {
            state = before
            throw error
          }
          results.append(.failure(error))
        }
      }
      return results
    }
  }

  func job(_ id: String) async throws -> JobInfo { try state.withLock { try $0.job(id) } }

  func jobs(_ query: JobQuery, pageSize: Int, pageToken: String) async throws -> JobPage {
    let all = state.withLock { $0.all }.reversed().filter { job in
      (query.queue ?? job.queue) == job.queue && (query.name ?? job.name) == job.name
        && (query.batchID ?? job.batchID) == job.batchID && (query.states.isEmpty || query.states.contains(job.state))
    }
    let start = Int(pageToken) ?? 0
    let page = all.dropFirst(start).prefix(max(1, pageSize))
    let next = start + page.count
    return JobPage(jobs: Array(page), nextPageToken: next < all.count ? "\(next)" : "")
  }

  /// In real time: somebody else runs the jobs.
  func wait(for id: String, timeout: Duration) async throws -> JobInfo {
    let end = ContinuousClock.now + timeout
    while true {
      let job = try await job(id)
      if job.state.isFinal || ContinuousClock.now >= end { return job }
      try await Task.sleep(for: .milliseconds(1))
    }
  }

  func cancel(_ id: String, reason: String) async throws -> JobInfo { try state.withLock { try $0.cancel(id) } }

  func retry(_ id: String, resetAttempts: Bool) async throws -> JobInfo {
    try state.withLock { try $0.retry(id, resetAttempts: resetAttempts) }
  }

  func delete(_ id: String) async throws { try state.withLock { try $0.delete(id) } }

  func explain(_ id: String) async throws -> JobExplanation {
    let job = try await job(id)
    let reason: JobExplanation.Reason? =
      switch job.state {
      case .scheduled, .retrying: .init(hindrance: .notDue, text: "not due", notBefore: job.runAt)
      case .blocked: .init(hindrance: .dependency, text: "waits for other jobs")
      case .ready: .init(hindrance: .noWorker, text: "nobody has run it yet")
      default: nil
      }
    return JobExplanation(job: job, reasons: reason.map { [$0] } ?? [], jobsAhead: 0)
  }

  func events(_ filter: EventFilter, after cursor: String) async throws -> any EventBatches {
    let start = cursor.isEmpty ? state.withLock { $0.events.count } : Int(cursor) ?? 0
    return TestEventBatches(backend: self, filter: filter, cursor: start)
  }

  func close() async {}

  func progress(percent: Int, message: String, of assignment: Assignment) {
    state.withLock { $0.progress(assignment.lease.jobID, percent, message) }
  }
}

/// What happens in a `TestState`, as it happens.
final class TestEventBatches: EventBatches {
  private let backend: TestBackend
  private let filter: EventFilter
  private let place: Mutex<(cursor: Int, hasAnswered: Bool)?>

  init(backend: TestBackend, filter: EventFilter, cursor: Int) {
    self.backend = backend
    self.filter = filter
    place = Mutex((cursor, false))
  }

  func next() async throws -> EventBatch? {
    while let place = place.withLock({ $0 }) {
      let batch = backend.state.withLock { $0.events(after: place.cursor, filter) }
      self.place.withLock { if $0 != nil { $0 = (Int(batch.cursor) ?? place.cursor, true) } }
      // The first answer comes at once, as a server's does: it says where "now" is.
      if !batch.events.isEmpty || !place.hasAnswered { return batch }
      try await Task.sleep(for: .milliseconds(1))
    }
    return nil
  }

  func cancel() { place.withLock { $0 = nil } }
}
