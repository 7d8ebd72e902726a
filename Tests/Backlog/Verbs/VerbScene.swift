import Jobs
import MemoryStorage
import Testing

/// The state on a storage in memory, a clock, and short words for what tests do with them.
final class VerbScene {
  private(set) var store: BacklogStore
  private(set) var now = Timestamp(seconds: 1_700_000_000)
  /// All that was committed, in order.
  private(set) var events: [Event] = []
  let configuration: StoreConfiguration

  init(_ configuration: StoreConfiguration = StoreConfiguration()) throws {
    self.configuration = configuration
    store = try BacklogStore(MemoryStorage(salt: 0x123_4567), terms: configuration, now: now)
  }

  func pass(_ interval: Interval) { now = now + interval }

  @discardableResult
  func enqueue(_ jobs: NewJob..., allOrNothing: Bool = false) throws -> [EnqueueResult] {
    try store.enqueue([EnqueueGroup(jobs: jobs, allOrNothing: allOrNothing)], now: now)
  }

  /// Enqueues a job that must be stored; returns its id.
  func add(_ job: NewJob = NewJob(name: "a")) throws -> String {
    let result = try enqueue(job)[0]
    guard case .stored(let id, _, _) = result else {
      Issue.record("not stored: \(result)")
      return ""
    }
    return id
  }

  func claim(
    _ count: Int = 1, from queues: [String] = ["*"], names: [String] = [], worker: String = "w",
    lease: Interval = .seconds(30)
  ) throws -> [ClaimedJob] {
    try store.claim(
      ClaimRequest(
        filters: [ClaimFilter(queues: queues.map { QueuePattern($0) }, names: names)],
        workers: [ClaimRequest.Worker(id: worker, leaseUntil: now + lease)],
        slots: Array(repeating: ClaimRequest.Slot(worker: 0, filter: 0), count: count)),
      now: now
    ).jobs
  }

  /// Claims one job that must be there.
  func take(worker: String = "w", lease: Interval = .seconds(30)) throws -> ClaimedJob {
    try #require(claim(worker: worker, lease: lease).first)
  }

  @discardableResult
  func settle(_ lease: Lease, _ outcome: Settlement.Outcome) throws -> SettleResult {
    try store.settle([Settlement(lease: lease, outcome: outcome)], now: now)[0]
  }

  func fail(_ lease: Lease, retryable: Bool = true, draw: Double = 0.5) throws -> SettleResult {
    try settle(lease, .failed(Failure(type: "E", message: "oh", retryable: retryable), draw: draw))
  }

  func control(_ control: Control) throws -> ControlResult { try store.control([control], now: now)[0] }

  @discardableResult
  func promote(limit: Int = 512) throws -> Int { try store.promote(now: now, limit: limit) }

  @discardableResult
  func commit(_ durability: Durability = .synced) throws -> [Event] {
    let committed = try store.commit(durability)
    events += committed
    return committed
  }

  /// What a reader sees after a commit.
  func record(_ id: String) throws -> JobRecord? {
    try commit()
    return try store.reader.job(id: id)
  }

  func known(_ id: String) throws -> JobRecord {
    let record = try record(id)
    return try #require(record, "no job \(id)")
  }

  func state(_ id: String) throws -> JobState? { try record(id)?.state }

  /// All that a reader lists, over as many pages as it takes.
  func list(_ query: JobQuery = JobQuery()) throws -> [JobRecord] {
    try commit()
    var query = query
    var records: [JobRecord] = []
    while true {
      let page = try store.reader.jobs(query)
      #expect(page.jobs.count <= query.limit)
      records += page.jobs
      guard let next = page.next else { return records }
      #expect(next < query.before ?? .max, "pages go down")
      query.before = next
    }
  }

  /// As after a crash: what was not committed is lost.
  func reopen() throws {
    store = try BacklogStore(store.storage, terms: configuration, now: now)
  }
}
