@testable import Backlog
import Jobs

/// The state and a storage in the words of the verbs' suite: one clock, and each tick is written at once, a rollback loads the state anew.
final class BacklogStore {
  let storage: any Storage
  private(set) var backlog: Backlog
  private let epoch: Epoch
  private let terms: StoreConfiguration
  private var now: Timestamp
  private var committedCursor: Int64

  init(_ storage: any Storage, terms: StoreConfiguration, now: Timestamp) throws(StoreError) {
    self.storage = storage
    self.terms = terms
    self.now = now
    backlog = Backlog(rows: storage.rows, terms: terms, seed: 5)
    backlog.cursorsPerEpoch = 0
    epoch = try storage.beginEpoch()
    try backlog.load(storage, epoch, now: Self.moment(now))
    committedCursor = backlog.lastCursor
  }

  /// Both clocks go alike.
  private static func moment(_ now: Timestamp) -> Moment {
    Moment(wall: now, elapsed: Instant(microseconds: now.microseconds))
  }

  func instant(_ time: Timestamp) -> Instant { Instant(microseconds: time.microseconds) }

  private func at(_ now: Timestamp) -> Moment {
    self.now = now
    return Self.moment(now)
  }

  var reader: any JobReader { storage.reader }

  func enqueue(_ groups: [EnqueueGroup], now: Timestamp) throws(StoreError) -> [EnqueueResult] {
    try backlog.enqueue(groups, now: at(now))
  }

  func claim(_ request: ClaimRequest, now: Timestamp) throws(StoreError) -> ClaimResult {
    let dealt = try backlog.claim(
      Claim(
        filters: request.filters,
        workers: request.workers.map {
          Claim.Worker(
            id: $0.id, leaseUntil: instant($0.leaseUntil), byteBudget: $0.byteBudget, holdsNothing: $0.holdsNothing)
        }, slots: request.slots.map { Claim.Slot(worker: Int($0.worker), filter: Int($0.filter)) }), now: at(now))
    return ClaimResult(jobs: dealt.jobs, dry: dealt.scarcity.map { $0 == .nothingReady })
  }

  func settle(_ settlements: [Settlement], now: Timestamp) throws(StoreError) -> [SettleResult] {
    try backlog.settle(settlements, now: at(now))
  }

  func extend(_ extensions: [Extension], now: Timestamp) throws(StoreError) -> [Extended] {
    try backlog.extend(
      extensions.map { Renewal(lease: $0.lease, until: instant($0.until), progress: $0.progress) }, now: at(now))
  }

  func promote(now: Timestamp, limit: Int) throws(StoreError) -> Int {
    try backlog.workAndPromote(now: at(now), limit: limit)
  }

  func reclaim(now: Timestamp, limit: Int) throws(StoreError) -> [LapsedLease] {
    try backlog.reclaim(now: at(now), limit: limit)
  }

  func prune(now: Timestamp, limit: Int) throws(StoreError) -> Timestamp {
    try backlog.forget(now: at(now), limit: limit)
  }

  func control(_ controls: [Control], now: Timestamp) throws(StoreError) -> [ControlResult] {
    try backlog.control(controls, now: at(now))
  }

  func sweep(
    _ sweep: Sweep, from cursor: Int64?, limit: Int, now: Timestamp
  ) throws(StoreError) -> SweepResult {
    let found = try backlog.slice(of: sweep, from: cursor, limit: limit)
    return try backlog.sweep(sweep, found.jobs, next: found.next, now: at(now)).result
  }

  func setPaused(_ paused: Bool, queue: String, now: Timestamp) {
    backlog.setPaused(paused, queue: queue, now: at(now))
  }

  func record(_ events: [Event]) { backlog.record(events) }

  func commit(_ durability: Durability) throws(StoreError) -> [Event] {
    guard let changes = backlog.takeChanges(durability, now: Self.moment(now)) else { return [] }
    try storage.write([changes], epoch: epoch)
    backlog.confirm(changes.number)
    committedCursor = backlog.lastCursor
    return changes.events
  }

  func sync() throws(StoreError) { try storage.sync() }

  func rollback() {
    // A state of its own, so that numbers are given out as if nothing had been: what the suite compares.
    let tokens = backlog.tokens
    backlog = Backlog(rows: storage.rows, terms: terms, seed: 6)
    backlog.cursorsPerEpoch = 0
    do throws(StoreError) {
      try backlog.load(storage, epoch, now: Self.moment(now))
      backlog.tokens = tokens
    } catch {
      fatalError("the state cannot be loaded: \(error)")
    }
  }

  var nextDue: Timestamp? {
    backlog.nextDue(now: Self.moment(now)).map { Timestamp(microseconds: $0.microseconds) }
  }

  func mayHaveReady(_ filter: ClaimFilter) -> Bool { backlog.mayHaveReady(filter, now: Self.moment(now)) }
  func queues(now: Timestamp) -> [QueueStatistics] { backlog.queues() }
  func isPaused(_ queue: String) -> Bool { backlog.isPaused(queue) }
  func jobsAhead(of place: Place, queue: String) -> Int { backlog.jobsAhead(of: place, queue: queue) }
  func idsAhead(of place: Place, queue: String, most: Int) throws(StoreError) -> [String] {
    try backlog.idsAhead(of: place, queue: queue, most: most)
  }
  var lastEventCursor: Int64 { committedCursor }
}

/// Who the jobs are dealt to, slot by slot, see `Claim`.
struct ClaimRequest {
  struct Worker {
    var id: String
    var leaseUntil: Timestamp
    var byteBudget = Int.max
    var holdsNothing = true
  }
  struct Slot {
    /// Index into `workers`.
    var worker: Int
    /// Index into `filters`.
    var filter: Int
  }

  var filters: [ClaimFilter]
  var workers: [Worker]
  var slots: [Slot]
}

struct ClaimResult {
  var jobs: [ClaimedJob]
  /// Per filter of the request: whether there was nothing (more) that it takes.
  var dry: [Bool]
}

/// Renews one lease, and stores progress if given.
struct Extension {
  var lease: Lease
  var until: Timestamp
  var progress: Progress?
}
