/// Where jobs are kept. Verbs are named after transitions in a job's life.
///
/// - One thread (the engine's) calls a store; nothing here is Sendable but `reader`.
/// - **A tick is one transaction**: the verbs between two commits are stored together or, after `rollback` or a crash, not at all.
///   Inside a tick each verb sees what the ones before it did. A shared store may apply each verb at once instead; then
///   each is atomic by itself.
/// - Expected outcomes (duplicate, stale lease, not found) are values. Only infrastructure throws; after a throw the caller
///   calls `rollback`, and the store is as it was at the last commit.
/// - Verbs check everything, then write: none is half applied.
/// - Results come in the order of what was asked.
/// - Every transition records its event; the store numbers events without a gap and stamps them with `now`.
/// - `now` never goes backwards from call to call (the caller sees to it).
/// - Time, randomness (`draw`) and ids of workers come from outside: same calls, same results, same ids.
public protocol JobStore: AnyObject {
  /// "embedded", "redis", ...
  var kind: String { get }
  var reader: any JobReader { get }
  /// nil: no other server uses the store.
  var directory: (any WorkerDirectory)? { get }

  /// Stores new jobs. An id that exists (in any state) makes a duplicate; then a held unique key decides by `onConflict`.
  /// A job with `runAt` later than now is scheduled, else ready. Events: scheduled or enqueued (for a replaced one too).
  func enqueue(_ groups: [EnqueueGroup], now: Timestamp) throws(StoreError) -> [EnqueueResult]

  /// Deals ready jobs to slots, see `ClaimRequest`. Paused queues and jobs past their start_before are left out (those become
  /// expired here or in `promote`). Event: started.
  func claim(_ request: ClaimRequest, now: Timestamp) throws(StoreError) -> ClaimResult

  /// Ends leases. Events: succeeded, failed, dead, canceled, leaseLost (then dead, if that was the last), or for a released
  /// or unconfirmed one enqueued (scheduled when it has a delay).
  func settle(_ settlements: [Settlement], now: Timestamp) throws(StoreError) -> [SettleResult]

  /// Renews leases. A lease never reaches past its attempt's deadline + `timeoutGrace`. A store with one server may keep renewals
  /// in memory only: at open every lease gets a full term. Event: progress, when given.
  func extend(_ extensions: [Extension], now: Timestamp) throws(StoreError) -> [ExtendResult]

  /// Moves due scheduled and retrying jobs to ready (event: enqueued) and waiting ones past their start_before to expired,
  /// at most `limit`; returns how many. `limit` of them means that there may be more.
  func promote(now: Timestamp, limit: Int) throws(StoreError) -> Int

  /// Settles leases whose end has come, at most `limit`.
  func reclaim(now: Timestamp, limit: Int) throws(StoreError) -> [LapsedLease]

  /// Forgets finished jobs and events whose retention is over, looking at no more than `limit` of each.
  /// Returns when it wants to be called again.
  func prune(now: Timestamp, limit: Int) throws(StoreError) -> Timestamp

  func control(_ controls: [Control], now: Timestamp) throws(StoreError) -> [ControlResult]

  /// One slice of a sweep, looking at no more than `limit` jobs from `cursor` (nil: the start).
  func sweep(_ sweep: Sweep, from cursor: Int64?, limit: Int, now: Timestamp) throws(StoreError) -> SweepResult

  /// A paused queue's jobs wait; what runs goes on. Known even when the queue has no job yet. Event, if it changed: queuePaused, queueResumed.
  func setPaused(_ paused: Bool, queue: String, now: Timestamp) throws(StoreError)

  /// Adds events that are no job's (workers coming and going). Their cursors are ignored.
  func record(_ events: [Event]) throws(StoreError)

  /// Makes the tick's changes durable and gives out the events it recorded, numbered, in order. A tick that changed nothing
  /// costs nothing. With `.relaxed` the caller will call `sync` within a second or so.
  func commit(_ durability: Durability) throws(StoreError) -> [Event]

  /// Makes everything committed so far survive power loss.
  func sync() throws(StoreError)

  /// Undoes all since the last commit.
  func rollback()

  /// The earliest time at which promote or reclaim has something to do; nil: nothing waits for a time. Cheap.
  var nextDue: Timestamp? { get }

  /// Whether anything ready may match: cheap, may say true in vain, never false in vain.
  func mayHaveReady(_ filter: ClaimFilter) -> Bool

  /// Every queue that has jobs, totals or is paused, by name.
  func queues(now: Timestamp) throws(StoreError) -> [QueueStatistics]

  func isPaused(_ queue: String) -> Bool

  /// How many ready jobs of the queue come before `place`.
  func jobsAhead(of place: Place, queue: String) throws(StoreError) -> Int

  /// The ids of the `most` first of them, the next to run first. A store that cannot say cheaply names none.
  func idsAhead(of place: Place, queue: String, most: Int) throws(StoreError) -> [String]

  /// The cursor of the newest committed event; 0: none yet.
  var lastEventCursor: Int64 { get }

  /// Ends the use of the store, everything synced. Nothing may be called afterwards.
  func close() throws(StoreError)
}

extension JobStore {
  public func idsAhead(of place: Place, queue: String, most: Int) throws(StoreError) -> [String] { [] }
}
