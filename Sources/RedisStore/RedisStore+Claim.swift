import Jobs

extension RedisStore {
  public func claim(_ request: ClaimRequest, now: Timestamp) throws(StoreError) -> ClaimResult {
    let tokens = takeTokens(request.slots.count)
    var reply = try write(.claim, now: now) { command in
      command.add(tokens.epoch)
      command.add(tokens.first)
      command.add(configuration.timeoutGrace.microseconds)
      command.add(request.workers.count)
      for worker in request.workers {
        command.add(worker.id)
        command.add(worker.leaseUntil.microseconds)
        if worker.byteBudget == .max { command.add("") } else { command.add(worker.byteBudget) }
        command.add(worker.holdsNothing ? "1" : "0")
      }
      command.add(request.filters.count)
      for filter in request.filters {
        command.add(filter.queues.count)
        for pattern in filter.queues {
          command.add(pattern.text)
          command.add(pattern.isPrefix ? "1" : "0")
        }
        command.add(filter.names.count)
        for name in filter.names { command.add(name) }
      }
      command.add { bytes in
        for slot in request.slots {
          bytes.put(UInt16(truncatingIfNeeded: slot.worker))
          bytes.put(UInt16(truncatingIfNeeded: slot.filter))
        }
      }
    }
    let result = try read { () throws(RedisFailure) in
      var result = ClaimResult(jobs: [], dry: try reply.string().utf8.map { $0 == UInt8(ascii: "1") })
      let count = try reply.integer()
      result.jobs.reserveCapacity(Int(count))
      for _ in 0..<count { result.jobs.append(try claimed(&reply)) }
      return result
    }
    for (filter, isDry) in zip(request.filters, result.dry) where isDry { foundNothing(filter) }
    return result
  }

  private func claimed(_ reply: inout RedisReply) throws(RedisFailure) -> ClaimedJob {
    let worker = Int(try reply.integer())
    let record = try reply.packed()
    let state = try StoredState(try reply.packed())
    let stored = try StoredRecord(record, dropsStartBefore: state.dropsStartBefore)
    return ClaimedJob(
      lease: Lease(jobID: stored.job.id, token: state.token), worker: worker, attempt: state.attempt, job: stored.job,
      createdAt: stored.createdAt, readyAt: max(state.runAt, stored.createdAt), deadline: state.deadline)
  }
}
