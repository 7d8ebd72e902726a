import Jobs

/// Why a job does not run, read from what the scheduler itself goes by: the store's order, the groups, the sessions.
struct Explainer {
  let store: any JobStore
  let workers: WorkerRegistry
  let balancer: LoadBalancer
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
    if balancer.isDraining {
      reasons.append(.init(.noWorker, "the server is going away and gives out nothing more"))
    } else {
      switch takers(queue: job.queue, name: job.name) {
      case .none:
        reasons.append(.init(.noWorker, "no worker takes queue \"\(job.queue)\""))
      case .queueOnly:
        reasons.append(.init(.noWorker, "no worker takes name \"\(job.name)\" from queue \"\(job.queue)\""))
      case .all(let groups):
        if record.state == .ready, let busy = busy(groups) { reasons.append(busy) }
      }
    }
    let isWaitingInLine = record.state == .ready
    let ahead = isWaitingInLine ? try store.jobsAhead(of: record.place, queue: job.queue) : 0
    if ahead > 0 { reasons.append(.init(.jobsAhead, "\(ahead) job\(ahead == 1 ? "" : "s") ahead of it in its queue")) }
    return Explanation(reasons: reasons, jobsAhead: UInt64(max(0, ahead)))
  }

  /// nil: somebody is free.
  private func busy(_ groups: [FilterGroup]) -> Explanation.Reason? {
    guard !groups.contains(where: \.hasFree) else { return nil }
    let sessions = workers.all.filter { session in
      !session.isDraining && !session.isGone && groups.contains { $0 === session.group }
        && (session.isConnected || session.isPolling)
    }
    guard !sessions.isEmpty else { return nil }
    var text =
      sessions.count == 1
      ? "the only worker that takes it is busy: " : "all \(sessions.count) workers that take it are busy: "
    text += sessions.prefix(Self.named).map { session in
      if session.isSilent { return "\(session.id) (silent)" }
      if session.taker?.isBytesFull == true {
        return "\(session.id) (\(session.heldBytes) of \(session.mostBytes) bytes)"
      }
      return "\(session.id) (\(session.held.count) of \(session.isPolling ? session.held.count : session.most))"
    }.joined(separator: ", ")
    if sessions.count > Self.named { text += ", ..." }
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
    if balancer.isDraining { return "the server is going away" }
    switch takers(queue: queue, name: name) {
    case .none: return "no worker takes this queue"
    case .queueOnly: return "no worker takes this name"
    case .all(let groups): return groups.contains(where: \.hasFree) ? "jobs ahead of it" : "all workers busy"
    }
  }

  /// Renewals are told to the store late: what counts is when the worker was last heard of.
  private func leaseUntil(_ record: JobRecord) -> Timestamp? {
    for session in [workers.streams[record.workerID], workers.pollers[record.workerID]] {
      guard let session, session.held.leases.contains(where: { $0.jobID == record.job.id }) else { continue }
      switch session.presence {
      case .away(let until): return until
      case .gone: continue
      case .connected, .polling: return max(session.leasesUntil, session.lastSeen + session.lease)
      }
    }
    return nil
  }

  func queues() throws(StoreError) -> [QueueView] {
    let sessions = workers.all.filter { $0.isConnected || $0.isPolling }
    return try store.queues(now: now).map { statistics in
      QueueView(
        statistics: statistics, oldestReadyAge: statistics.oldestReadyAt.map { max(.zero, now - $0) },
        workers: UInt32(clamping: sessions.count { $0.group.subscribes(to: statistics.name) }))
    }
  }

  func workerViews() -> [WorkerView] {
    workers.all.filter { !$0.isGone }.map { session in
      WorkerView(
        workerID: session.id,
        queues: session.subscriptions.map { $0.pattern.isPrefix ? $0.pattern.text + "*" : $0.pattern.text },
        names: session.group.key.names, maxInFlight: UInt32(clamping: session.most),
        running: UInt32(clamping: session.held.count), lostTotal: session.lostTotal,
        succeededTotal: session.succeededTotal, failedTotal: session.failedTotal, draining: session.isDraining,
        connectedAt: session.connectedAt, lastSeenAt: session.lastSeen, address: session.address, labels: session.labels
      )
    }
  }
}
