import Jobs

/// Builds the state from what a storage holds.
final class Loader: StateLoader {
  private let backlog: Backlog
  private let now: Moment
  private let isNewEpoch: Bool
  /// All jobs that are not over.
  private var unfinished: ContiguousArray<Int64> = []
  private var ties: [Backlog.LoadedTies] = []
  private var held: [(queue: String, key: String, seq: Int64, until: Timestamp)] = []
  private var recurring: [(id: String, seq: Int64)] = []
  /// Most jobs are like the one before.
  private var queue: Queue?
  private var lane: Lane?

  init(_ backlog: Backlog, now: Moment, isNewEpoch: Bool) {
    self.backlog = backlog
    self.now = now
    self.isNewEpoch = isNewEpoch
  }

  func begin(salt: UInt32, nextSeq: Int64, lastCursor: Int64, lastNumber: UInt64) {
    backlog.begin(
      salt: salt, nextSeq: nextSeq, lastCursor: lastCursor, lastNumber: lastNumber, isNewEpoch: isNewEpoch)
  }

  func add(_ stored: StoredQueue) {
    let queue = backlog.queue(stored.name, now.wall)
    queue.kept.isPaused = stored.isPaused
    queue.kept.succeeded = stored.succeeded
    queue.kept.failed = stored.failed
    queue.kept.ended = stored.ended
    queue.kept.dead = stored.dead
    queue.lastUsedAt = stored.lastUsedAt
    queue.stored = queue.kept
  }

  func add(_ document: Document) { backlog.documents.append(document) }

  func add(_ job: LoadedJob) {
    let queue: Queue
    if let latest = self.queue, latest.name == job.queue {
      queue = latest
    } else {
      queue = backlog.queue(job.queue, now.wall)
      self.queue = queue
      lane = nil
    }
    if let unique = job.options.unique {
      backlog.keys.insert(backlog.keys.hash(job.queue, unique.key), job.seq)
    }
    let state = job.standing?.state ?? (job.runAt > job.createdAt ? .scheduled : .ready)
    let runAt = job.standing?.runAt ?? job.runAt
    switch state {
    case .ready:
      let key = backlog.key(job.options.concurrencyKey)
      key?.ready += 1
      _ = lane(job, in: queue).insert(
        Entry(at: max(runAt, job.createdAt).microseconds, seq: job.seq), fairness: job.options.fairnessKey, key: key)
      queue.ready += 1
    case .blocked:
      queue.blocked += 1
    case .scheduled, .retrying:
      queue.scheduled += 1
      backlog.due.insert(Entry(at: runAt.microseconds, seq: job.seq))
    case .running:
      if let standing = job.standing { run(job, standing, queue) }
    case .succeeded, .dead, .canceled, .expired:
      return
    }
    unfinished.append(job.seq)
    if job.options !== JobOptions.standard { addFlow(job, state) }
    if state != .running, let startBefore = job.options.startBefore, job.standing?.wasStarted != true {
      backlog.expiries.insert(Entry(at: startBefore.microseconds, seq: job.seq))
    }
  }

  /// What it is counted in beside its queue. Batches are counted by themselves.
  private func addFlow(_ job: LoadedJob, _ state: JobState) {
    let options = job.options
    if !options.fairnessKey.isEmpty { backlog.usesKeys = true }
    if let key = backlog.key(options.concurrencyKey) {
      if state == .running { key.running += 1 } else { key.waiting += 1 }
    }
    if !options.dependsOn.isEmpty {
      ties.append(
        Backlog.LoadedTies(
          seq: job.seq, options: options, isBlocked: state == .blocked, isUnbound: job.standing?.isUnbound ?? false))
    }
    if !options.recurringJobID.isEmpty { recurring.append((options.recurringJobID, job.seq)) }
  }

  private func lane(_ job: LoadedJob, in queue: Queue) -> Lane {
    if let lane, lane.band.priority == job.priority, lane.name == job.name { return lane }
    let lane = queue.lane(job.name, priority: job.priority)
    self.lane = lane
    return lane
  }

  /// No server was there to renew its lease: its worker's whole resume window begins now, or a full term of one without a stream.
  private func run(_ job: LoadedJob, _ standing: JobStanding, _ queue: Queue) {
    let id = job.chosenID ?? JobID.make(seq: job.seq, at: job.createdAt, salt: backlog.salt)
    let new = NewJob(
      id: id, queue: job.queue, name: job.name, priority: job.priority, runAt: job.runAt, options: job.options,
      payloadSize: job.payloadSize)
    let head = JobHead(seq: job.seq, job: new, isChosen: job.chosenID != nil, createdAt: job.createdAt)
    let live = LiveJob(head: head, standing: standing, queue: queue)
    live.storedState = .running
    if let deadline = standing.deadline {
      // The wall clock may have been set meanwhile: never more than a whole attempt's time.
      let left = min(max(deadline - now.wall, .zero), job.options.timeout ?? .zero)
      live.deadline = now.elapsed + left
      live.leaseLimit = now.elapsed + left + backlog.terms.timeoutGrace
    }
    if standing.cancelRequested { backlog.limitCanceled(live, now: now) }
    live.leaseEnd = min(now.elapsed + max(backlog.terms.takeOver, standing.resumeWindow), live.leaseLimit)
    backlog.known.insert(job.seq, live)
    backlog.hold(live)
    backlog.loadedRuns[standing.workerID, default: []].append(Lease(jobID: id, token: standing.token))
    queue.running += 1
  }

  func expectChosen(_ count: Int) { backlog.ids.reserve(count) }

  func addChosen(id: String, seq: Int64) { backlog.choose(id, seq) }

  func addHold(queue: String, key: String, seq: Int64, until: Timestamp) {
    held.append((queue, key, seq, until))
  }

  /// Of a job that is not over a hold says nothing: it has its key. Older versions could leave one behind.
  private func takeHolds() {
    for (queue, key, seq, until) in held where !unfinished.holds(seq) {
      backlog.keys.insert(backlog.keys.hash(queue, key), seq)
      backlog.holds.insert(seq, until)
    }
    held = []
  }

  func finish() throws(StoreError) {
    takeHolds()
    try backlog.loadFlow(ties: ties, unfinished: unfinished, recurring: recurring, now: now.wall)
    backlog.queues.visit { queue in
      if queue.ready + queue.scheduled + queue.running + queue.blocked > 0 { queue.lastUsedAt = now.wall }
      return true
    }
  }
}

extension ContiguousArray<Int64> {
  /// Of rising numbers.
  func holds(_ seq: Int64) -> Bool {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if self[middle] < seq { low = middle + 1 } else { high = middle }
    }
    return low < count && self[low] == seq
  }
}
