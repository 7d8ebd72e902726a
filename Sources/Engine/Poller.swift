import Backlog
import Jobs

/// When: due jobs, ended leases, forgetting, syncing. It never works on an interval, it knows the next time that anything is due.
final class Poller {
  private let backlog: Backlog
  private let configuration: EngineConfiguration
  private let workers: WorkerRegistry

  private var forgetAt: Instant
  /// When what was written relaxed must be synced; nil: nothing is waiting for it.
  private var syncAt: Instant?
  /// More is due than one tick may do.
  private var hasMore = false

  /// Jobs promoted, leases ended in one tick.
  static let slice = 512
  static let forgetSlice = 256
  /// Forgetting many leaves this much time to others between two slices.
  static let forgetGap: Interval = .milliseconds(2)
  /// The wall clock is looked at this often while something waits for a time by it.
  static let wallClockLook: Interval = .seconds(1)

  init(backlog: Backlog, configuration: EngineConfiguration, workers: WorkerRegistry, now: Instant) {
    self.backlog = backlog
    self.configuration = configuration
    self.workers = workers
    forgetAt = now
  }

  func promote(_ tick: Tick) throws(StoreError) {
    hasMore = false
    guard let due = backlog.nextDue(now: tick.moment), due <= tick.now else { return }
    let promoted = try backlog.promote(now: tick.moment, limit: Self.slice)
    let lapsed = try backlog.reclaim(now: tick.moment, limit: Self.slice)
    workers.lapsed(lapsed, tick: tick)
    hasMore = promoted >= Self.slice || lapsed.count >= Self.slice
  }

  func forget(_ tick: Tick) throws(StoreError) {
    guard forgetAt <= tick.now else { return }
    let next = try backlog.forget(now: tick.moment, limit: Self.forgetSlice)
    forgetAt = tick.now + max(next - tick.wall, Self.forgetGap)
  }

  /// Whether the storage is to be synced now, and what was written takes care of it.
  func syncs(_ tick: Tick, writes durability: Durability?, wantsSync: Bool) -> Bool {
    switch durability {
    case .synced:
      syncAt = nil
      return false
    case .relaxed:
      if syncAt == nil { syncAt = tick.now + configuration.syncDelay }
    case nil: break
    }
    // What is answered now may rest on what an earlier tick wrote relaxed.
    guard let at = syncAt, wantsSync || at <= tick.now else { return false }
    syncAt = nil
    return true
  }

  /// The state was loaded anew: nothing is known of what was synced.
  func restart(_ now: Instant) {
    syncAt = now
    forgetAt = now
    hasMore = false
  }

  /// The next time that there is something to do by itself.
  func next(_ now: Moment) -> Instant {
    if hasMore { return now.elapsed }
    var next = forgetAt
    if let syncAt { next = min(next, syncAt) }
    if let due = backlog.nextDue(now: now) { next = min(next, due) }
    if backlog.waitsForWallClock { next = min(next, now.elapsed + Self.wallClockLook) }
    return next
  }
}
