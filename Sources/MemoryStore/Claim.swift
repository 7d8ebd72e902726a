import Jobs

extension MemoryStore {
  public func claim(_ request: ClaimRequest, now: Timestamp) -> ClaimResult {
    var result = ClaimResult(jobs: [], dry: request.filters.map { _ in false })
    var budgets = request.workers.map(\.byteBudget)
    var holdsNothing = request.workers.map(\.holdsNothing)
    var isFull = request.workers.map { _ in false }

    for slot in request.slots {
      let index = Int(slot.worker)
      let filter = Int(slot.filter)
      if isFull[index] || result.dry[filter] { continue }
      guard let best = best(request.filters[filter], now: now), var row = tables.rows[best.seq] else {
        result.dry[filter] = true
        continue
      }
      let size = row.record.job.payloadSize
      guard size <= budgets[index] || holdsNothing[index] else {
        isFull[index] = true
        continue
      }
      budgets[index] -= min(size, budgets[index])
      holdsNothing[index] = false
      result.jobs.append(start(&row, by: request.workers[index], at: index, now: now))
    }
    return result
  }

  /// The first pattern that has a job that the filter takes decides; within it the best place of all its queues.
  private func best(_ filter: ClaimFilter, now: Timestamp) -> Place? {
    for pattern in filter.queues {
      var best: Place?
      for (queue, places) in tables.ready where pattern.matches(queue) && !isPaused(queue) {
        let first = places.elements.first { place in
          guard let job = tables.rows[place.seq]?.record.job else { return false }
          return (filter.names.isEmpty || filter.names.contains(job.name))
            && job.options.startBefore.map { $0 > now } ?? true
        }
        if let first, best.map({ first < $0 }) ?? true { best = first }
      }
      if let best { return best }
    }
    return nil
  }

  private func start(_ row: inout Row, by worker: ClaimRequest.Worker, at index: Int, now: Timestamp) -> ClaimedJob {
    row.record.state = .running
    row.record.attempt += 1
    row.record.startedAt = now
    row.record.workerID = worker.id
    row.record.progress = nil
    row.record.cancelRequested = false
    row.cancelReason = ""
    row.token = makeToken()
    row.deadline = row.record.job.options.timeout.map { now + $0 }
    row.record.leaseUntil = leaseEnd(worker.leaseUntil, row)
    tables.put(row)
    note(.started, row, now: now)
    return ClaimedJob(
      lease: row.held.lease, worker: index, attempt: row.record.attempt, job: row.record.job,
      createdAt: row.record.createdAt, readyAt: row.record.place.readyAt, deadline: row.deadline)
  }

  /// Never past the attempt's deadline and some grace.
  func leaseEnd(_ asked: Timestamp, _ row: Row) -> Timestamp {
    guard let deadline = row.deadline else { return asked }
    return min(asked, deadline + configuration.timeoutGrace)
  }
}
