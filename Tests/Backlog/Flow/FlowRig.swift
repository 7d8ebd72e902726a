import Backlog
import Jobs
import MemoryStorage
import Synchronization
import Testing

/// The state on the storage in memory: each tick is written at once; a crash loads the state anew.
final class FlowRig {
  let storage = MemoryStorage(salt: 7)
  let rows: CountedRows
  var backlog: Backlog
  var now: Moment
  private var epoch = Epoch(0)
  private let terms: StoreConfiguration
  let zones: any TimeZoneSource
  /// Of all ticks.
  private(set) var events: [Event] = []

  init(zones: any TimeZoneSource = UTCOnly(), retention: Interval = .hours(1)) throws {
    var terms = StoreConfiguration()
    terms.retention = retention
    self.terms = terms
    rows = CountedRows(storage.rows)
    self.zones = zones
    now = Moment(wall: Timestamp(seconds: 1_800_000_000), elapsed: Instant(microseconds: 0))
    backlog = Backlog(rows: rows, terms: terms, seed: 1)
    try restart()
  }

  /// What was not ticked is lost.
  func restart(after span: Interval = .zero) throws {
    now = now + span
    epoch = try storage.beginEpoch()
    backlog = Backlog(rows: rows, terms: terms, seed: 1)
    backlog.zones = zones
    try backlog.load(storage, epoch, now: now)
  }

  func tick() throws {
    guard let changes = backlog.takeChanges(.synced, now: now) else { return }
    events += changes.events
    try storage.write([changes], epoch: epoch)
    backlog.confirm(changes.number)
  }

  /// Until nothing is to be done now.
  func settleAll() throws {
    var rounds = 0
    repeat {
      let count = try backlog.workAndPromote(now: now, limit: 100)
      try tick()
      if count < 100 { break }
      rounds += 1
    } while rounds < 20_000
  }

  func pass(_ span: Interval) throws {
    now = now + span
    try settleAll()
  }

  @discardableResult
  func enqueue(_ jobs: [NewJob], allOrNothing: Bool = false) throws -> [EnqueueResult] {
    let results = try backlog.enqueue([EnqueueGroup(jobs: jobs, allOrNothing: allOrNothing)], now: now)
    try tick()
    return results
  }

  @discardableResult
  func enqueue(
    _ id: String, queue: String = "q", name: String = "n", runAt: Timestamp? = nil, _ options: JobOptions = .standard
  ) throws -> EnqueueResult {
    try enqueue([NewJob(id: id, queue: queue, name: name, runAt: runAt, options: options)])[0]
  }

  func claim(_ count: Int = 1, queues: [String] = ["q"]) throws -> [ClaimedJob] {
    let claim = Claim(
      filters: [ClaimFilter(queues: queues.map { QueuePattern($0) })],
      workers: [Claim.Worker(id: "w", leaseUntil: now.elapsed + .seconds(30))],
      slots: Array(repeating: Claim.Slot(worker: 0, filter: 0), count: count))
    let dealt = try backlog.claim(claim, now: now)
    try tick()
    return dealt.jobs
  }

  @discardableResult
  func end(_ jobs: [ClaimedJob], _ outcome: Settlement.Outcome = .succeeded(result: [])) throws -> [SettleResult] {
    let results = try backlog.settle(jobs.map { Settlement(lease: $0.lease, outcome: outcome) }, now: now)
    try tick()
    return results
  }

  func fail(_ jobs: [ClaimedJob]) throws {
    try end(jobs, .failed(Failure(type: "bad", message: "no", retryable: false), draw: 0.5))
    try settleAll()
  }

  func control(_ control: Control) throws -> ControlResult {
    let result = try backlog.control([control], now: now)[0]
    try tick()
    return result
  }

  func state(_ id: String) throws -> JobState? { try storage.reader.job(id: id)?.state }

  func all() throws -> [JobRecord] {
    var query = JobQuery()
    query.limit = 1_000
    var found: [JobRecord] = []
    repeat {
      let page = try storage.reader.jobs(query)
      found += page.jobs
      query.before = page.next
    } while query.before != nil
    return found
  }
}

/// How often rows are read, and how many.
final class CountedRows: RowSource {
  private let rows: any RowSource
  private let counts = Mutex((reads: 0, rows: 0))

  init(_ rows: any RowSource) { self.rows = rows }

  /// Since it was asked last.
  func take() -> (reads: Int, rows: Int) {
    counts.withLock { count in
      defer { count = (0, 0) }
      return count
    }
  }

  func check(_ epoch: Epoch) throws(StoreError) { try rows.check(epoch) }

  func jobs(_ seqs: [Int64], bodies: Bool) throws(StoreError) -> [StoredJob?] {
    counts.withLock { $0 = ($0.reads + 1, $0.rows + seqs.count) }
    return try rows.jobs(seqs, bodies: bodies)
  }

  func jobs(ids: [String]) throws(StoreError) -> [StoredJob?] { try rows.jobs(ids: ids) }

  func expired(by time: Timestamp, limit: Int) throws(StoreError) -> (jobs: [StoredJob], next: Timestamp?) {
    try rows.expired(by: time, limit: limit)
  }

  func jobs(matching query: JobQuery) throws(StoreError) -> (jobs: [StoredJob], next: Int64?) {
    try rows.jobs(matching: query)
  }
}

extension Backlog {
  /// What a tick does of itself: what follows from what happened, then what is due, `limit` of them in all.
  func workAndPromote(now: Moment, limit: Int) throws(StoreError) -> Int {
    let worked = try work(now: now, limit: limit)
    return worked >= limit ? worked : worked + (try promote(now: now, limit: limit - worked))
  }
}

/// Depends on these: it runs when they are over, or only when they have succeeded.
func after(_ ids: String..., run: Bool = false) -> JobOptions {
  JobOptions(dependsOn: ids, onDependencyFailure: run ? .run : .cancel)
}
