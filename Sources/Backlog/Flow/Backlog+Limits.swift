import Jobs

/// All limits, and who waits for a rate.
struct LimitBook {
  var entries: [Limit.Scope: LimitEntry] = [:]
  /// Those for each key with a prefix.
  var prefixes: [(prefix: String, entry: LimitEntry)] = []
  /// Concurrency keys that are in use, by name.
  var keys: [String: ConcurrencyKey] = [:]
  /// When held back keys and queues may go on by their rate: wall clock.
  var openings = Order()
  /// Who they are, by the number in `openings`.
  var waiting = NumberTable<Held>()
  var nextNumber: Int64 = 1
  /// Gates whose window is to be stored.
  var touched: [Gate] = []
  /// Held back now.
  var heldKeys = 0
  var heldQueues = 0
  /// Taken in a rehearsal only.
  var reservedKeys: [ConcurrencyKey] = []
  var reservedQueues: [Queue] = []
  /// Where the look for unused windows goes on.
  var windows: [Gate] = []
  var windowsLooked = 0

  enum Held {
    case key(ConcurrencyKey)
    case queue(Queue)
  }
}

extension LiveJob {
  /// Whether it is counted in anything but its queue.
  var hasFlow: Bool { head.job.options !== JobOptions.standard }
}

extension Backlog {
  // MARK: Keys

  /// nil: none.
  func key(_ name: String) -> ConcurrencyKey? {
    if name.isEmpty { return nil }
    if let known = limits.keys[name] { return known }
    let key = ConcurrencyKey(name)
    limits.keys[name] = key
    usesKeys = true
    if let entry = limits.entries[.key(name)] { cover(key, by: entry) }
    for (prefix, entry) in limits.prefixes where name.hasPrefix(prefix) { cover(key, by: entry) }
    return key
  }

  func key(of job: LiveJob) -> ConcurrencyKey? {
    let name = job.head.job.options.concurrencyKey
    if name.isEmpty { return nil }
    if let key = job.key, key.name == name { return key }
    job.key = key(name)
    return job.key
  }

  private func cover(_ key: ConcurrencyKey, by entry: LimitEntry) {
    let gate = entry.gates[key.name] ?? Gate(entry, subject: key.name)
    entry.gates[key.name] = gate
    key.gates.append(gate)
  }

  /// A key that nothing has any more is forgotten, with what no window remembers.
  func dropIfUnused(_ key: ConcurrencyKey) {
    guard key.isUnused, !key.isHeld, !key.gates.contains(where: { $0.window?.isUnused == false }) else { return }
    limits.keys[key.name] = nil
    for gate in key.gates { gate.entry.gates[key.name] = nil }
  }

  // MARK: Counting

  /// One waits, by its state; called before the queue counts it.
  func countWaiting(_ job: LiveJob, _ step: Int) {
    guard job.isWaiting, let key = key(of: job) else { return }
    key.waiting += step
  }

  /// One was just started.
  func countStart(_ job: LiveJob, _ now: Moment) -> Bool {
    let queue = job.queue
    var isRated = false
    if let gate = queue.gate {
      isRated = use(gate, now.wall)
      if gate.free(running: queue.running, now: now.wall) == 0 { hold(queue, now.wall) }
    }
    guard job.hasFlow else { return isRated }
    if !job.head.job.options.batchID.isEmpty {
      countInBatch(job, .running, 1)
      countInBatch(job, .ready, -1)
    }
    guard let key = key(of: job) else { return isRated }
    key.ready -= 1
    key.waiting -= 1
    key.running += 1
    for gate in key.gates where use(gate, now.wall) { isRated = true }
    if !isOpen(key, now.wall) { hold(key, now.wall) }
    return isRated
  }

  /// One's lease has ended.
  func countEnd(_ job: LiveJob, _ now: Timestamp) {
    if job.queue.isHeld { release(job.queue, now) }
    guard job.hasFlow else { return }
    if !job.head.job.options.batchID.isEmpty { countInBatch(job, .running, -1) }
    guard let key = key(of: job) else { return }
    key.running -= 1
    if key.isHeld { release(key, now) }
    // It may come back at once: what is dropped is made anew.
    idleKeys.append(key)
  }

  /// Keys that may be out of use, at the tick's end.
  func dropIdleKeys(_ now: Timestamp) {
    for key in idleKeys { dropIfUnused(key) }
    idleKeys.removeAll(keepingCapacity: true)
  }

  /// - Returns: whether it has a rate.
  private func use(_ gate: Gate, _ now: Timestamp) -> Bool {
    guard gate.window != nil else { return false }
    gate.window?.start(at: now)
    if gate.window?.needsStoring == true, !gate.isTouched {
      gate.isTouched = true
      limits.touched.append(gate)
    }
    return true
  }

