import Jobs

extension RedisStore {
  public func control(_ controls: [Control], now: Timestamp) throws(StoreError) -> [ControlResult] {
    var results: [ControlResult] = []
    results.reserveCapacity(controls.count)
    var rest = controls[...]
    while !rest.isEmpty {
      let slice = rest.prefix(Self.mostPerCall)
      rest = rest.dropFirst(slice.count)
      var reply = try write(.control, now: now) { command in
        addRetention(&command)
        for control in slice {
          let (id, what) =
            switch control {
            case .cancel(let id, let reason): (id, "c" + reason)
            case .retry(let id, let resetAttempts): (id, resetAttempts ? "R" : "r")
            case .delete(let id): (id, "d")
            }
          command.add(id)
          command.add(hint(id, none: ""))
          command.add(what)
        }
      }
      try read { () throws(RedisFailure) in
        _ = try reply.string()
        for _ in slice { results.append(try Self.result(&reply)) }
      }
    }
    return results
  }

  private static func result(_ reply: inout RedisReply) throws(RedisFailure) -> ControlResult {
    let code = try reply.string()
    let number = UInt8(clamping: try reply.integer())
    let head = try reply.packed()
    let state = try reply.packed()
    if code == "n" { return .notFound }
    if code == "l" { return .running(try StoredState.held(head: head, state: state)) }
    guard let state = JobState(rawValue: number) else { throw .protocolError("a state was expected") }
    return code == "d" ? .done(state) : .refused(state)
  }

  public func sweep(
    _ sweep: Sweep, from cursor: Int64?, limit: Int, now: Timestamp
  ) throws(StoreError) -> SweepResult {
    switch sweep.action {
    case .delete, .retry: break
    case .count, .cancel: throw StoreError(.unavailable, "this store does not count or cancel in bulk yet")
    }
    var reply = try write(.sweep, now: now) { command in
      addRetention(&command)
      switch sweep.action {
      case .delete: command.add("d")
      case .retry(let resetAttempts): command.add(resetAttempts ? "R" : "r")
      case .count, .cancel: break
      }
      command.add(sweep.queue)
      command.add(sweep.states.map(\.rawValue).sorted())
      command.add(sweep.name)
      command.add(cursor ?? 0)
      command.add(min(max(limit, 1), 1000))
    }
    return try read { () throws(RedisFailure) in
      SweepResult(count: Int(try reply.integer()), next: try reply.optionalInteger())
    }
  }

  public func setPaused(_ isPaused: Bool, queue: String, now: Timestamp) throws(StoreError) {
    _ = try write(.pause, now: now) { command in
      command.add(queue)
      command.add(isPaused ? "1" : "0")
      command.add { StoredEvents.putHead(id: "", queue: queue, name: "", batchID: "", into: &$0) }
    }
  }

  public func record(_ events: [Event]) throws(StoreError) {
    var rest = events[...]
    while let first = rest.first {
      // One entry of the log has one time.
      let slice = rest.prefix(Self.mostPerCall).prefix { $0.at == first.at }
      rest = rest.dropFirst(slice.count)
      _ = try write(.record, now: first.at) { command in
        for event in slice { command.add { StoredEvents.put(event, into: &$0) } }
      }
    }
  }

  public func queues(now: Timestamp) throws(StoreError) -> [QueueStatistics] {
    var reply = try run(.queues) { _ in }
    return try read { () throws(RedisFailure) in try QueueStatistics.read(&reply) }
  }

  public func jobsAhead(of place: Place, queue: String) throws(StoreError) -> Int {
    try ahead(of: place, queue: queue, named: 0).count
  }

  public func idsAhead(of place: Place, queue: String, most: Int) throws(StoreError) -> [String] {
    try ahead(of: place, queue: queue, named: min(max(most, 0), 1000)).first
  }

  private func ahead(of place: Place, queue: String, named most: Int) throws(StoreError) -> (
    count: Int, first: [String]
  ) {
    var reply = try run(.ahead) { command in
      command.add(queue)
      command.add(Self.priorityCode(place.priority))
      command.add(place.readyAt.microseconds)
      let digits = String(max(0, place.seq))
      command.add(String(repeating: "0", count: max(0, 13 - digits.utf8.count)) + digits)
      command.add(most)
    }
    return try read { () throws(RedisFailure) in
      let parts = try reply.array()
      let count = Int(try reply.integer())
      var first: [String] = []
      for _ in 1..<max(1, parts) { first.append(try reply.string()) }
      return (count, first)
    }
  }
}

extension QueueStatistics {
  /// What queues.lua says, by name.
  fileprivate static func read(_ reply: inout RedisReply) throws(RedisFailure) -> [QueueStatistics] {
    var queues: [String: QueueStatistics] = [:]
    let count = try reply.array()
    for _ in 0..<(try reply.array()) / 2 {
      let field = try reply.string()
      let value = UInt64(clamping: try reply.integer())
      guard value > 0, let zero = field.lastIndex(of: "\0") else { continue }
      let name = String(field[..<zero])
      var queue = queues[name] ?? QueueStatistics(name: name)
      switch field[field.index(after: zero)...] {
      case "d": queue.scheduled = value
      case "r": queue.running = value
      case "x": queue.dead = value
      case "s": queue.succeededTotal = value
      case "f": queue.failedTotal = value
      default: break
      }
      queues[name] = queue
    }
    for _ in 0..<(try reply.array()) {
      let name = try reply.string()
      queues[name, default: QueueStatistics(name: name)].paused = true
    }
    for _ in 0..<max(0, count - 2) {
      _ = try reply.array()
      let name = try reply.string()
      let ready = UInt64(clamping: try reply.integer())
      let oldest = try reply.integer()
      queues[name, default: QueueStatistics(name: name)].ready = ready
      queues[name]?.oldestReadyAt = Timestamp(microseconds: oldest)
    }
    return queues.values.sorted { $0.name < $1.name }
  }
}
