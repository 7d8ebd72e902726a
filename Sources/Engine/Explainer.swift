import Jobs

/// Why a job does not run, read from what the scheduler itself goes by: the store's order, the groups, the sessions.
struct Explainer {
  let store: any JobStore
  let workers: WorkerRegistry
  let balancer: LoadBalancer
  let fleet: Fleet
  let now: Timestamp

  /// Jobs or workers named in one answer.
  private static let named = 10

  /// Whether and which workers take jobs of this queue and name.
  private enum Takers {
    case none
    /// Some take the queue, but not this name.
    case queueOnly
    case all([FilterGroup])
  }

  private func takers(queue: String, name: String) -> Takers {
    var taking: [FilterGroup] = []
    var takesQueue = false
    for group in balancer.groups where group.members > 0 && group.subscribes(to: queue) {
      takesQueue = true
      if group.takes(queue: queue, name: name) { taking.append(group) }
    }
    return taking.isEmpty ? (takesQueue ? .queueOnly : .none) : .all(taking)
  }

  func explain(_ record: JobRecord) throws(StoreError) -> Explanation {
    let job = record.job
    var reasons: [Explanation.Reason] = []
    switch record.state {
    case .running, .succeeded, .dead, .canceled, .expired:
      return Explanation(reasons: [], jobsAhead: 0)
    case .blocked:
      reasons.append(.init(.dependency, "waits for the jobs it depends on"))
    case .scheduled, .retrying:
      let what = record.state == .scheduled ? "is not due yet" : "waits for the time of its next attempt"
      reasons.append(.init(.notDue, what, notBefore: record.runAt))
    case .ready:
      break
    }
    if store.isPaused(job.queue) { reasons.append(.init(.queuePaused, "queue \"\(job.queue)\" is paused")) }
    if let reason = hindrance(job, isReady: record.state == .ready) { reasons.append(reason) }
    let isWaitingInLine = record.state == .ready
    let ahead = isWaitingInLine ? try store.jobsAhead(of: record.place, queue: job.queue) : 0
    if ahead > 0 {
      let ids = ahead <= Self.named ? try store.idsAhead(of: record.place, queue: job.queue, most: ahead) : []
      reasons.append(.init(.jobsAhead, "\(ahead) job\(ahead == 1 ? "" : "s") ahead of it in its queue", jobIDs: ids))
    }
    return Explanation(reasons: reasons, jobsAhead: UInt64(max(0, ahead)))
  }

  /// What is to be said of the workers; nil: nothing, somebody takes it.
  private func hindrance(_ job: NewJob, isReady: Bool) -> Explanation.Reason? {
    let here = balancer.isDraining ? .none : takers(queue: job.queue, name: job.name)
    var groups: [FilterGroup] = []
    if case .all(let taking) = here { groups = taking }
    if !groups.isEmpty, !isReady || groups.contains(where: \.hasFree) { return nil }
    let (there, taking) = takersElsewhere(queue: job.queue, name: job.name)
    if !taking.isEmpty, !isReady || taking.contains(where: \.hasFree) { return nil }
    if !groups.isEmpty || !taking.isEmpty { return busy(groups, taking) }
    if balancer.isDraining { return .init(.noWorker, "the server is going away and gives out nothing more") }
    if case .none = here, there.isEmpty { return .init(.noWorker, "no worker takes queue \"\(job.queue)\"") }
    return .init(.noWorker, "no worker takes name \"\(job.name)\" from queue \"\(job.queue)\"")
  }

  /// At the other servers: who takes from the queue, and which of those take the name.
  private func takersElsewhere(queue: String, name: String) -> (queue: [WorkerView], all: [WorkerView]) {
    let there = fleet.workersElsewhere.filter { !$0.draining && $0.subscribes(to: queue) }
    return (there, there.filter { $0.takes(name: name) })
  }

