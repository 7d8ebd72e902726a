import Jobs

/// The order of everything that waits or runs: what a tick looks at instead of tables. Each change leaves its opposite in `undo`.
final class Memory {
  enum Time {
    case due
    case expiry
  }
  private enum Change {
    case laneAdded(Lane, Entry)
    case laneTaken(Lane, Entry)
    case added(Time, Entry)
    case taken(Time, Entry)
    case started(Live)
    case ended(Live)
    case until(Live, Timestamp)
    indirect case row(Live, StateRow)
  }

  private(set) var queues: [String: Queue] = [:]
  /// Those with ready jobs, in no order.
  private(set) var active: [Queue] = []
  /// Scheduled and retrying jobs by run_at.
  private(set) var due = Order()
  /// Waiting jobs by start_before.
  private(set) var expiries = Order()
  /// Running jobs by the end of their lease.
  private(set) var lapses = Order()
  private(set) var running = SeqTable<Live>()
  /// The running jobs whose ids were chosen.
  private var chosen: [String: Int64] = [:]

  private var undo: ContiguousArray<Change> = []
  private(set) var touched: [Queue] = []
  private var latest: Queue?

  func queue(_ name: String) -> Queue {
    if let latest, latest.name == name { return latest }
    let queue = queues[name] ?? Queue(name: name)
    queues[name] = queue
    latest = queue
    return queue
  }

  /// Call before changing a queue's standing.
  @inline(__always)
  func touch(_ queue: Queue) {
    if queue.committed == nil {
      queue.committed = queue.standing
      touched.append(queue)
    }
  }

  // MARK: Waiting and final jobs

  /// Puts a job that does not run where its state says.
  func enter(_ stored: Stored, _ queue: Queue) {
    touch(queue)
    switch stored.row.state {
    case .ready, .blocked:
      queue.standing.ready += 1
      let lane = queue.lane(name: stored.head.job.name, priority: stored.head.job.priority)
      let entry = Entry(at: stored.readyAt.microseconds, seq: stored.seq, hasRow: stored.hasRow)
      add(entry, to: lane)
      undo.append(.laneAdded(lane, entry))
    case .scheduled, .retrying:
      queue.standing.scheduled += 1
      add(.due, Entry(at: stored.row.runAt.microseconds, seq: stored.seq, hasRow: stored.hasRow))
    case .succeeded, .canceled, .expired:
      queue.standing.ended += 1
    case .dead:
      queue.standing.ended += 1
      queue.standing.dead += 1
    case .running: break
    }
    if let startBefore = stored.head.job.options.startBefore, stored.isWaiting {
      add(.expiry, Entry(at: startBefore.microseconds, seq: stored.seq, hasRow: false))
    }
  }

  /// Takes a job that does not run from where `enter` put it.
  func leave(_ stored: Stored, _ queue: Queue) {
    touch(queue)
    switch stored.row.state {
    case .ready, .blocked:
      queue.standing.ready -= 1
      let lane = queue.lane(name: stored.head.job.name, priority: stored.head.job.priority)
      if let entry = lane.order.remove(at: stored.readyAt.microseconds, seq: stored.seq) {
        update(lane)
        undo.append(.laneTaken(lane, entry))
      }
    case .scheduled, .retrying:
      queue.standing.scheduled -= 1
      take(.due, at: stored.row.runAt, seq: stored.seq)
    case .succeeded, .canceled, .expired:
      queue.standing.ended -= 1
    case .dead:
      queue.standing.ended -= 1
      queue.standing.dead -= 1
    case .running: break
    }
    if let startBefore = stored.head.job.options.startBefore, stored.isWaiting {
      take(.expiry, at: startBefore, seq: stored.seq)
    }
  }

  /// Takes the first job of a lane; the expiry, if it has one, is left to the caller, who knows the job only then.
  func takeFirst(of lane: Lane) {
    guard let entry = lane.order.removeFirst() else { return }
    touch(lane.queue)
    lane.queue.standing.ready -= 1
    update(lane)
    undo.append(.laneTaken(lane, entry))
  }

  private func add(_ entry: Entry, to lane: Lane) {
    let wasEmpty = lane.order.isEmpty
    lane.order.insert(entry)
    if wasEmpty { update(lane) }
  }

  private func update(_ lane: Lane) {
    guard lane.order.isEmpty == (lane.position >= 0) else { return }
    let queue = lane.queue
    queue.update(lane)
    if queue.active.isEmpty, queue.position >= 0 {
      let last = active.count - 1
      active.swapAt(queue.position, last)
      active[queue.position].position = queue.position
      active.removeLast()
      queue.position = -1
    } else if !queue.active.isEmpty, queue.position < 0 {
      queue.position = active.count
      active.append(queue)
    }
  }

