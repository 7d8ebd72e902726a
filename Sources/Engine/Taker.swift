import Jobs

/// Something that jobs can be dealt to: a stream session for its whole life, or one waiting Fetch. It, its session and the group that it stands in know each other: dealing goes from
/// the group to the session, and a session that goes or is full takes it out of its group.
final class Taker {
  let worker: WorkerSession
  /// Of a Fetch: where its one answer goes.
  let fetch: WaitingFetch?
  /// In whose heap it is or was.
  var group: FilterGroup?
  /// Jobs it could be given now, and of how many.
  private(set) var free = 0
  private(set) var most = 0
  /// Among those of its group.
  private(set) var rank = TakerHeap.Rank(share: 0, turn: 0)
  /// Its place in the group's heap; -1: in none.
  var place = -1
  /// What was next did not fit its bytes: nothing for it until it gives something back.
  var isBytesFull = false

  // While a claim is made up
  var dealt = 0
  var got = 0
  var requestIndex = -1
  var turnBefore: UInt64 = 0

  init(worker: WorkerSession, fetch: WaitingFetch? = nil) {
    self.worker = worker
    self.fetch = fetch
  }

  func set(free: Int, of most: Int) {
    self.free = free
    self.most = most
    rank.share = most > 0 && free > 0 ? (UInt64(free) << 32) / UInt64(most) : 0
  }

  /// Puts right what a claim was made up with. A Fetch that was given jobs is given more only if another claim of this tick `follows`: it has
  /// one answer.
  func countFreeSlots(anotherFollows follows: Bool = false) {
    guard let fetch else { return worker.countFreeSlots() }
    set(free: fetch.jobs.isEmpty || follows ? fetch.most - fetch.jobs.count : 0, of: max(1, fetch.most))
    group?.heap.moved(self)
  }

  /// Of a Fetch: whether the claim gave it all that was dealt to it, and it wants more.
  var isUnfilled: Bool {
    guard let fetch else { return false }
    return got > 0 && got == dealt && fetch.jobs.count < fetch.most
  }

  func takeOne() { set(free: free - 1, of: most) }

  /// When it was last dealt to.
  var turn: UInt64 {
    get { rank.turn }
    set { rank.turn = newValue }
  }
}

/// A Fetch that has not been answered.
final class WaitingFetch {
  let route: Route
  let most: Int
  let lease: Interval
  let until: Instant
  var jobs: [ClaimedJob] = []
  /// Of the answer with these jobs, at most.
  var messageSize = 0
  var isAnswered = false

  init(route: Route, most: Int, lease: Interval, until: Instant) {
    self.route = route
    self.most = most
    self.lease = lease
    self.until = until
  }
}