  // MARK: Holding back

  /// Something is held back by a limit.
  var holdsBack: Bool { limits.heldKeys + limits.heldQueues > 0 }

  func isOpen(_ key: ConcurrencyKey, _ now: Timestamp) -> Bool {
    key.gates.allSatisfy { $0.free(running: key.running, now: now) > 0 }
  }

  func hold(_ key: ConcurrencyKey, _ now: Timestamp) {
    guard !key.isHeld else { return }
    key.isHeld = true
    limits.heldKeys += 1
    waitForRate(key.gates, running: key.running, .key(key), now)
  }

  func hold(_ queue: Queue, _ now: Timestamp) {
    guard !queue.isHeld else { return }
    queue.isHeld = true
    limits.heldQueues += 1
    waitForRate(queue.gate.map { [$0] } ?? [], running: queue.running, .queue(queue), now)
  }

  /// If all that is missing is time: until then.
  private func waitForRate(_ gates: [Gate], running: Int, _ held: LimitBook.Held, _ now: Timestamp) {
    switch held {
    case .key(let key):
      if key.isAwaited { return }
    case .queue(let queue):
      if queue.isAwaited { return }
    }
    var next = now
    for gate in gates {
      if gate.limit.maxRunning > 0, running >= Int(gate.limit.maxRunning) { return }
      if gate.window != nil, let time = gate.window?.next(after: now) { next = max(next, time) }
    }
    switch held {
    case .key(let key): key.isAwaited = true
    case .queue(let queue): queue.isAwaited = true
    }
    let number = limits.nextNumber
    limits.nextNumber += 1
    limits.openings.insert(Entry(at: next.microseconds, seq: number))
    limits.waiting.insert(number, held)
  }

  /// Lets go what a limit does not hold any more.
  func release(_ key: ConcurrencyKey, _ now: Timestamp) {
    guard key.isHeld else { return }
    let free = key.gates.reduce(Int.max) { min($0, $1.free(running: key.running, now: now)) }
    guard free > 0 else {
      waitForRate(key.gates, running: key.running, .key(key), now)
      return
    }
    key.isHeld = false
    limits.heldKeys -= 1
    let parked = key.parked
    key.parked = []
    for group in parked {
      group.isParked = false
      guard group.count > 0 else { continue }
      group.lane.reopen(group)
      wake(group.lane.queue, most: min(free, group.count))
    }
  }

  func release(_ queue: Queue, _ now: Timestamp) {
    guard queue.isHeld else { return }
    let free = queue.gate?.free(running: queue.running, now: now) ?? .max
    guard free > 0 else {
      waitForRate(queue.gate.map { [$0] } ?? [], running: queue.running, .queue(queue), now)
      return
    }
    queue.isHeld = false
    limits.heldQueues -= 1
    wake(queue, most: free)
  }

  /// Rates that let more start by now.
  func openRates(_ now: Timestamp, limit: Int) -> Int {
    var count = 0
    while count < limit, let first = limits.openings.first, first.at <= now.microseconds {
      limits.openings.removeFirst()
      count += 1
      let held = limits.waiting[first.seq]
      limits.waiting.remove(first.seq)
      switch held {
      case .key(let key):
        key.isAwaited = false
        release(key, now)
      case .queue(let queue):
        queue.isAwaited = false
        release(queue, now)
      case nil: break
      }
    }
    return count
  }

  // MARK: Rehearsing

  /// As if one were started: whoever would be held back then is.
  func reserve(_ queue: Queue, _ key: ConcurrencyKey?) {
    if let gate = queue.gate {
      queue.reserved += 1
      limits.reservedQueues.append(queue)
      if gate.free(running: queue.running, now: claimTime) <= queue.reserved { queue.isHeld = true }
    }
    guard let key, !key.gates.isEmpty else { return }
    key.reserved += 1
    limits.reservedKeys.append(key)
    let free = key.gates.reduce(Int.max) { min($0, $1.free(running: key.running, now: claimTime)) }
    if free <= key.reserved { key.isHeld = true }
  }

  /// - Returns: the queues of which jobs are no longer held back.
  func releaseReserved() -> [Queue] {
    var reopened: [Queue] = []
    for queue in limits.reservedQueues where queue.reserved > 0 {
      queue.reserved = 0
      queue.isHeld = false
    }
    for key in limits.reservedKeys where key.reserved > 0 {
      key.reserved = 0
      key.isHeld = false
      let parked = key.parked
      key.parked = []
      for group in parked {
        group.isParked = false
        guard group.count > 0 else { continue }
        group.lane.reopen(group)
        reopened.append(group.lane.queue)
      }
    }
    limits.reservedQueues.removeAll(keepingCapacity: true)
    limits.reservedKeys.removeAll(keepingCapacity: true)
    return reopened
  }
}
