#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif
import GKick
import Jobs

/// What a server would know, as a value.
struct TestState {
  private struct Entry {
    var info: JobInfo
    var retry: GKick.RetryPolicy
    var timeout: Duration?
    var startBefore: Date?
    var unique: GKick.Uniqueness?
    var uniqueUntil: Date?
    var dependsOn: [String]
    /// Rises in the order of enqueue.
    var seq: Int
  }

  private(set) var now: Date
  private var entries: [String: Entry] = [:]
  private var order: [String] = []
  private var tokens: UInt64 = 0
  private(set) var events: [JobEvent] = []

  init(now: Date) { self.now = now }

  var all: [JobInfo] { order.compactMap { entries[$0]?.info } }

  func job(_ id: String) throws -> JobInfo {
    guard let entry = entries[id] else { throw GKickError(.notFound, "no job \(id)") }
    return entry.info
  }

  // MARK: - Enqueue

  mutating func enqueue(_ request: JobRequest) throws(GKickError) -> Enqueued {
    guard !request.name.isEmpty else { throw GKickError(.invalid, "name: required") }
    if let existing = entries[request.id] {
      return Enqueued(id: existing.info.id, isDuplicate: true, state: existing.info.state)
    }
    if let unique = request.unique, let holder = holder(of: unique.key, in: request.queue) {
      if let answer = try conflict(request, unique, holder) { return answer }
    }
    let id = request.id.isEmpty ? "job-\(order.count + 1)" : request.id
    let runAt = dueTime(request.when)
    var info = JobInfo(id: id, queue: request.queue, name: request.name, state: .ready, createdAt: now, runAt: runAt)
    info.payload = request.payload
    info.contentType = request.contentType
    info.priority = request.priority
    info.metadata = request.metadata
    info.batchID = request.batchID
    let isBlocked = !request.dependsOn.allSatisfy { entries[$0]?.info.state == .succeeded }
    info.state = isBlocked ? .blocked : runAt > now ? .scheduled : .ready
    entries[id] = Entry(
      info: info, retry: request.retry ?? .default, timeout: request.timeout, startBefore: request.startBefore,
      unique: request.unique, uniqueUntil: request.unique?.holdFor.map { now.addingTimeInterval($0.seconds) },
      dependsOn: request.dependsOn, seq: order.count)
    order.append(id)
    tell(isBlocked ? .blocked : info.state == .scheduled ? .scheduled : .enqueued, id)
    if isBlocked,
      request.dependsOn.contains(where: {
        entries[$0]?.info.state.isFinal == true && entries[$0]?.info.state != .succeeded
      })
    {
      end(id, .canceled, .canceled)
    }
    return Enqueued(id: id, isDuplicate: false, state: entries[id]?.info.state ?? info.state)
  }

  private func holder(of key: String, in queue: String) -> String? {
    order.first { id in
      guard let entry = entries[id], entry.unique?.key == key, entry.info.queue == queue else { return false }
      return !entry.info.state.isFinal || (entry.uniqueUntil.map { $0 > now } ?? false)
    }
  }

  /// `nil`: there is none any more.
  private mutating func conflict(
    _ request: JobRequest, _ unique: GKick.Uniqueness, _ holder: String
  ) throws(GKickError) -> Enqueued? {
    guard let entry = entries[holder] else { return nil }
    switch unique.onConflict {
    case .keep: break
    case .reject: throw GKickError(.alreadyExists, "job \(holder) has the unique key \(unique.key)")
    case .replace:
      guard [.ready, .scheduled, .retrying].contains(entry.info.state) else { break }
      let runAt = dueTime(request.when)
      entries[holder]?.info.payload = request.payload
      entries[holder]?.info.runAt = runAt
      entries[holder]?.info.state = runAt > now ? .scheduled : .ready
    }
    return Enqueued(id: holder, isDuplicate: true, state: entries[holder]?.info.state ?? entry.info.state)
  }

  private func dueTime(_ when: JobRequest.When) -> Date {
    switch when {
    case .now: now
    case .at(let date): max(date, now)
    case .after(let delay): now.addingTimeInterval(max(0, delay.seconds))
    }
  }

  // MARK: - Time

  mutating func advance(by duration: Duration) {
    now = now.addingTimeInterval(max(0, duration.seconds))
    promote()
  }

  /// Moves to when the next job that one of these names can run is due. False when there is none.
  mutating func advanceToNext(_ names: Set<String>) -> Bool {
    let due = entries.values.filter {
      ($0.info.state == .scheduled || $0.info.state == .retrying) && names.contains($0.info.name)
    }.map(\.info.runAt).min()
    guard let due else { return false }
    now = max(now, due)
    promote()
    return true
  }

  private mutating func promote() {
    for id in order {
      guard let entry = entries[id], entry.info.state == .scheduled || entry.info.state == .retrying,
        entry.info.runAt <= now
      else { continue }
      entries[id]?.info.state = .ready
      tell(.enqueued, id)
    }
  }

  // MARK: - Running

