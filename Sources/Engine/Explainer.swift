import Backlog
import Jobs

/// Why a job does not run, read from what the scheduler itself goes by: the store's order, the groups, the sessions.
struct Explainer {
  /// nil: it is being loaded.
  let backlog: Backlog?
  let workers: WorkerTable
  let balancer: LoadBalancer
  let now: Moment

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

  /// - Parameter scope: no job of another queue is named; nil: all queues.
  func explain(_ record: JobRecord, within scope: QueueScope?) throws(StoreError) -> Explanation {
    var explanation = try reasons(record)
    explanation.annotation = annotate([record])[0]
    explanation.annotation.waitingReason = explanation.reasons.first?.text ?? ""
    guard scope != nil else { return explanation }
    for index in explanation.reasons.indices {
      explanation.reasons[index].jobIDs.removeAll { id in
        !(backlog?.queue(ofJob: id).map { scope.covers($0) } ?? false)
      }
    }
    return explanation
  }

  private func reasons(_ record: JobRecord) throws(StoreError) -> Explanation {
    let job = record.job
    var reasons: [Explanation.Reason] = []
    switch record.state {
    case .running, .succeeded, .dead, .canceled, .expired:
      return Explanation(reasons: [], jobsAhead: 0)
    case .blocked:
      if let backlog { reasons.append(try backlog.dependencyReason(for: job, named: Self.named)) }
      if record.runAt > now.wall { reasons.append(.init(.notDue, "is not due yet", notBefore: record.runAt)) }
    case .scheduled, .retrying:
      let what = record.state == .scheduled ? "is not due yet" : "waits for the time of its next attempt"
      reasons.append(.init(.notDue, what, notBefore: record.runAt))
    case .ready:
      break
    }
    guard let backlog else { return Explanation(reasons: reasons, jobsAhead: 0) }
    if backlog.isPaused(job.queue) { reasons.append(.init(.queuePaused, "queue \"\(job.queue)\" is paused")) }
    reasons += backlog.limitReasons(for: job, now: now)
    if let reason = hindrance(job, isReady: record.state == .ready) { reasons.append(reason) }
    let isWaitingInLine = record.state == .ready
    let ahead =
      isWaitingInLine ? backlog.jobsAhead(of: record.place, queue: job.queue, fairness: job.options.fairnessKey) : 0
    if ahead > 0 {
      let ids = ahead <= Self.named ? try backlog.idsAhead(of: record.place, queue: job.queue, most: ahead) : []
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
    if !groups.isEmpty { return busy(groups) }
    if balancer.isDraining { return .init(.noWorker, "the server is going away and gives out nothing more") }
    if let text = draining(job) { return .init(.noWorker, text) }
    if case .none = here { return .init(.noWorker, "no worker takes queue \"\(job.queue)\"") }
    return .init(.noWorker, "no worker takes name \"\(job.name)\" from queue \"\(job.queue)\"")
  }

  /// Those that would take it if they had not been told to finish. nil: there are none.
  private func draining(_ job: NewJob) -> String? {
    let sessions = workers.all.filter { session in
      session.isDraining && !session.isGone && (session.isConnected || session.isPolling)
        && session.group.takes(queue: job.queue, name: job.name)
    }
    guard !sessions.isEmpty else { return nil }
    let text =
      sessions.count == 1
      ? "the only worker that takes it is draining: " : "all \(sessions.count) workers that take it are draining: "
    return text + sessions.prefix(Self.named).map(\.id).joined(separator: ", ")
      + (sessions.count > Self.named ? ", ..." : "")
  }

  /// Nobody is free. nil: they have just gone.
  private func busy(_ groups: [FilterGroup]) -> Explanation.Reason? {
    let sessions = workers.all.filter { session in
      !session.isDraining && !session.isGone && groups.contains { $0 === session.group }
        && (session.isConnected || session.isPolling)
    }
    let count = sessions.count
    guard count > 0 else { return nil }
    var text =
      count == 1 ? "the only worker that takes it is busy: " : "all \(count) workers that take it are busy: "
    if sessions.allSatisfy({ $0.isPolling && $0.held.count == 0 }) {
      text =
        count == 1
        ? "the only worker that takes it is between two fetches: "
        : "all \(count) workers that take it are between two fetches: "
    }
    let words = sessions.prefix(Self.named).map { session in
      if session.isSilent { return "\(session.id) (silent)" }
      if session.isSated { return "\(session.id) (has not read what it was given)" }
      if session.taker?.isBytesFull == true {
        return "\(session.id) (\(session.heldBytes) of \(session.maxBytes) bytes)"
      }
      // Who fetches has no number of slots.
      if session.isPolling { return "\(session.id) (runs \(session.held.count))" }
      return "\(session.id) (\(session.held.count) of \(session.most))"
    }
    text += words.joined(separator: ", ")
    if count > Self.named { text += ", ..." }
    var jobs: [String] = []
    for session in sessions where jobs.count <= Self.named {
      for held in session.held.leases.prefix(Self.named + 1) { jobs.append(held.jobID) }
    }
    return .init(.workersBusy, text, jobIDs: jobs.count <= Self.named ? jobs : [])
  }

  /// The same in a few words, for many jobs at once.
  func annotate(_ records: [JobRecord]) -> [Annotation] {
    var last: (queue: String, name: String, words: String) = ("", "", "")
    return records.map { record in
      switch record.state {
      case .succeeded, .dead, .canceled, .expired: return Annotation(waitingReason: "")
      case .running:
        let until = leaseUntil(record)
        return Annotation(waitingReason: "", leaseUntil: until, isOutdated: backlog != nil && until == nil)
      case .blocked:
        let open = UInt32(clamping: backlog?.openDependencies(ofJob: record.job.id) ?? 0)
        let all = record.job.options.dependsOn.count
        return Annotation(
          waitingReason: Backlog.dependencyWords(Int(open), of: all), dependenciesOpen: open,
          isOutdated: backlog != nil && open == 0)
      case .scheduled, .retrying: return Annotation(waitingReason: "waits for its time")
      case .ready:
        if let reason = backlog?.limitReasons(for: record.job, now: now).first {
          return Annotation(waitingReason: reason.text)
        }
        if last.queue != record.job.queue || last.name != record.job.name {
          last = (record.job.queue, record.job.name, words(queue: record.job.queue, name: record.job.name))
        }
        return Annotation(waitingReason: last.words)
      }
    }
  }

  private func words(queue: String, name: String) -> String {
    if backlog?.isPaused(queue) == true { return "queue paused" }
    let here = balancer.isDraining ? .none : takers(queue: queue, name: name)
    if case .all(let groups) = here, groups.contains(where: \.hasFree) { return "jobs ahead of it" }
    if case .all = here { return "all workers busy" }
    if balancer.isDraining { return "the server is going away" }
    if case .none = here { return "no worker takes this queue" }
    return "no worker takes this name"
  }

  /// A worker's silence ends its leases, so what counts is when it was last heard of, where that is later.
  private func leaseUntil(_ record: JobRecord) -> Timestamp? {
    guard let end = backlog?.leaseEnd(record.job.id, now: now) else { return nil }
    guard let session = workers.streams[record.workerID], session.isConnected else { return end }
    return max(end, now.wall + (session.lastSeen + session.lease - now.elapsed))
  }

  func queues(_ query: QueueQuery) -> [QueueView] {
    let found =
      backlog?.queues(prefix: query.prefix, after: query.after, limit: query.limit, scope: query.scope) ?? []
    return found.map(view)
  }

  /// These, and others by name as far as there is room.
  func queues(_ first: [String], limit: Int) -> [QueueView] {
    guard let backlog else { return [] }
    var found = first.prefix(limit).compactMap { backlog.statistics(of: $0) }
    if found.count < limit {
      let known = Set(found.map(\.name))
      // So many that enough are left without those that are known.
      found += backlog.queues(limit: limit).filter { !known.contains($0.name) }.prefix(limit - found.count)
    }
    return found.map(view)
  }

  private func view(_ statistics: QueueStatistics) -> QueueView {
    QueueView(
      statistics: statistics, oldestReadyAge: statistics.oldestReadyAt.map { max(.zero, now.wall - $0) },
      workers: UInt32(clamping: balancer.members(of: statistics.name)))
  }
}