  /// Nobody is free, here or elsewhere. nil: they have just gone.
  private func busy(_ groups: [FilterGroup], _ elsewhere: [WorkerView]) -> Explanation.Reason? {
    let sessions = workers.all.filter { session in
      !session.isDraining && !session.isGone && groups.contains { $0 === session.group }
        && (session.isConnected || session.isPolling)
    }
    let count = sessions.count + elsewhere.count
    guard count > 0 else { return nil }
    var text =
      count == 1 ? "the only worker that takes it is busy: " : "all \(count) workers that take it are busy: "
    var words = sessions.prefix(Self.named).map { session in
      if session.isSilent { return "\(session.id) (silent)" }
      if session.taker?.isBytesFull == true {
        return "\(session.id) (\(session.heldBytes) of \(session.mostBytes) bytes)"
      }
      return "\(session.id) (\(session.held.count) of \(session.isPolling ? session.held.count : session.most))"
    }
    words += elsewhere.prefix(Self.named - words.count).map { "\($0.workerID) (\($0.running) of \($0.maxInFlight))" }
    text += words.joined(separator: ", ")
    if count > Self.named { text += ", ..." }
    var jobs: [String] = []
    for session in sessions where jobs.count <= Self.named {
      for held in session.held.leases.prefix(Self.named + 1) { jobs.append(held.jobID) }
    }
    // What runs at other servers is not known here: an incomplete list would mislead.
    return .init(.workersBusy, text, jobIDs: jobs.count <= Self.named && elsewhere.isEmpty ? jobs : [])
  }

  /// The same in a few words, for many jobs at once.
  func annotate(_ records: [JobRecord]) -> [Annotation] {
    var last: (queue: String, name: String, words: String) = ("", "", "")
    return records.map { record in
      switch record.state {
      case .succeeded, .dead, .canceled, .expired: return Annotation(waitingReason: "")
      case .running: return Annotation(waitingReason: "", leaseUntil: leaseUntil(record))
      case .blocked: return Annotation(waitingReason: "waits for the jobs it depends on")
      case .scheduled, .retrying: return Annotation(waitingReason: "waits for its time")
      case .ready:
        if last.queue != record.job.queue || last.name != record.job.name {
          last = (record.job.queue, record.job.name, words(queue: record.job.queue, name: record.job.name))
        }
        return Annotation(waitingReason: last.words)
      }
    }
  }

  private func words(queue: String, name: String) -> String {
    if store.isPaused(queue) { return "queue paused" }
    let here = balancer.isDraining ? .none : takers(queue: queue, name: name)
    if case .all(let groups) = here, groups.contains(where: \.hasFree) { return "jobs ahead of it" }
    let (there, taking) = takersElsewhere(queue: queue, name: name)
    if taking.contains(where: \.hasFree) { return "jobs ahead of it" }
    if case .all = here { return "all workers busy" }
    if !taking.isEmpty { return "all workers busy" }
    if balancer.isDraining { return "the server is going away" }
    if case .none = here, there.isEmpty { return "no worker takes this queue" }
    return "no worker takes this name"
  }

  /// Renewals are told to the store late: what counts is when the worker was last heard of.
  private func leaseUntil(_ record: JobRecord) -> Timestamp? {
    for session in [workers.streams[record.workerID], workers.pollers[record.workerID]] {
      guard let session, session.held.leases.contains(where: { $0.jobID == record.job.id }) else { continue }
      switch session.presence {
      case .away(let until): return until
      // Renewed by name, and so in the store at once.
      case .gone, .polling: continue
      case .connected: return max(session.leasesUntil, session.lastSeen + session.lease)
      }
    }
    return nil
  }

  func queues(_ query: QueueQuery) throws(StoreError) -> [QueueView] {
    let sessions = workers.all.filter { $0.isConnected || $0.isPolling }
    let page = try store.queues(now: now).lazy.filter { query.takes($0.name) }.prefix(query.limit)
    return page.map { statistics in
      // A worker that polls several servers is one.
      var ids = Set(sessions.lazy.filter { $0.group.subscribes(to: statistics.name) }.map(\.id))
      for worker in fleet.workersElsewhere where worker.subscribes(to: statistics.name) { ids.insert(worker.workerID) }
      return QueueView(
        statistics: statistics, oldestReadyAge: statistics.oldestReadyAt.map { max(.zero, now - $0) },
        workers: UInt32(clamping: ids.count))
    }
  }

  func workers(_ query: WorkerQuery) -> [WorkerView] {
    let found = fleet.allWorkers.filter(query.takes)
    return Array(found.sorted { $0.workerID < $1.workerID }.prefix(query.limit))
  }
}

extension WorkerView {
  fileprivate func takes(name: String) -> Bool { names.isEmpty || names.contains(name) }
  fileprivate var hasFree: Bool { running < maxInFlight }
}
