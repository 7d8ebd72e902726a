import Jobs
import Backlog

/// One tick: what its commands ask for, and what is said at once and when it is stored. One object, used again and again for its arrays' space.
final class Tick {
  /// Who hears what became of a lease that was to be renewed.
  enum ExtendOrigin {
    case hello(WorkerSession)
    case renewal(WorkerSession)
    case progress(WorkerSession)
    /// The place of the answer in the report's results; nil: of progress, which has none.
    case report(PendingReport, Int?)
  }

  /// Rises with every tick.
  private(set) var number: UInt64 = 0
  var moment = Moment(wall: .distantPast, elapsed: .distantPast)
  var now: Instant { moment.elapsed }
  var wall: Timestamp { moment.wall }

  var renewals: [Renewal] = []
  var extendOrigins: [ExtendOrigin] = []
  /// Of producers and people: carried out verb by verb. What a verb cannot do yet stays.
  var asked = Asked()

  var connecting: [WorkerSession] = []
  var renewing: [WorkerSession] = []
  /// Fetches that came in this tick, and those that were given something.
  var fetched: [Taker] = []
  var answeredFetches: [Taker] = []
  /// Sessions with something to be said or counted anew.
  var touched: [WorkerSession] = []

  /// Jobs that were given out are said when the tick is stored: with its results, or because a rate has let them start.
  var holdsJobs = false

  /// Said at once.
  var early: [Effect] = []
  /// Said when the tick is stored.
  var said = Said()

  func begin(_ moment: Moment) {
    number += 1
    self.moment = moment
    renewals.removeAll(keepingCapacity: true)
    extendOrigins.removeAll(keepingCapacity: true)
    connecting.removeAll(keepingCapacity: true)
    renewing.removeAll(keepingCapacity: true)
    answeredFetches.removeAll(keepingCapacity: true)
    touched.removeAll(keepingCapacity: true)
    early.removeAll(keepingCapacity: true)
    holdsJobs = false
  }

  func touch(_ session: WorkerSession) {
    guard !session.isTouched else { return }
    session.isTouched = true
    touched.append(session)
  }

  /// The tick is over, however it ended: what it says goes to those that it touched, and others may touch them again.
  func letGoOfSessions() {
    said.touched = touched
    for session in touched {
      session.isTouched = false
      session.isReporting = false
    }
    touched.removeAll(keepingCapacity: true)
  }

  func extend(
    _ lease: Lease, until: Instant, progress: Progress? = nil, scope: QueueScope? = nil, for origin: ExtendOrigin
  ) {
    let isOfReport = if case .report = origin { true } else { false }
    renewals.append(Renewal(lease: lease, until: until, progress: progress, scope: scope, isWhole: isOfReport))
    extendOrigins.append(origin)
  }

  func reply(_ route: Route, _ reply: Reply) { said.replies.append(.reply(route, reply)) }
}

/// What producers and people ask for, by verb, each with who wants to know. A verb takes away what it has done; what needs rows that are being read
/// is asked again by the next tick.
struct Asked {
  var groups: [EnqueueGroup] = []
  var enqueueOrigins: [(route: Route, durability: Durability)] = []
  var arrivals: [(items: [InboxItem], route: Route)] = []
  var controls: [Control] = []
  var controlRoutes: [Route] = []
  var pauses: [(queue: String, isPaused: Bool, route: Route)] = []
  var deletions: [(queue: String, route: Route)] = []
  var flows: [(command: FlowCommand, route: Route)] = []
  var reads: [(command: Command, route: Route)] = []
  /// What is to be recorded of those that are done.
  var audits: [(audit: Audit, route: Route)] = []

  /// So many of them, the first, wait for rows: what comes meanwhile is not begun before these are done. Else there would always be some that
  /// came last and whose rows are yet to come. 0: none.
  var enqueuesBegun = 0
  var controlsBegun = 0

  /// How many of `count` are to be done now.
  mutating func begin(_ begun: WritableKeyPath<Asked, Int>, of count: Int) -> Int {
    if self[keyPath: begun] == 0 { self[keyPath: begun] = count }
    return self[keyPath: begun]
  }

  /// What could be gone on with.
  var verbs: AwaitedRows.Verb {
    var verbs: AwaitedRows.Verb = []
    if !groups.isEmpty { verbs.insert(.enqueue) }
    if !arrivals.isEmpty { verbs.insert(.takeIn) }
    if !controls.isEmpty { verbs.insert(.control) }
    if !flows.isEmpty { verbs.insert(.flow) }
    if !reads.isEmpty { verbs.insert(.looks) }
    return verbs
  }

