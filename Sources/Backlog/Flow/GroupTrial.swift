import Jobs

/// What would become of the jobs of an all-or-nothing group, taken in one after the other: found out before any is, for what was taken in is not
/// taken back. It follows `Backlog.enqueue` step by step, over what the group's jobs before would have changed.
struct GroupTrial {
  /// A job that there is, by its seq, or one of the group, by a negative number.
  private typealias Name = Int64

  /// What a job of the group is, or has made of the one that it replaces.
  private struct Change {
    var id: String
    var options: JobOptions
    var isFinal: Bool
    /// Those of `dependsOn` that it waits for.
    var waitsFor: Set<Name>
  }

  private struct Key: Hashable {
    var queue: String
    var name: String
  }

  private let backlog: Backlog
  private let circle: Set<String>
  private let scope: QueueScope?
  private let now: Timestamp
  private var changes: [Name: Change] = [:]
  private var made: [String: Name] = [:]
  private var holders: [Key: Name] = [:]
  private var waiters: [Name: [Name]] = [:]
  private var added: [Limit.Scope: Int] = [:]
  private var last: Name = 0

  /// - Parameter circle: the ids of the group, when some of its jobs wait for each other.
  init(of backlog: Backlog, circle: Set<String>, scope: QueueScope?, now: Timestamp) {
    self.backlog = backlog
    self.circle = circle
    self.scope = scope
    self.now = now
  }

  /// Why it is rejected, nil when it is not.
  mutating func take(_ job: NewJob) -> EnqueueResult? {
    if !job.id.isEmpty {
      if let existing = backlog.find(job.id) {
        return scope.covers(existing.head.job.queue) ? nil : .refused(.foreignID)
      }
      if made[job.id] != nil { return nil }
    }
    let key = job.options.unique.map { Key(queue: job.queue, name: $0.key) }
    if let key, let unique = job.options.unique, let holder = holder(of: key) {
      switch unique.onConflict {
      case .keep: return nil
      case .reject: return .conflict(existing: id(holder))
      case .replace:
        guard isWaiting(holder) else { return nil }
        if let refusal = refusal(of: job, replacing: holder) { return .refused(refusal) }
        replace(holder, by: job)
        return nil
      }
    }
    let refusal = refusal(of: job, replacing: nil) ?? backlog.overfull(job, added: added)
    // One that is refused is there for the others: they are not at fault.
    last -= 1
    if !job.id.isEmpty { made[job.id] = last }
    if let key { holders[key] = last }
    change(last, to: job, createdAt: now)
    guard let refusal else {
      if !isFinal(last) { count(job.queue, job.options, 1) }
      return nil
    }
    return .refused(refusal)
  }

  /// As `Backlog.tie` says.
  private func refusal(of job: NewJob, replacing existing: Name?) -> EnqueueRefusal? {
    let options = job.options
    if backlog.isForeign(batch: options.batchID, to: scope) { return .foreignBatch(id: options.batchID) }
    let isInBatch = existing.map { self.options($0).batchID == options.batchID } ?? false
    if !options.batchID.isEmpty, !isInBatch, let refusal = backlog.closed(options.batchID) { return refusal }
    var open: Set<Name> = []
    for id in options.dependsOn {
      if id == job.id || circle.contains(id) { return .circle }
      guard let other = find(id) else { return .unknownDependency(id: id) }
      if other == existing { return .circle }
      if !isFinal(other) { open.insert(other) }
    }
    if let existing, !open.isEmpty, waits(anyOf: open, for: existing) { return .circle }
    return nil
  }

  private mutating func replace(_ existing: Name, by job: NewJob) {
    count(job.queue, options(existing), -1)
    change(existing, to: job, createdAt: backlog.known[existing]?.head.createdAt ?? now)
    if !isFinal(existing) { count(job.queue, job.options, 1) }
  }

  private mutating func change(_ name: Name, to job: NewJob, createdAt: Timestamp) {
    let others = job.options.dependsOn.compactMap { find($0) }
    // One that is final already counts at once.
    let isCanceled = job.options.onDependencyFailure == .cancel && others.contains { hasFailed($0) }
    let open = isCanceled ? [] : Set(others.filter { !isFinal($0) })
    changes[name] = Change(
      id: changes[name]?.id ?? backlog.known[name]?.id ?? job.id, options: job.options, isFinal: isCanceled,
      waitsFor: open)
    for other in open { waiters[other, default: []].append(name) }
    if isCanceled, let unique = job.options.unique, createdAt + (unique.holdFor ?? .zero) <= now {
      holders[Key(queue: job.queue, name: unique.key)] = nil
    }
  }

  private mutating func count(_ queue: String, _ options: JobOptions, _ step: Int) {
    if backlog.limits.entries.isEmpty { return }
    added[.queue(queue), default: 0] += step
    if !options.concurrencyKey.isEmpty { added[.key(options.concurrencyKey), default: 0] += step }
  }

  // MARK: What there is by now

  private func find(_ id: String) -> Name? {
    if let name = made[id] { return name }
    guard let job = backlog.find(id), scope.covers(job.head.job.queue) else { return nil }
    return job.seq
  }

  private func holder(of key: Key) -> Name? {
    if let name = holders[key] { return name }
    guard let job = backlog.holder(queue: key.queue, key: key.name, now) else { return nil }
    // It was replaced by one that is canceled at once, and its key is free.
    guard let change = changes[job.seq], change.isFinal else { return job.seq }
    let holds = job.head.createdAt + (change.options.unique?.holdFor ?? .zero) > now
    return holds ? job.seq : nil
  }

  private func id(_ name: Name) -> String { changes[name]?.id ?? backlog.known[name]?.id ?? "" }

  private func options(_ name: Name) -> JobOptions {
    changes[name]?.options ?? backlog.known[name]?.head.job.options ?? .standard
  }

  private func isFinal(_ name: Name) -> Bool {
    changes[name]?.isFinal ?? backlog.known[name]?.standing.state.isFinal ?? true
  }

  private func isWaiting(_ name: Name) -> Bool {
    if let change = changes[name] { return !change.isFinal }
    return backlog.known[name]?.isWaiting ?? false
  }

  private func hasFailed(_ name: Name) -> Bool {
    if let change = changes[name] { return change.isFinal }
    return backlog.known[name].map { $0.standing.state.isFinal && $0.standing.state != .succeeded } ?? false
  }

  /// Whether one of these waits for it, or for one that does, and so on.
  private func waits(anyOf names: Set<Name>, for name: Name) -> Bool {
    var seen: Set<Name> = [name]
    var stack = [name]
    while let one = stack.popLast() {
      var next = (waiters[one] ?? []).filter { changes[$0]?.waitsFor.contains(one) ?? false }
      backlog.graph.eachWaiter(one) { if changes[$0] == nil { next.append($0) } }
      for waiter in next where seen.insert(waiter).inserted {
        if names.contains(waiter) { return true }
        stack.append(waiter)
      }
    }
    return false
  }
}
