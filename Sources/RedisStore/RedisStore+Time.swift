import Jobs

extension RedisStore {
  /// What one call of promote, reclaim or prune does at most: Redis serves nobody else meanwhile.
  private static let mostMoved = 1000

  public func promote(now: Timestamp, limit: Int) throws(StoreError) -> Int {
    var moved = 0
    while moved < limit {
      let slice = min(limit - moved, Self.mostMoved)
      var reply = try write(.promote, now: now) { command in
        addRetention(&command)
        command.add(slice)
      }
      let count = try read { () throws(RedisFailure) in Int(try reply.integer()) }
      moved += count
      if count < slice { break }
    }
    return moved
  }

  public func reclaim(now: Timestamp, limit: Int) throws(StoreError) -> [LapsedLease] {
    var lapsed: [LapsedLease] = []
    while lapsed.count < limit {
      let slice = min(limit - lapsed.count, Self.mostMoved)
      var reply = try write(.reclaim, now: now) { command in
        addRetention(&command)
        command.add(slice)
      }
      let before = lapsed.count
      try read { () throws(RedisFailure) in
        _ = try reply.string()
        while !reply.isAtEnd {
          let id = try reply.string()
          var token = try reply.packed()
          let workerID = try reply.string()
          guard let state = JobState(rawValue: UInt8(clamping: try reply.integer())) else {
            throw .protocolError("a state was expected")
          }
          lapsed.append(
            LapsedLease(lease: Lease(jobID: id, token: try token.uint64()), workerID: workerID, state: state))
        }
      }
      if lapsed.count - before < slice { break }
    }
    return lapsed
  }

  public func prune(now: Timestamp, limit: Int) throws(StoreError) -> Timestamp {
    var reply = try write(.prune, now: now) { command in
      addRetention(&command)
      command.add(min(limit, Self.mostMoved))
      command.add(configuration.eventRetention.microseconds)
      command.add(configuration.eventBytes)
    }
    let next = try read { () throws(RedisFailure) in try reply.optionalInteger() }
    let latest = now + .seconds(1)
    return max(now, min(next.map { Timestamp(microseconds: $0) } ?? latest, latest))
  }
}
