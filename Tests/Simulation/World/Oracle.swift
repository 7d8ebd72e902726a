import Backlog
import Engine
import Jobs

/// What must hold whatever happens. Sees what the server is told and what it says, and the events as a watcher reads them.
package final class Oracle {
  package private(set) var faults: [String] = []
  var isOver = false
  /// Jobs that are over are forgotten within the run.
  var forgets = false

  // Sessions, as the server must see them
  private struct Session {
    var most: Int
    var held: Set<UInt64> = []
    /// Held when its outcome came, and not answered yet: held again if that fails. A worker may also speak of leases of long ago.
    var reported: Set<UInt64> = []
    var seq: UInt64 = 0
    var isEnded = false
  }
  private var sessions: [Route: Session] = [:]
  private var tokens: Set<UInt64> = []
  private var settled: Set<UInt64> = []

  // Jobs
  private struct Story {
    var last: Event.Kind
    var due: Timestamp
    var key: String
    /// Of the last step.
    var cursor: Int64
  }
  private var stories: [String: Story] = [:]
  private var keyHolders: [String: String] = [:]
  private var keys: [String: String] = [:]
  /// Keys that a producer sent a replacement for: a waiting job of theirs, also one that waits to be tried again, takes a new time.
  private var replaced: Set<String> = []
  package private(set) var acknowledged: Set<String> = []
  private var deletable: Set<String> = []
  private var retried: Set<String> = []
  /// What was asked for, by id.
  private(set) var jobs: [String: NewJob] = [:]
  private(set) lazy var flow = FlowOracle(self)
  /// Calls that are to have exactly one answer.
  private var unanswered: [Route: String] = [:]
  private var answered: Set<Route> = []
  private var endedRoutes: Set<Route> = []
  private var cursor: Int64 = 0
  private var lostSteps: [ClosedRange<Int64>] = []
  private var seen: [Int64: Event] = [:]
  private var open: Set<String> = []
  package private(set) var eventCount = 0
  /// Enqueues that were sent and whose jobs nobody knows of yet.
  var enqueuesUnderWay = 0

  /// Every job the watcher knows of has ended, and every acknowledged one is known.
  func isQuiet(_ reader: any JobReader) -> Bool {
    guard enqueuesUnderWay == 0, open.count <= deletable.count else { return false }
    // A deleted job's story has no end.
    for id in open where deletable.contains(id) {
      if (try? reader.job(id: id)) == nil { open.remove(id) }
    }
    return open.isEmpty && acknowledged.isSubset(of: deletable.union(stories.keys))
  }

  func fault(_ text: String) { if faults.count < 20 { faults.append(text) } }

  // MARK: What the server hears and says

  func heard(_ commands: [Command]) {
    for command in commands where !endedRoutes.contains(command.route) {
      if let (route, name) = Self.call(command) {
        unanswered[route] = name
        answered.remove(route)
      }
      switch command {
      case .connect(let hello, _, let route):
        sessions[route] = Session(most: Int(min(hello.maxInFlight, 10_000)), held: [])
        if !hello.held.isEmpty { sessions[route]?.held = Set(hello.held.map(\.token)) }
      case .work(let message, let route):
        if let most = message.capacity { sessions[route]?.most = Int(most) }
        for outcome in message.outcomes {
          if let token = sessions[route]?.held.remove(outcome.lease.token) {
            sessions[route]?.reported.insert(token)
          }
        }
      default: break
      }
    }
  }

  /// Who hears exactly one answer, and soon.
  private static func call(_ command: Command) -> (Route, String)? {
    switch command {
    case .enqueue(_, _, let route): (route, "enqueue")
    case .takeIn(_, let route): (route, "takeIn")
    case .control(_, let route): (route, "control")
    case .sweep(_, let route): (route, "sweep")
    case .pause(_, _, let route): (route, "pause")
    case .deleteQueue(_, let route): (route, "deleteQueue")
    case .flow(_, let route): (route, "flow")
    case .explain(_, _, let route): (route, "explain")
    case .annotate(_, let route): (route, "annotate")
    case .fence(let route): (route, "fence")
    case .report(_, let route): (route, "report")
    case .fetch(_, let route): (route, "fetch")
    case .queues(let route): (route, "queues")
    default: nil
    }
  }

  func forgotten(_ route: Route) {
    unanswered[route] = nil
    answered.insert(route)
  }

  private func answer(_ route: Route) {
    if unanswered.removeValue(forKey: route) != nil {
      answered.insert(route)
    } else if answered.contains(route) {
      fault("a call is answered twice")
    }
  }

  func said(_ effect: Effect) {
    let isHeard = !endedRoutes.contains(effect.route)
    if isHeard, case .reply(let route, _) = effect { answer(route) }
    switch effect {
    case .toWorker(_, let update) where !isHeard: for job in update.jobs { assigned(job) }
    case .endSession where !isHeard: break
    case .toWorker(let route, let update): said(route, update)
    case .endSession(let route, _):
      if sessions[route]?.isEnded == true { fault("a session is ended twice") }
      sessions[route]?.isEnded = true
    case .reply(_, .fetched(let jobs, _)): for job in jobs { assigned(job) }
    case .reply(_, .enqueued(let results, let durability)):
      // What is relaxed may be gone with the power.
      for case .stored(let id, _, _) in results where durability == .synced {
        acknowledged.insert(id)
      }
    case .reply(_, .reported(let results, _)):
      for result in results { reported(result, isOutcome: false) }
    case .reply: break
    }
  }

  private func said(_ route: Route, _ update: WorkerUpdate) {
    guard var session = sessions[route], !session.isEnded else {
      return fault("a message to a stream that is none")
    }
    session.seq += 1
    if update.seq != session.seq { fault("seq \(update.seq) after \(session.seq - 1)") }
    if (update.welcome != nil) != (update.seq == 1) {
      fault("a welcome must be in the first message")
    }
    func lost(_ lease: Lease) {
      session.held.remove(lease.token)
      session.reported.remove(lease.token)
    }
    for lease in update.welcome?.lost ?? [] { lost(lease) }
    for notice in update.cancellations {
      if case .leaseLost = notice.reason { lost(notice.lease) }
    }
    for job in update.jobs {
      assigned(job)
      session.held.insert(job.lease.token)
    }
    if !update.jobs.isEmpty, session.held.count > session.most {
      fault("a worker that can hold \(session.most) holds \(session.held.count)")
    }
    for result in update.results {
      let wasHeld = session.reported.remove(result.lease.token) != nil
      if case .failed = result.code {
        if wasHeld { session.held.insert(result.lease.token) }
      } else {
        reported(result, isOutcome: true)
      }
    }
    sessions[route] = session
  }

  private func assigned(_ job: ClaimedJob) {
    if !tokens.insert(job.lease.token).inserted {
      fault("token \(job.lease.token) is given out twice")
    }
  }

  private func reported(_ result: LeaseResult, isOutcome: Bool) {
    guard isOutcome, case .stored = result.code else { return }
    if !settled.insert(result.lease.token).inserted {
      fault("two outcomes are stored for token \(result.lease.token)")
    }
    if !tokens.contains(result.lease.token) {
      fault("an outcome is stored for a token that was never given out")
    }
  }

  /// With the power went steps that were written and not synced: claims, and what nobody was told of as stored. Watchers have seen them, or may
  /// see them yet: they are on their way.
  func lost(_ cursors: ClosedRange<Int64>) {
    lostSteps.append(cursors)
    for (id, story) in stories where isLost(story.cursor) && !acknowledged.contains(id) { open.remove(id) }
  }
  private func isLost(_ cursor: Int64) -> Bool { lostSteps.contains { $0.contains(cursor) } }

  /// The server died: what it may have said of the last tick is not known.
  /// The server of these calls ended, or leads no more: what it still says to them reaches nobody.
  func ended(_ routes: Set<Route>) {
    for route in routes {
      sessions[route] = nil
      unanswered[route] = nil
    }
    endedRoutes.formUnion(routes)
  }

  /// It was deleted, or asked for again after that: its life has no end, or more than one.
  func mayComeAnew(_ id: String) -> Bool { deletable.contains(id) }
  func wasRetried(_ id: String) -> Bool { retried.contains(id) }
  /// A waiting job takes over what a later one with its key asked for.
  func mayBeReplaced(_ id: String, _ last: Event.Kind?, _ kind: Event.Kind) -> Bool {
    last == .failed && kind == .scheduled && replaced.contains(keys[id] ?? "")
  }
  /// Somebody retried jobs in bulk.
  var sweepsRetry = false

  func asked(toDelete id: String) { deletable.insert(id) }
  func asked(toRetry id: String) { retried.insert(id) }
  func asked(_ job: NewJob) {
    jobs[job.id] = job
    guard let unique = job.options.unique else { return }
    let key = job.queue + "/" + unique.key
    if !job.id.isEmpty { keys[job.id] = key }
    if unique.onConflict == .replace { replaced.insert(key) }
  }

  // MARK: Events

  func saw(_ events: [Event]) {
    for event in events {
      // A new epoch leaves out what may have been shown and lost; so does a leader whose storage failed over.
      let isJump = event.cursor > cursor && ((event.cursor - 1) % (1 << 20) == 0 || isLost(event.cursor - 1))
      if event.cursor != cursor + 1, !isJump { fault("event \(event.cursor) after \(cursor)") }
      seen[event.cursor] = event
      cursor = event.cursor
      eventCount += 1
      if !event.jobID.isEmpty { happened(event) }
    }
  }

  private func happened(_ event: Event) {
    let id = event.jobID
    let story = stories[id]
    let isReplaced = replaced.contains(keys[id] ?? "")
    let isUncertain = story.map { isLost($0.cursor) } ?? false
    if !isUncertain, !Self.follows(event.kind, story?.last),
      !(deletable.contains(id) && Self.follows(event.kind, nil)),
      !(isReplaced && story?.last == .failed && event.kind == .scheduled)
    {
      fault("job \(id): \(event.kind) after \(story.map { "\($0.last)" } ?? "nothing")")
    }
    let wasOpen = story.map { !Self.isFinal($0.last) } ?? false
    var next = story ?? Story(last: event.kind, due: event.at, key: keys[id] ?? "", cursor: 0)
    next.cursor = event.cursor
    next.last = event.kind
    switch event.detail {
    case .due(let due), .retry(_, nextRunAt: let due): next.due = due
    default: if event.kind == .enqueued { next.due = .distantPast }
    }
    if event.kind == .started, event.at < next.due, !isUncertain {
      fault("job \(id) started \(next.due - event.at) before its time")
    }
    if event.kind == .enqueued, let due = story?.due, story?.last == .failed, event.at < due,
      !retried.contains(id),
      !isReplaced, !isUncertain
    {
      fault("job \(id) is tried again before its time")
    }
    stories[id] = next
    let isOpen = !Self.isFinal(event.kind)
    if !isOpen { open.remove(id) } else if !isLost(event.cursor) || acknowledged.contains(id) { open.insert(id) }
    if isOpen, !wasOpen, !next.key.isEmpty {
      if let holder = keyHolders[next.key], holder != id, let other = stories[holder],
        !Self.isFinal(other.last),
        !isLost(other.cursor),
        !deletable.contains(holder)
      {
        fault("jobs \(holder) and \(id) have the key \(next.key) at once")
      }
      keyHolders[next.key] = id
    }
  }

  static func isFinal(_ kind: Event.Kind) -> Bool {
    switch kind {
    case .succeeded, .dead, .canceled, .expired: true
    default: false
    }
  }

  /// Which step may follow which in a job's life.
  static func follows(_ kind: Event.Kind, _ last: Event.Kind?) -> Bool {
    switch last {
    // At once canceled: what it depends on has failed already.
    case nil: [.scheduled, .enqueued, .blocked, .canceled].contains(kind)
    case .blocked: [.scheduled, .enqueued, .canceled, .expired].contains(kind)
    case .scheduled: [.scheduled, .enqueued, .canceled, .expired].contains(kind)
    case .enqueued: [.scheduled, .enqueued, .started, .canceled, .expired].contains(kind)
    case .started, .progress:
      [.progress, .succeeded, .failed, .dead, .canceled, .leaseLost, .enqueued, .scheduled]
        .contains(kind)
    case .failed: [.enqueued, .canceled, .expired].contains(kind)
    case .leaseLost: [.enqueued, .dead, .canceled].contains(kind)
    case .dead, .canceled, .expired: kind == .enqueued || kind == .blocked
    default: false
    }
  }

  // MARK: The end

  func finish(_ reader: any JobReader, _ backlog: Backlog, now: Moment) {
    if !isQuiet(reader) { fault("these jobs have not ended: \(open.sorted().prefix(5))") }
    for id in acknowledged.sorted() where !deletable.contains(id) {
      do {
        guard let record = try reader.job(id: id) else {
          // It may have been long ago.
          if !(forgets && stories[id].map { Self.isFinal($0.last) } ?? false) {
            fault("job \(id) was acknowledged and is gone")
          }
          continue
        }
        if !record.state.isFinal {
          let options = record.job.options
          fault(
            "job \(id) is \(record.state) at the end, due \(record.runAt), \(record.workerID) \(record.job.queue) \(options.concurrencyKey) \(options.fairnessKey)"
          )
        }
      } catch {
        fault("cannot read: \(error)")
      }
    }
    for (route, name) in unanswered.sorted(by: { $0.key.id < $1.key.id }) where name != "fetch" {
      fault("the call \(name) on route \(route.id) has no answer")
    }
    flow.finish(reader, backlog)
    if cursor != backlog.lastCursor {
      fault("the watcher saw \(cursor) of \(backlog.lastCursor) events")
    }
    checkStoredEvents(reader)
    // Every key is free again: a new job with it is taken. The last look, since it makes jobs.
    for held in Set(keys.values).sorted() {
      let parts = held.split(separator: "/").map(String.init)
      let job = NewJob(
        queue: parts[0], name: "n",
        options: JobOptions(unique: Uniqueness(key: parts[1], onConflict: .reject)))
      do {
        let far = Moment(wall: .distantFuture, elapsed: now.elapsed)
        let result = try backlog.enqueue([EnqueueGroup(jobs: [job])], now: far)
        if case .stored? = result.first { continue }
        fault("the key \(held) is never released: \(result)")
      } catch {
        fault("cannot enqueue: \(error)")
      }
    }
  }

  /// A cursor that was shown is still the same event's, or nobody's.
  private func checkStoredEvents(_ reader: any JobReader) {
    var after: Int64 = 0
    while true {
      guard case .events(let events, let next)? = try? reader.events(after: after, limit: 1_000),
        !events.isEmpty
      else {
        return
      }
      for event in events {
        guard let shown = seen[event.cursor] else {
          fault("event \(event.cursor) was never shown")
          continue
        }
        if shown != event { fault("cursor \(event.cursor) was shown for another event") }
      }
      after = next
    }
  }
}
