import Jobs

/// What the commands of one tick come to, sorted by what the store is asked, and what is to be said afterwards.
/// One object, used again and again for its arrays' space.
final class Tick {
  /// Who hears what became of a lease that was to be renewed.
  enum ExtendOrigin {
    case hello(WorkerSession)
    case renewal(WorkerSession)
    case progress(WorkerSession)
    /// The place of the answer in the report's results; nil: of progress, which has none.
    case report(PendingReport, Int?)
  }

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
    var startedAt = Timestamp.distantPast
    var session: WorkerSession?
  }

  struct Assigned {
    var session: WorkerSession
    var token: UInt64
  }

  var now = Timestamp.distantPast

  // Asked of the store, each with who wants to know
  var extensions: [Extension] = []
  var extendOrigins: [ExtendOrigin] = []
  var settlements: [Settlement] = []
  var settleOrigins: [SettleOrigin] = []
  var settleResults: [SettleResult] = []
  var groups: [EnqueueGroup] = []
  var enqueueOrigins: [(route: Route, durability: Durability)] = []
  var controls: [Control] = []
  var controlRoutes: [Route] = []
  var pauses: [(queue: String, isPaused: Bool, route: Route)] = []
  /// Workers to be drained, by an operator's wish.
  var drains: [(id: String, isHere: Bool, route: Route)] = []
  var reads: [Command] = []
  var readsAnswered = 0

  var reports: [PendingReport] = []
  var connecting: [WorkerSession] = []
  var renewing: [WorkerSession] = []
  var assigned: [Assigned] = []
  var answeredFetches: [Taker] = []
  /// Fetches that came in this tick.
  var fetched: [Taker] = []
  /// Sessions with something to be said or counted anew.
  var touched: [WorkerSession] = []
  /// How many of the engine's own settlements and of the workers' events are in this tick.
  var orphans = 0
  var workerEvents = 0

  var early: [Effect] = []
  /// Said when the commit has succeeded; each becomes a failure when it has not.
  var replies: [Effect] = []
  /// Jobs that were deleted: nobody waits for their end any longer.
  var deleted: [String] = []

  var wantsSync = false
  var hasWritten = false
  /// Other servers have recorded events up to here.
  var heard: Int64 = 0
  var failure: StoreError?

  func begin(_ now: Timestamp) {
    self.now = now
    extensions.removeAll(keepingCapacity: true)
    extendOrigins.removeAll(keepingCapacity: true)
    settlements.removeAll(keepingCapacity: true)
    settleOrigins.removeAll(keepingCapacity: true)
    settleResults.removeAll(keepingCapacity: true)
    groups.removeAll(keepingCapacity: true)
    enqueueOrigins.removeAll(keepingCapacity: true)
    controls.removeAll(keepingCapacity: true)
    controlRoutes.removeAll(keepingCapacity: true)
    pauses.removeAll(keepingCapacity: true)
    drains.removeAll(keepingCapacity: true)
    reads.removeAll(keepingCapacity: true)
    readsAnswered = 0
    reports.removeAll(keepingCapacity: true)
    connecting.removeAll(keepingCapacity: true)
    renewing.removeAll(keepingCapacity: true)
    assigned.removeAll(keepingCapacity: true)
    answeredFetches.removeAll(keepingCapacity: true)
    fetched.removeAll(keepingCapacity: true)
    touched.removeAll(keepingCapacity: true)
    orphans = 0
    workerEvents = 0
    early.removeAll(keepingCapacity: true)
    replies.removeAll(keepingCapacity: true)
    deleted.removeAll(keepingCapacity: true)
    wantsSync = false
    hasWritten = false
    heard = 0
    failure = nil
  }

  func touch(_ session: WorkerSession) {
    guard !session.isTouched else { return }
    session.isTouched = true
    touched.append(session)
  }

  func extend(
    _ lease: Lease, until: Timestamp, progress: Progress? = nil, ifEndsBy: Timestamp? = nil, for origin: ExtendOrigin
  ) {
    extensions.append(Extension(lease: lease, until: until, progress: progress, ifEndsBy: ifEndsBy))
    extendOrigins.append(origin)
  }

  func reply(_ route: Route, _ reply: Reply) { replies.append(.reply(route, reply)) }
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
