import Jobs
import Support

/// A store that fails at times, as a full disk or an unreachable server would: any verb, or the commit.
final class UnsteadyStore: JobStore {
  let base: any JobStore
  var random: SeededGenerator
  /// Of a hundred calls, how many fail.
  var failing = 0
  private(set) var failures = 0

  init(_ base: any JobStore, random: SeededGenerator) {
    self.base = base
    self.random = random
  }

  private func pass() throws(StoreError) {
    guard failing > 0, random.chance(failing) else { return }
    failures += 1
    throw StoreError(.unavailable, "failing for now")
  }

  var kind: String { base.kind }
  var reader: any JobReader { base.reader }
  func enqueue(_ groups: [EnqueueGroup], now: Timestamp) throws(StoreError) -> [EnqueueResult] {
    try pass()
    return try base.enqueue(groups, now: now)
  }
  func claim(_ request: ClaimRequest, now: Timestamp) throws(StoreError) -> ClaimResult {
    try pass()
    return try base.claim(request, now: now)
  }
  func settle(_ settlements: [Settlement], now: Timestamp) throws(StoreError) -> [SettleResult] {
    try pass()
    return try base.settle(settlements, now: now)
  }
  func extend(_ extensions: [Extension], now: Timestamp) throws(StoreError) -> [ExtendResult] {
    try pass()
    return try base.extend(extensions, now: now)
  }
  func promote(now: Timestamp, limit: Int) throws(StoreError) -> Int {
    try pass()
    return try base.promote(now: now, limit: limit)
  }
  func reclaim(now: Timestamp, limit: Int) throws(StoreError) -> [LapsedLease] {
    try pass()
    return try base.reclaim(now: now, limit: limit)
  }
  func prune(now: Timestamp, limit: Int) throws(StoreError) -> Timestamp {
    try pass()
    return try base.prune(now: now, limit: limit)
  }
  func control(_ controls: [Control], now: Timestamp) throws(StoreError) -> [ControlResult] {
    try pass()
    return try base.control(controls, now: now)
  }
  func sweep(_ sweep: Sweep, from cursor: Int64?, limit: Int, now: Timestamp) throws(StoreError) -> SweepResult {
    try pass()
    return try base.sweep(sweep, from: cursor, limit: limit, now: now)
  }
  func setPaused(_ paused: Bool, queue: String, now: Timestamp) throws(StoreError) {
    try pass()
    try base.setPaused(paused, queue: queue, now: now)
  }
  func record(_ events: [Event]) throws(StoreError) {
    try pass()
    try base.record(events)
  }
  func commit(_ durability: Durability) throws(StoreError) -> [Event] {
    try pass()
    return try base.commit(durability)
  }
  func sync() throws(StoreError) {
    try pass()
    try base.sync()
  }
  func rollback() { base.rollback() }
  var nextDue: Timestamp? { base.nextDue }
  func mayHaveReady(_ filter: ClaimFilter) -> Bool { base.mayHaveReady(filter) }
  func queues(now: Timestamp) throws(StoreError) -> [QueueStatistics] { try base.queues(now: now) }
  func isPaused(_ queue: String) -> Bool { base.isPaused(queue) }
  func jobsAhead(of place: Place, queue: String) throws(StoreError) -> Int {
    try base.jobsAhead(of: place, queue: queue)
  }
  func idsAhead(of place: Place, queue: String, most: Int) throws(StoreError) -> [String] {
    try base.idsAhead(of: place, queue: queue, most: most)
  }
  var lastEventCursor: Int64 { base.lastEventCursor }
  func close() throws(StoreError) { try base.close() }
}
