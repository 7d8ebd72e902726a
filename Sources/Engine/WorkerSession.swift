import Jobs

/// One worker as the engine knows it: on a stream, away within its resume window, or calling Fetch and Report.
final class WorkerSession {
  enum Presence {
    /// On the stream of `route`.
    case connected
    /// Its stream broke; its leases are kept until then.
    case away(until: Instant)
    /// Known by what it calls.
    case polling
    /// Nothing of it is left.
    case gone
  }

  /// What it has not been told yet.
  struct Outgoing {
    var welcome: Welcome?
    var jobs: [ClaimedJob] = []
    /// Those that a rate has let start, each with the tick that must be stored first.
    var unstored: [(tick: UInt64, job: ClaimedJob)] = []
    var results: [LeaseResult] = []
    var notices: [CancelNotice] = []
    /// Leases that ended: said before the jobs that take their slots.
    var lost: [CancelNotice] = []
    var drain = false
  }

  let id: String
  /// Rises with every session, so that their order does not depend on chance.
  let number: UInt64
  var presence: Presence
  var route: Route?
  var group: FilterGroup
  /// A poller says them with every Fetch.
  var subscriptions: [Subscription]
  let address: String
  /// The other server that it is connected to; nil: this one.
  var server: String?
  /// The queues that it may take from; nil: all.
  var scope: QueueScope?
  let labels: [String: String]
  let resumeWindow: Interval?
  var lease: Interval
  let connectedAt: Timestamp

  var most: Int
  /// 0: no limit.
  let maxBytes: Int
  var held = HeldTable()
  var heldBytes = 0

  /// Of the newest message to the worker, and the highest it confirmed.
  var seq: UInt64 = 0
  var confirmed: UInt64 = 0
  var lastSeen: Instant
  var lastSent: Instant
  /// Every lease it holds lasts at least until here.
  var leasesUntil: Instant = .distantFuture
  /// When its timer was last set for; an earlier entry means nothing.
  var timer: Instant = .distantFuture

  /// On a stream: what jobs are dealt to.
  var taker: Taker?
  /// Polling: its waiting calls.
  var fetches: [Taker] = []
  /// The session of the same id that this one follows, until its leases are sorted out.
  var predecessor: WorkerSession?

  var isDraining = false
  /// Outcomes whose results it has not heard.
  var unanswered = 0
  /// Silent for a whole lease: given nothing until it speaks.
  var isSilent = false
  /// A claim has given it enough: it is given nothing until its loop says that this has left. Either some of it is still unsaid, or the
  /// update with the last of it was `isEnough`.
  var isSated = false

  var lostTotal: UInt64 = 0
  var succeededTotal: UInt64 = 0
  var failedTotal: UInt64 = 0

  // Of this tick
  var isTouched = false
  var isRenewing = false
  /// Outcomes came, whose results it will hear after the commit.
  var isReporting = false
  var out = Outgoing()

  init(
    id: String, number: UInt64, presence: Presence, route: Route?, group: FilterGroup, subscriptions: [Subscription],
    address: String, labels: [String: String], resumeWindow: Interval?, lease: Interval, most: Int, maxBytes: Int,
    now: Moment
  ) {
    self.id = id
    self.number = number
    self.presence = presence
    self.route = route
    self.group = group
    self.subscriptions = subscriptions
    self.address = address
    self.labels = labels
    self.resumeWindow = resumeWindow
    self.lease = lease
    self.most = most
    self.maxBytes = maxBytes
    connectedAt = now.wall
    lastSeen = now.elapsed
    lastSent = now.elapsed
  }

  var isConnected: Bool { if case .connected = presence { true } else { false } }
  var isPolling: Bool { if case .polling = presence { true } else { false } }
  var isGone: Bool { if case .gone = presence { true } else { false } }

  /// How long before its leases end they are renewed.
  var renewalMargin: Interval { Interval(microseconds: lease.microseconds / 6) }

  func hold(_ lease: consuming HeldLease, until: Instant) {
    leasesUntil = held.isEmpty ? until : min(leasesUntil, until)
    heldBytes += lease.payloadSize
    held.insert(consume lease)
  }

  func drop(_ token: UInt64) -> HeldLease? {
    guard let place = held.find(token) else { return nil }
    return drop(at: place)
  }

  func drop(at place: Int) -> HeldLease {
    let lease = held.remove(at: place)
    heldBytes -= lease.payloadSize
    return lease
  }

  func dropAll() -> [HeldLease] {
    heldBytes = 0
    return held.removeAll()
  }

  // MARK: Slots

  /// Puts a stream's free slots right.
  func countFreeSlots() {
    guard let taker else { return }
    let free = isSilent || isSated || taker.isBytesFull ? 0 : max(0, most - held.count)
    taker.set(free: free, of: most)
    group.heap.moved(taker)
  }

  /// It is given nothing any more.
  func leaveGroup() {
    guard let taker else { return }
    group.heap.remove(taker)
    self.taker = nil
    group.members -= 1
  }

  /// Jobs that it was not told of are no longer its: with the last of them goes the mark that its loop would have answered.
  func forgetUnsaid() { if out.jobs.isEmpty, out.unstored.isEmpty { isSated = false } }

  /// Whether the worker said that it has this assignment.
  func hasConfirmed(_ lease: HeldLease) -> Bool { lease.seq <= confirmed }

  /// Whether this tick's jobs may go with the results of this tick, in one message after the commit: it has just spoken of
  /// others and has slots to spare, so no slot stays idle for want of them. What else it must hear does not wait.
  var canWaitForResults: Bool {
    isReporting && !out.jobs.isEmpty && out.welcome == nil && out.lost.isEmpty && !out.drain
      && most - held.count >= out.jobs.count
  }
}
