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
    var left: Live?
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
    _ heap: inout LaneHeap, left: Live?, expired: inout Int, now: Timestamp
  ) throws(StoreError) -> (Lane, Live)? {
    while expired < Self.expiriesPerClaim, let lane = heap.best(memory), let entry = lane.order.first {
      if let left, left.stored.seq == entry.seq { return (lane, left) }
      let live = try peek(entry, of: lane)
      if let startBefore = live.stored.head.job.options.startBefore, startBefore <= now {
        var stored = live.stored
        memory.leave(stored, lane.queue)
        try finish(&stored, lane.queue, as: .expired, now: now)
        note(.expired, stored, now)
        expired += 1
        continue
      }
      return (lane, live)
    }
    return nil
  }

  private func peek(_ entry: Entry, of lane: Lane) throws(StoreError) -> Live {
    let index = Int(entry.seq - firstFresh)
    if fresh.indices.contains(index), let live = fresh[index] { return live }
    guard let live = try readLive(entry.seq, withRow: entry.hasRow, lane.queue) else { throw damaged(entry.seq) }
    return live
  }

  private func start(
    _ live: Live, from lane: Lane, by worker: ClaimRequest.Worker, at index: Int, now: Timestamp
  ) throws(StoreError) -> ClaimedJob {
    let head = live.stored.head
    memory.takeFirst(of: lane)
    if let startBefore = head.job.options.startBefore { memory.take(.expiry, at: startBefore, seq: head.seq) }
    let readyAt = live.stored.readyAt
    live.stored.row.start(by: worker.id, now: now)
    live.stored.row.token = try makeToken()
    live.stored.row.deadline = head.job.options.timeout.map { now + $0 }
    live.stored.row.until = leaseEnd(worker.leaseUntil, live.stored.row)
    try writeState(&live.stored)
    memory.start(live)
    note(.started, live.stored, now, by: worker.id)
    let claimed = ClaimedJob(
      lease: Lease(jobID: head.job.id, token: live.stored.row.token), worker: index,
      attempt: live.stored.row.attempt, job: head.job.with(body: live.body), createdAt: head.createdAt,
      readyAt: readyAt, deadline: live.stored.row.deadline)
    live.body = []
    return claimed
  }

  /// Never past the attempt's deadline and some grace.
  func leaseEnd(_ asked: Timestamp, _ row: StateRow) -> Timestamp {
    guard let deadline = row.deadline else { return asked }
    return min(asked, deadline + configuration.timeoutGrace)
  }
}