  var count: Int { groups.count + arrivals.count + controls.count + reads.count }

  /// Whether it is not done yet.
  func holds(_ route: Route) -> Bool {
    controlRoutes.contains(route) || enqueueOrigins.contains { $0.route == route }
      || flows.contains { $0.route == route } || pauses.contains { $0.route == route }
      || deletions.contains { $0.route == route }
  }

  /// Nothing of it is done: who is to hear so.
  mutating func giveUp() -> [Route] {
    let routes =
      enqueueOrigins.map(\.route) + arrivals.map(\.route) + controlRoutes + pauses.map(\.route) + deletions.map(\.route)
      + flows.map(\.route) + reads.map(\.route)
    self = Asked()
    return routes
  }
}

/// What is said once a tick is stored, and what is put back when it is not.
final class Said {
  /// Who hears what became of an outcome, and the lease as it was held, in case it must be held again.
  struct SettleOrigin {
    enum Owner {
      /// The session below, on its stream.
      case session
      case report(PendingReport, Int)
      case engine
    }
    var owner: Owner
    var held: HeldLease?
    /// The lease's, if it was held: what is looked at when the tick succeeds.
    var queue: Int32?
    var startedAt = Instant.distantPast
    var session: WorkerSession?
    /// Who had it on its list, when that is not known before the state has spoken: it came with it in this very tick, or it is another's.
    var holder: WorkerSession?
  }

  init() {}

  /// The next one, with room for as much as this one held.
  init(after last: Said) {
    // What is said to workers comes after them.
    replies.reserveCapacity(min(last.replies.count + last.touched.count, Self.maxRoom))
    settlements.reserveCapacity(min(last.settlements.count, Self.maxRoom))
    settleOrigins.reserveCapacity(min(last.settleOrigins.count, Self.maxRoom))
  }

  private static let maxRoom = 512

  var settlements: [Settlement] = []
  var settleOrigins: [SettleOrigin] = []
  var settleResults: [SettleResult] = []
  /// Of the settlements, how many are the engine's own: the first ones.
  var orphans = 0
  var workerEvents: [Event] = []

  /// Each becomes a failure when the tick could not be stored.
  var replies: [Effect] = []
  /// Said whatever comes of the tick.
  var fences: [Route] = []
  var reports: [PendingReport] = []
  /// Fetches that were given what a rate has let start.
  var fetched: [(worker: WorkerSession, fetch: WaitingFetch)] = []
  /// Sessions that may have something to hear.
  var touched: [WorkerSession] = []
  /// Jobs that were deleted: nobody waits for their end any longer.
  var deleted: [String] = []
  var sweep: SweepSlice?

  /// Somebody is told that something is stored: it must survive a power loss.
  var wantsSync = false
  var events: [Event] = []
  /// Of the change set; 0: there was none.
  var number: UInt64 = 0
  /// What it was the end of.
  var tick: UInt64 = 0
  var ticket: UInt64 = 0

  /// Nothing is said to anybody but workers on their streams.
  var isForStreamsOnly: Bool {
    replies.isEmpty && fences.isEmpty && reports.isEmpty && fetched.isEmpty && deleted.isEmpty && sweep == nil
  }

  var isEmpty: Bool {
    settlements.isEmpty && replies.isEmpty && fences.isEmpty && reports.isEmpty && fetched.isEmpty && touched.isEmpty
      && deleted.isEmpty && sweep == nil
      && workerEvents.isEmpty
  }
}

/// A Report being answered.
final class PendingReport {
  let route: Route
  let workerID: String
  let session: WorkerSession?
  var results: [LeaseResult] = []
  var notices: [CancelNotice] = []

  init(route: Route, workerID: String, session: WorkerSession?) {
    self.route = route
    self.workerID = workerID
    self.session = session
  }
}

extension Array {
  /// The first, without a copy when they are all.
  func first(_ count: Int) -> [Element] { count == self.count ? self : Array(prefix(count)) }

  /// Takes away the first; keeps its room when nothing is left, which is the rule.
  mutating func takeAway(_ count: Int) {
    if count == self.count { removeAll(keepingCapacity: true) } else { removeFirst(count) }
  }
}
