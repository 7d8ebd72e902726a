import Backlog
import Jobs

/// When: due jobs, ended leases, forgetting, syncing. It never works on an interval, it knows the next time that anything is due.
final class Poller {
  private let backlog: Backlog
  private let configuration: EngineConfiguration
  private let leases: Leases

  private var forgetAt: Instant
  /// When what was written relaxed must be synced; nil: nothing is waiting for it.
  private var syncAt: Instant?
  /// More is due than one tick may do.
  private var hasMoreDue = false
  private var hasMoreLapsed = false
  private var hasMoreWork = false

  /// Jobs promoted, leases ended in one tick.
  static let slice = 512
  static let forgetSlice = 256
  /// Forgetting many leaves this much time to others between two slices.
  static let forgetGap: Interval = .milliseconds(2)
  /// The wall clock is looked at this often while something waits for a time by it.
  static let wallClockLook: Interval = .seconds(1)

  init(backlog: Backlog, configuration: EngineConfiguration, leases: Leases, now: Instant) {
    self.backlog = backlog
    self.configuration = configuration
    self.leases = leases
    forgetAt = now
  }

  /// Ends leases whose time is over.
  func reclaim(_ tick: Tick) throws(StoreError) {
    hasMoreLapsed = false
    guard let due = backlog.nextDue(now: tick.moment), due <= tick.now else { return }
    let lapsed = try backlog.reclaim(now: tick.moment, limit: Self.slice)
    leases.lapsed(lapsed, tick: tick)
    hasMoreLapsed = lapsed.count >= Self.slice
  }

  /// What follows from what happened, and from time.
  func work(_ tick: Tick) throws(StoreError) {
    hasMoreWork = false
    guard let due = backlog.nextDue(now: tick.moment), due <= tick.now else { return }
    hasMoreWork = try backlog.work(now: tick.moment, limit: Self.slice) >= Self.slice
  }

  func promote(_ tick: Tick) throws(StoreError) {
    hasMoreDue = false
    guard let due = backlog.nextDue(now: tick.moment), due <= tick.now else { return }
    let promoted = try backlog.promote(now: tick.moment, limit: Self.slice)
    hasMoreDue = promoted >= Self.slice || backlog.lacksDue
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
    hasMoreDue = false
    hasMoreLapsed = false
    hasMoreWork = false
  }

  /// The next time that there is something to do by itself.
  /// - Parameter waiting: for rows: these need not be called.
  func next(_ now: Moment, waiting: AwaitedRows.Verb) -> Instant? {
    let promotes = !waiting.contains(.time)
    let works = !waiting.contains(.work)
    if hasMoreLapsed || promotes && hasMoreDue || works && hasMoreWork { return now.elapsed }
    var next: Instant?
    func consider(_ time: Instant?) { if let time { next = min(next ?? time, time) } }
    consider(syncAt)
    if !waiting.contains(.forget) { consider(forgetAt) }
    consider(backlog.nextDue(now: now, promotes: promotes, works: works))
    if backlog.waitsForWallClock { consider(now.elapsed + Self.wallClockLook) }
    return next
  }
}
