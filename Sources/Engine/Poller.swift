import Jobs

/// When: due jobs, ended leases, pruning, syncing. It never works on an interval, it knows the next time that anything is due.
final class Poller {
  private let store: any JobStore
  private let configuration: EngineConfiguration
  private let balancer: LoadBalancer
  private let workers: WorkerRegistry

  private var pruneAt: Timestamp
  /// When relaxed commits must be synced; nil: nothing is waiting for it.
  private var syncAt: Timestamp?
  /// After a failure the store is left alone until then, except for what somebody asks.
  private var retryAt: Timestamp?
  private var failures = 0
  /// More is due than one tick may do.
  private var hasMore = false
  /// The store says that something is due, yet nothing was: not asked again before.
  private var idleUntil: Timestamp?

  /// Jobs promoted, leases ended in one tick.
  static let slice = 512
  static let pruneSlice = 256
  /// Pruning a backlog leaves this much time to others between two slices.
  static let pruneGap: Interval = .milliseconds(2)

  init(
    store: any JobStore, configuration: EngineConfiguration, balancer: LoadBalancer, workers: WorkerRegistry,
    now: Timestamp
  ) {
    self.store = store
    self.configuration = configuration
    self.balancer = balancer
    self.workers = workers
    pruneAt = now
  }

  /// The first time from `time` on when the store is not given a rest.
  func afterRest(_ time: Timestamp) -> Timestamp { retryAt.map { max(time, $0) } ?? time }

  /// Nothing is moved by itself before then.
  func putOff(until time: Timestamp) { idleUntil = time }

  /// Whether the store is given a rest.
  func isResting(_ now: Timestamp) -> Bool { retryAt.map { now < $0 } ?? false }

  func promote(_ tick: Tick) throws(StoreError) {
    hasMore = false
    let now = tick.now
    guard !isResting(now) else { return }
    guard let due = store.nextDue, due <= now, idleUntil.map({ $0 <= now }) ?? true else { return }
    let promoted = try store.promote(now: now, limit: Self.slice)
    if promoted > 0 { balancer.becameReadyAnywhere(promoted) }
    let lapsed = try store.reclaim(now: now, limit: Self.slice)
    workers.lapsed(lapsed, tick: tick)
    if promoted > 0 || !lapsed.isEmpty { tick.hasWritten = true }
    hasMore = promoted >= Self.slice || lapsed.count >= Self.slice
    idleUntil = promoted == 0 && lapsed.isEmpty ? now + .milliseconds(1) : nil
  }

  func prune(_ tick: Tick) throws(StoreError) {
    guard pruneAt <= tick.now, !isResting(tick.now) else { return }
    tick.hasWritten = true
    pruneAt = max(try store.prune(now: tick.now, limit: Self.pruneSlice), tick.now + Self.pruneGap)
  }

  /// After a successful commit.
  /// - Parameter recorded: whether there were events, so for certain something to store.
  /// - Parameter mayMatter: whether there may have been changes without events that must be synced sometime.
  func committed(_ durability: Durability, recorded: Bool, mayMatter: Bool, now: Timestamp) throws(StoreError) {
    failures = 0
    retryAt = nil
    switch durability {
    case .synced:
      // A commit without changes syncs nothing, but what was just answered may have been stored by a relaxed one.
      if recorded { syncAt = nil } else if syncAt != nil { try sync() }
    case .relaxed:
      if recorded || mayMatter, syncAt == nil { syncAt = now + configuration.syncDelay }
    }
  }

  func syncIfDue(_ now: Timestamp) throws(StoreError) {
    guard let at = syncAt, at <= now, !isResting(now) else { return }
    try sync()
  }

  private func sync() throws(StoreError) {
    try store.sync()
    syncAt = nil
  }

  func failed(_ now: Timestamp) {
    failures = min(failures + 1, 8)
    // 10 ms, 20 ms ... 1.28 s
    retryAt = now + .milliseconds(10 << Int64(failures - 1))
  }

  /// The next time that the store has something to do by itself.
  func next(now: Timestamp) -> Timestamp? {
    var next = pruneAt
    if let syncAt { next = min(next, syncAt) }
    if hasMore { next = now }
    if let due = store.nextDue { next = min(next, max(due, idleUntil ?? due)) }
    if let retryAt { next = max(next, retryAt) }
    return next
  }
}
