import Jobs

/// Where a job stands in the orders.
extension Backlog {
  /// Puts a job that does not run where its state says.
  func enter(_ job: LiveJob, _ now: Timestamp) {
    let queue = job.queue
    touch(queue, now)
    if job.hasFlow { entered(job) }
    switch job.standing.state {
    case .ready:
      queue.ready += 1
      let key = key(of: job)
      key?.ready += 1
      if !usesKeys, !job.head.job.options.fairnessKey.isEmpty { usesKeys = true }
      insert(job.readyEntry, into: queue.lane(job.head.job.name, priority: job.head.job.priority), job, key)
      if !queue.kept.isPaused, !queue.isHeld, key?.isHeld != true { ready(queue) }
    case .blocked:
      queue.blocked += 1
    case .scheduled, .retrying:
      queue.scheduled += 1
      due.insert(Entry(at: job.standing.runAt.microseconds, seq: job.seq))
    case .succeeded, .canceled, .expired:
      queue.kept.ended += 1
    case .dead:
      queue.kept.ended += 1
      queue.kept.dead += 1
    case .running: break
    }
    if let startBefore = job.startBefore, job.isWaiting {
      expiries.insert(Entry(at: startBefore.microseconds, seq: job.seq))
    }
  }

  /// Takes a job that does not run from where `enter` put it.
  func leave(_ job: LiveJob, _ now: Timestamp) {
    let queue = job.queue
    touch(queue, now)
    if job.hasFlow { left(job) }
    switch job.standing.state {
    case .ready:
      queue.ready -= 1
      let lane = queue.lane(job.head.job.name, priority: job.head.job.priority)
      let key = key(of: job)
      key?.ready -= 1
      lane.remove(job.readyEntry, fairness: job.head.job.options.fairnessKey, key: key)
    case .blocked:
      queue.blocked -= 1
    case .scheduled, .retrying:
      queue.scheduled -= 1
      due.remove(Entry(at: job.standing.runAt.microseconds, seq: job.seq))
    case .succeeded, .canceled, .expired:
      queue.kept.ended -= min(1, queue.kept.ended)
    case .dead:
      queue.kept.ended -= min(1, queue.kept.ended)
      queue.kept.dead -= min(1, queue.kept.dead)
    case .running: break
    }
    if let startBefore = job.startBefore, job.isWaiting {
      expiries.remove(Entry(at: startBefore.microseconds, seq: job.seq))
    }
  }

  private func insert(_ entry: Entry, into lane: Lane, _ job: LiveJob, _ key: ConcurrencyKey?) {
    guard lane.insert(entry, fairness: job.head.job.options.fairnessKey, key: key) else { return }
    let queue = lane.queue
    if queue.scopes.isEmpty || queue.kept.isPaused || queue.isHeld { return }
    guard let place = lane.place else { return }
    for membership in queue.scopes where membership.scope.takes(lane.name) { membership.push(place) }
  }

  // MARK: Running jobs

  func hold(_ job: LiveJob) { lapses.insert(Entry(at: job.leaseEnd.microseconds, seq: job.seq)) }

  func letGo(_ job: LiveJob) { lapses.remove(Entry(at: job.leaseEnd.microseconds, seq: job.seq)) }

  func setLeaseEnd(_ job: LiveJob, _ end: Instant) {
    guard end != job.leaseEnd else { return }
    letGo(job)
    job.leaseEnd = end
    hold(job)
  }

  /// The running job whose lease this is.
  func running(_ lease: Lease) -> LiveJob? {
    guard let job = find(lease.jobID), job.standing.state == .running, job.standing.token == lease.token else {
      return nil
    }
    return job
  }

  // MARK: Over several queues

  /// The order of all queues with a prefix, made when it is asked for.
  func scope(prefix: String, names: [String], now: Instant) -> Scope {
    let key = Scope.Key(prefix: prefix, names: names)
    if let scope = scopes[key] {
      scope.lastUsed = now
      return scope
    }
    var members: [Queue] = []
    queues.visit(prefix: prefix) { queue in
      members.append(queue)
      return true
    }
    let scope = Scope(key, members, now: now)
    scopes[key] = scope
    return scope
  }

  /// Those that nobody has asked for a minute.
  func dropIdleScopes(now: Instant) {
    for (key, scope) in scopes where scope.lastUsed + .seconds(60) < now {
      scopes[key] = nil
      queues.visit(prefix: key.prefix) { queue in
        queue.scopes.removeAll { $0.scope === scope }
        return true
      }
    }
  }

  /// A queue gives jobs again.
  func wake(_ queue: Queue, most: Int = .max) {
    guard queue.ready > 0, most > 0, !queue.kept.isPaused, !queue.isHeld else { return }
    for membership in queue.scopes {
      if let place = queue.best(membership.scope.key.names)?.place { membership.push(place) }
    }
    ready(queue, min(queue.ready, most))
  }
}
