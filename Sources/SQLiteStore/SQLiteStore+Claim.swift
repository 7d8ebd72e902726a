import Jobs

extension SQLiteStore {
  public func claim(_ request: ClaimRequest, now: Timestamp) throws(StoreError) -> ClaimResult {
    var result = ClaimResult(jobs: [], dry: request.filters.map { _ in false })
    if memory.active.isEmpty {
      // Every filter that a slot asks for is dry.
      for slot in request.slots { result.dry[Int(slot.filter)] = true }
      return result
    }
    try begin(now)
    var heaps = request.filters.map { LaneHeap($0) }
    var budgets = request.workers.map { (bytes: $0.byteBudget, holdsNothing: $0.holdsNothing, isFull: false) }
    // The best job of the last slot, when it did not fit its worker.
    var left: Whole?
    var expired = 0

    for slot in request.slots {
      let index = Int(slot.worker)
      let filter = Int(slot.filter)
      if budgets[index].isFull || result.dry[filter] { continue }
      guard let (lane, found) = try best(&heaps[filter], left: left, expired: &expired, now: now) else {
        // Too many too late ones were in the way: the next tick goes on.
        if expired == Self.expiriesPerClaim { break }
        result.dry[filter] = true
        continue
      }
      let size = found.stored.head.job.payloadSize
      guard size <= budgets[index].bytes || budgets[index].holdsNothing else {
        budgets[index].isFull = true
        left = found
        continue
      }
      left = nil
      budgets[index].bytes -= min(size, budgets[index].bytes)
      budgets[index].holdsNothing = false
      result.jobs.append(try start(found, from: lane, by: request.workers[index], at: index, now: now))
    }
    return result
  }

  /// Jobs that one claim makes expired at most, so that no tick is long when very many are too late at once.
  private static let expiriesPerClaim = 512

  /// The best job that can be started, still in its lane. Those that are too late are made expired on the way.
  private func best(
    _ heap: inout LaneHeap, left: Whole?, expired: inout Int, now: Timestamp
  ) throws(StoreError) -> (Lane, Whole)? {
    while expired < Self.expiriesPerClaim, let lane = heap.best(memory), let entry = lane.order.first {
      if let left, left.stored.seq == entry.seq { return (lane, left) }
      let whole = try peek(entry)
      if let startBefore = whole.stored.head.job.options.startBefore, startBefore <= now {
        var stored = whole.stored
        memory.leave(stored, lane.queue)
        try finish(&stored, lane.queue, as: .expired, now: now)
        note(.expired, stored, now)
        expired += 1
        continue
      }
      return (lane, whole)
    }
    return nil
  }

  private func peek(_ entry: Entry) throws(StoreError) -> Whole {
    let index = Int(entry.seq - firstFresh)
    if fresh.indices.contains(index), let whole = fresh[index] { return whole }
    guard let whole = try readWhole(entry.seq, withRow: entry.hasRow) else { throw damaged(entry.seq) }
    return whole
  }

  private func start(
    _ found: Whole, from lane: Lane, by worker: ClaimRequest.Worker, at index: Int, now: Timestamp
  ) throws(StoreError) -> ClaimedJob {
    var stored = found.stored
    _ = memory.takeFirst(of: lane)
    if let startBefore = stored.head.job.options.startBefore { memory.take(.expiry, at: startBefore, seq: stored.seq) }
    let readyAt = stored.readyAt
    stored.row.state = .running
    stored.row.attempt += 1
    stored.row.startedAt = now
    stored.row.workerID = worker.id
    stored.row.progress = nil
    stored.row.cancelRequested = false
    stored.row.cancelReason = ""
    stored.row.token = try makeToken()
    stored.row.deadline = stored.head.job.options.timeout.map { now + $0 }
    stored.row.until = leaseEnd(worker.leaseUntil, stored.row)
    try writeState(&stored)
    note(.started, stored, now, by: worker.id)
    let claimed = ClaimedJob(
      lease: Lease(jobID: stored.head.job.id, token: stored.row.token), worker: index, attempt: stored.row.attempt,
      job: stored.head.job.with(body: found.body), createdAt: stored.head.createdAt, readyAt: readyAt,
      deadline: stored.row.deadline)
    memory.start(Running(stored, queue: lane.queue))
    return claimed
  }

  /// Never past the attempt's deadline and some grace.
  func leaseEnd(_ asked: Timestamp, _ row: StateRow) -> Timestamp {
    guard let deadline = row.deadline else { return asked }
    return min(asked, deadline + configuration.timeoutGrace)
  }
}
