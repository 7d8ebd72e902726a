import Jobs
import MemoryStore

/// A memory store that can be told to fail, and counts what it is asked.
final class FlakyStore: JobStore {
  enum Point: Hashable { case enqueue, claim, settle, extend, promote, reclaim, prune, control, sweep, commit, sync }

  let base: MemoryStore
  /// Fails at these until told otherwise.
  var failing: Set<Point> = []
  private(set) var calls: [Point: Int] = [:]
  private(set) var commits: [Durability] = []
  private(set) var extended = 0
  private(set) var slotsDealt = 0
  /// Set by tests of several servers.
  var others: OtherServers?
  var directory: (any WorkerDirectory)? { others }

  init(_ base: MemoryStore) { self.base = base }

  private func pass(_ point: Point) throws(StoreError) {
    calls[point, default: 0] += 1
    if failing.contains(point) { throw StoreError(.unavailable, "told to fail") }
  }

  var kind: String { base.kind }
  var reader: any JobReader { base.reader }
  func enqueue(_ groups: [EnqueueGroup], now: Timestamp) throws(StoreError) -> [EnqueueResult] {
    try pass(.enqueue)
    return base.enqueue(groups, now: now)
  }
  func claim(_ request: ClaimRequest, now: Timestamp) throws(StoreError) -> ClaimResult {
    try pass(.claim)
    slotsDealt += request.slots.count
    return base.claim(request, now: now)
  }
  func settle(_ settlements: [Settlement], now: Timestamp) throws(StoreError) -> [SettleResult] {
    try pass(.settle)
    return base.settle(settlements, now: now)
  }
  func extend(_ extensions: [Extension], now: Timestamp) throws(StoreError) -> [ExtendResult] {
    try pass(.extend)
    extended += extensions.count
    return base.extend(extensions, now: now)
  }
  func promote(now: Timestamp, limit: Int) throws(StoreError) -> Int {
    try pass(.promote)
    return base.promote(now: now, limit: limit)
  }
  func reclaim(now: Timestamp, limit: Int) throws(StoreError) -> [LapsedLease] {
    try pass(.reclaim)
    return base.reclaim(now: now, limit: limit)
  }
  func prune(now: Timestamp, limit: Int) throws(StoreError) -> Timestamp {
    try pass(.prune)
    return base.prune(now: now, limit: limit)
  }
  func control(_ controls: [Control], now: Timestamp) throws(StoreError) -> [ControlResult] {
    try pass(.control)
    return base.control(controls, now: now)
  }
  func sweep(_ sweep: Sweep, from cursor: Int64?, limit: Int, now: Timestamp) throws(StoreError) -> SweepResult {
    try pass(.sweep)
    return base.sweep(sweep, from: cursor, limit: limit, now: now)
  }
  func setPaused(_ paused: Bool, queue: String, now: Timestamp) { base.setPaused(paused, queue: queue, now: now) }
  func record(_ events: [Event]) { base.record(events) }
  func commit(_ durability: Durability) throws(StoreError) -> [Event] {
    try pass(.commit)
    commits.append(durability)
    return base.commit(durability)
  }
  func sync() throws(StoreError) { try pass(.sync) }
  func rollback() { base.rollback() }
  var nextDue: Timestamp? { base.nextDue }
  func mayHaveReady(_ filter: ClaimFilter) -> Bool { base.mayHaveReady(filter) }
  func queues(now: Timestamp) -> [QueueStatistics] { base.queues(now: now) }
  func isPaused(_ queue: String) -> Bool { base.isPaused(queue) }
  func jobsAhead(of place: Place, queue: String) -> Int { base.jobsAhead(of: place, queue: queue) }
  func idsAhead(of place: Place, queue: String, most: Int) -> [String] {
    base.idsAhead(of: place, queue: queue, most: most)
  }
  var lastEventCursor: Int64 { base.lastEventCursor }
  func close() {}
}
