import Jobs

/// The reference store: the executable specification of `JobStore`, and what tests run on. Everything is lost with the process.
///
/// Every rule of a job's life is written here in its plainest form; another store is right when it gives the same results.
public final class MemoryStore: JobStore {
  public let kind = "memory"

  let configuration: StoreConfiguration
  let salt: UInt32
  var tables = Tables()
  /// Of this tick, not yet numbered.
  var events: [Event] = []
  private var cursor: Int64 = 0
  private var lastToken: UInt64 = 0
  /// Events up to this cursor go with the next commit.
  private var trimmed: Int64 = 0
  private var trimmedAtCommit: Int64 = 0
  private let snapshot = MemoryReader()

  /// - Parameter salt: goes into the ids it makes, see `JobID`.
  public init(configuration: StoreConfiguration = StoreConfiguration(), salt: UInt32 = 0) {
    self.configuration = configuration
    self.salt = salt & 0xFFF_FFFF
  }

  public var reader: any JobReader { snapshot }
  public var lastEventCursor: Int64 { cursor }

  public func record(_ events: [Event]) {
    self.events += events
  }

  public func commit(_ durability: Durability) -> [Event] {
    for index in events.indices {
      cursor += 1
      events[index].cursor = cursor
    }
    let committed = events
    events.removeAll()
    snapshot.apply(tables.commit().map { ($0, tables.rows[$0]?.record) }, events: committed, trimmed: trimmed)
    trimmedAtCommit = trimmed
    return committed
  }

  public func sync() {}

  public func rollback() {
    tables.rollback()
    events.removeAll()
    trimmed = trimmedAtCommit
  }

  public func close() {}

  /// Tokens of a tick that was taken back are not given again: assignments leave before the commit.
  func makeToken() -> UInt64 {
    lastToken += 1
    return lastToken
  }

  func note(_ kind: Event.Kind, _ row: Row, now: Timestamp, _ detail: Event.Detail = .none) {
    let record = row.record
    let worker: String
    switch kind {
    case .scheduled, .enqueued, .expired, .blocked: worker = ""
    default: worker = record.workerID
    }
    events.append(
      Event(
        kind: kind, at: now, jobID: record.job.id, queue: record.job.queue, name: record.job.name,
        attempt: record.attempt, workerID: worker, batchID: record.job.options.batchID, detail: detail))
  }

  // MARK: Standing

  public func setPaused(_ paused: Bool, queue: String, now: Timestamp) {
    guard isPaused(queue) != paused else { return }
    tables.setPaused(paused, queue: queue)
    events.append(Event(kind: paused ? .queuePaused : .queueResumed, at: now, queue: queue))
  }

  public func isPaused(_ queue: String) -> Bool { tables.paused.contains(queue) }

  public var nextDue: Timestamp? {
    [tables.due.first, tables.expiries.first, tables.lapses.first].compactMap { $0?.at }.min()
  }

  public func mayHaveReady(_ filter: ClaimFilter) -> Bool {
    tables.ready.contains { queue, places in
      places.count > 0 && !isPaused(queue) && filter.queues.contains { $0.matches(queue) }
    }
  }

  public func jobsAhead(of place: Place, queue: String) -> Int { tables.ready[queue]?.rank(of: place) ?? 0 }

  public func idsAhead(of place: Place, queue: String, most: Int) -> [String] {
    guard let ready = tables.ready[queue] else { return [] }
    return ready.elements.prefix(min(most, ready.rank(of: place))).compactMap { tables.rows[$0.seq]?.record.job.id }
  }

  public func queues(now: Timestamp) -> [QueueStatistics] {
    var queues: [String: QueueStatistics] = [:]
    for row in tables.rows.values {
      let record = row.record
      var queue = queues[record.job.queue] ?? QueueStatistics(name: record.job.queue)
      switch record.state {
      case .ready:
        queue.ready += 1
        queue.oldestReadyAt = min(queue.oldestReadyAt ?? .distantFuture, record.place.readyAt)
      case .scheduled, .retrying: queue.scheduled += 1
      case .running: queue.running += 1
      case .dead: queue.dead += 1
      case .blocked: queue.blocked += 1
      case .succeeded, .canceled, .expired: break
      }
      queues[record.job.queue] = queue
    }
    for (name, totals) in tables.totals {
      queues[name, default: QueueStatistics(name: name)].succeededTotal = totals.succeeded
      queues[name, default: QueueStatistics(name: name)].failedTotal = totals.failed
    }
    for name in tables.paused { queues[name, default: QueueStatistics(name: name)].paused = true }
    return queues.values.sorted { $0.name < $1.name }
  }

  /// Forgets events that are over their age or the bytes allowed for them, at most `limit`; returns when the next one is.
  func pruneEvents(now: Timestamp, limit: Int) -> Timestamp {
    let trim = snapshot.trim(
      beyond: trimmed, before: now - configuration.eventRetention, bytes: configuration.eventBytes, limit: limit)
    trimmed = trim.trimmed
    return trim.oldest.map { $0 + configuration.eventRetention } ?? .distantFuture
  }
}