  // MARK: Loading, before the first tick

  func load(_ entry: Entry, into lane: Lane) { add(entry, to: lane) }

  func loadDue(_ entry: Entry) { due.insert(entry) }

  func loadExpiry(_ entry: Entry) { expiries.insert(entry) }

  func commitLoaded() { undo.removeAll(keepingCapacity: true) }

  // MARK: Times

  func take(_ time: Time, at: Timestamp, seq: Int64) {
    let entry =
      switch time {
      case .due: due.remove(at: at.microseconds, seq: seq)
      case .expiry: expiries.remove(at: at.microseconds, seq: seq)
      }
    if let entry { undo.append(.taken(time, entry)) }
  }

  func add(_ time: Time, _ entry: Entry) {
    insert(time, entry)
    undo.append(.added(time, entry))
  }

  private func insert(_ time: Time, _ entry: Entry) {
    switch time {
    case .due: due.insert(entry)
    case .expiry: expiries.insert(entry)
    }
  }

  var nextDue: Timestamp? {
    var next = Int64.max
    if let first = due.first { next = min(next, first.at) }
    if let first = expiries.first { next = min(next, first.at) }
    if let first = lapses.first { next = min(next, first.at) }
    return next == .max ? nil : Timestamp(microseconds: next)
  }

  // MARK: Running jobs

  func running(_ id: String, salt: UInt32) -> Live? {
    if let seq = JobID.seq(of: id, salt: salt), let job = running[seq], job.stored.head.job.id == id { return job }
    return chosen.isEmpty ? nil : chosen[id].flatMap { running[$0] }
  }

  func start(_ job: Live) {
    touch(job.queue)
    job.queue.standing.running += 1
    hold(job)
    undo.append(.started(job))
  }

  func end(_ job: Live) {
    touch(job.queue)
    job.queue.standing.running -= 1
    letGo(job)
    undo.append(.ended(job))
  }

  private func hold(_ job: Live) {
    running.insert(job.stored.seq, job)
    if job.stored.head.isChosen { chosen[job.stored.head.job.id] = job.stored.seq }
    lapses.insert(Entry(at: job.stored.row.until.microseconds, seq: job.stored.seq, hasRow: true))
  }

  private func letGo(_ job: Live) {
    running.remove(job.stored.seq)
    if job.stored.head.isChosen { chosen[job.stored.head.job.id] = nil }
    lapses.remove(at: job.stored.row.until.microseconds, seq: job.stored.seq)
  }

  func renew(_ job: Live, until: Timestamp) {
    let old = job.stored.row.until
    guard until != old else { return }
    move(job, to: until)
    undo.append(.until(job, old))
  }

  private func move(_ job: Live, to until: Timestamp) {
    lapses.remove(at: job.stored.row.until.microseconds, seq: job.stored.seq)
    job.stored.row.until = until
    lapses.insert(Entry(at: until.microseconds, seq: job.stored.seq, hasRow: true))
  }

  /// Changes a running job's row, but not its `until`.
  func change(_ job: Live, _ body: (inout StateRow) -> Void) {
    undo.append(.row(job, job.stored.row))
    body(&job.stored.row)
  }

  // MARK: Ticks

  func commit() {
    undo.removeAll(keepingCapacity: undo.count < 100_000)
    for queue in touched {
      queue.committed = nil
      if !queue.standing.isWorthTelling {
        queues[queue.name] = nil
        if latest === queue { latest = nil }
      }
    }
    touched.removeAll(keepingCapacity: true)
  }

  func rollback() {
    for change in undo.reversed() {
      switch change {
      case .laneAdded(let lane, let entry):
        lane.order.remove(at: entry.at, seq: entry.seq)
        update(lane)
      case .laneTaken(let lane, let entry):
        lane.order.insert(entry)
        update(lane)
      case .added(let time, let entry):
        switch time {
        case .due: due.remove(at: entry.at, seq: entry.seq)
        case .expiry: expiries.remove(at: entry.at, seq: entry.seq)
        }
      case .taken(let time, let entry): insert(time, entry)
      case .started(let job): letGo(job)
      case .ended(let job): hold(job)
      case .until(let job, let until): move(job, to: until)
      case .row(let job, let row): job.stored.row = row
      }
    }
    undo.removeAll()
    for queue in touched {
      if let committed = queue.committed { queue.standing = committed }
      queue.committed = nil
    }
    touched.removeAll()
  }
}