  /// The most urgent ready job with one of these names.
  mutating func claim(_ names: Set<String>) -> Assignment? {
    promote()
    for id in order {
      guard let entry = entries[id], let limit = entry.startBefore, limit < now, !entry.info.state.isFinal,
        entry.info.state != .running
      else { continue }
      end(id, .expired, .expired)
    }
    let next = entries.values.filter { $0.info.state == .ready && names.contains($0.info.name) }
      .min { ($1.info.priority, $0.info.runAt, $0.seq) < ($0.info.priority, $1.info.runAt, $1.seq) }
    guard var entry = next else { return nil }
    entry.info.state = .running
    entry.info.attempt += 1
    entry.info.startedAt = now
    entry.info.workerID = "test"
    let id = entry.info.id
    entries[id] = entry
    tokens += 1
    tell(.started, id)
    return Assignment(
      lease: Lease(jobID: id, token: tokens), attempt: entry.info.attempt, maxAttempts: entry.retry.maxAttempts,
      queue: entry.info.queue, name: entry.info.name, payload: entry.info.payload,
      contentType: entry.info.contentType, metadata: entry.info.metadata, priority: entry.info.priority,
      createdAt: entry.info.createdAt.timestamp,
      deadline: entry.timeout.map { now.addingTimeInterval($0.seconds).timestamp })
  }

  /// What a run gave; the job as it stands then.
  mutating func settle(_ assignment: Assignment, _ how: WorkerOutcome.How) -> JobInfo? {
    let id = assignment.lease.jobID
    guard let entry = entries[id], entry.info.state == .running else { return entries[id]?.info }
    switch how {
    case .success(let result):
      entries[id]?.info.result = result
      end(id, .succeeded, .succeeded)
    case .failure(let failure): failed(id, entry, failure)
    case .release(let delay):
      entries[id]?.info.attempt -= 1
      entries[id]?.info.runAt = now.addingTimeInterval(delay?.seconds ?? 0)
      entries[id]?.info.state = delay == nil ? .ready : .scheduled
      tell(delay == nil ? .enqueued : .scheduled, id)
    case .canceled: end(id, .canceled, .canceled)
    case .refused: break
    }
    return entries[id]?.info
  }

  private mutating func failed(_ id: String, _ entry: Entry, _ failure: Failure) {
    let shown = JobFailure(
      type: failure.type, message: failure.message, backtrace: failure.backtrace, isRetryable: failure.retryable,
      at: now, attempt: entry.info.attempt, workerID: "test")
    entries[id]?.info.failures = entry.info.failures.suffix(9) + [shown]
    guard failure.retryable, entry.info.attempt < entry.retry.maxAttempts else { return end(id, .dead, .dead, shown) }
    // An even draw: no jitter.
    let wait = entry.retry.stored.backoff(afterFailures: UInt32(entry.info.attempt), draw: 0.5)
    let next = now.addingTimeInterval(wait.seconds)
    entries[id]?.info.state = .retrying
    entries[id]?.info.runAt = next
    tell(.failed, id) {
      $0.failure = shown
      $0.nextRunAt = next
    }
  }

  mutating func progress(_ id: String, _ percent: Int, _ message: String) {
    let progress = JobProgress(percent: percent, message: message, at: now)
    entries[id]?.info.progress = progress
    tell(.progress, id) { $0.progress = progress }
  }

  // MARK: - Control

  mutating func cancel(_ id: String) throws -> JobInfo {
    let info = try job(id)
    if !info.state.isFinal { end(id, .canceled, .canceled) }
    return try job(id)
  }

  mutating func retry(_ id: String, resetAttempts: Bool) throws -> JobInfo {
    let info = try job(id)
    guard [.dead, .canceled, .expired, .retrying].contains(info.state) else {
      throw GKickError(.notPossibleNow, "job \(id) is \(info.state)")
    }
    entries[id]?.info.state = .ready
    entries[id]?.info.runAt = now
    entries[id]?.info.finishedAt = nil
    if resetAttempts { entries[id]?.info.attempt = 0 }
    tell(.enqueued, id)
    return try job(id)
  }

  mutating func delete(_ id: String) throws {
    guard try job(id).state != .running else { throw GKickError(.notPossibleNow, "job \(id) is running") }
    entries[id] = nil
    order.removeAll { $0 == id }
  }

  private mutating func end(_ id: String, _ state: JobState, _ kind: JobEvent.Kind, _ failure: JobFailure? = nil) {
    entries[id]?.info.state = state
    entries[id]?.info.finishedAt = now
    tell(kind, id) { $0.failure = failure }
    for other in order {
      guard let entry = entries[other], entry.info.state == .blocked, entry.dependsOn.contains(id) else { continue }
      if state != .succeeded {
        end(other, .canceled, .canceled)
      } else if entry.dependsOn.allSatisfy({ entries[$0]?.info.state == .succeeded }) {
        entries[other]?.info.state = entry.info.runAt > now ? .scheduled : .ready
        tell(entry.info.runAt > now ? .scheduled : .enqueued, other)
      }
    }
  }

  // MARK: - Events

  private mutating func tell(_ kind: JobEvent.Kind, _ id: String, _ add: (inout JobEvent) -> Void = { _ in }) {
    guard let info = entries[id]?.info else { return }
    var event = JobEvent(
      cursor: "\(events.count + 1)", kind: kind, at: now, jobID: id, queue: info.queue, name: info.name)
    event.attempt = info.attempt
    event.batchID = info.batchID
    if kind == .scheduled { event.nextRunAt = info.runAt }
    add(&event)
    events.append(event)
  }

  func events(after cursor: Int, _ filter: EventFilter) -> EventBatch {
    let new = events[min(max(0, cursor), events.count)...]
    let matching = new.filter { event in
      (filter.queues.isEmpty || filter.queues.contains(event.queue))
        && (filter.names.isEmpty || filter.names.contains(event.name))
        && (filter.jobIDs.isEmpty || filter.jobIDs.contains(event.jobID))
        && (filter.kinds.isEmpty || filter.kinds.contains(event.kind))
        && (filter.batchID.isEmpty || filter.batchID == event.batchID)
    }
    return EventBatch(events: Array(matching), cursor: "\(events.count)")
  }
}

extension Duration {
  var seconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
