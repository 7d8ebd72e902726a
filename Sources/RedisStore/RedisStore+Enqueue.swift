import Jobs

extension RedisStore {
  /// The most jobs, and about the most bytes, in one call; a group that must stay whole may exceed both.
  static let mostPerCall = 512
  private static let mostBytesPerCall = 8 << 20

  public func enqueue(_ groups: [EnqueueGroup], now: Timestamp) throws(StoreError) -> [EnqueueResult] {
    var results: [EnqueueResult] = []
    results.reserveCapacity(groups.reduce(0) { $0 + $1.jobs.count })
    var batch = EnqueueCall()
    for group in groups where !group.jobs.isEmpty {
      if group.allOrNothing {
        let bytes = group.jobs.reduce(0) { $0 + $1.body.count }
        if batch.jobs.count + group.jobs.count > Self.mostPerCall || batch.bytes + bytes > Self.mostBytesPerCall {
          try store(&batch, now: now, into: &results)
        }
        batch.add(group.jobs, bytes: bytes, isWhole: true)
      } else {
        for job in group.jobs {
          if batch.jobs.count >= Self.mostPerCall || batch.bytes + job.body.count > Self.mostBytesPerCall {
            try store(&batch, now: now, into: &results)
          }
          batch.add([job], bytes: job.body.count, isWhole: false)
        }
      }
    }
    try store(&batch, now: now, into: &results)
    return results
  }

  private struct EnqueueCall {
    var jobs: [NewJob] = []
    /// How many jobs the all-or-nothing group has that begins at this job.
    var groups: [Int: Int] = [:]
    var bytes = 0

    mutating func add(_ more: [NewJob], bytes: Int, isWhole: Bool) {
      if isWhole { groups[jobs.count] = more.count }
      jobs += more
      self.bytes += bytes
    }
  }

  private struct Lane: Hashable {
    var queue: String
    var name: String
    var priority: Int8
  }

  private func store(
    _ call: inout EnqueueCall, now: Timestamp, into results: inout [EnqueueResult]
  ) throws(StoreError) {
    guard !call.jobs.isEmpty else { return }
    let jobs = call.jobs
    let groups = call.groups
    call = EnqueueCall()

    var lanes: [Lane: Int] = [:]
    var laneOrder: [Lane] = []
    var indices: [Int] = []
    indices.reserveCapacity(jobs.count)
    for job in jobs {
      let lane = Lane(queue: job.queue, name: job.name, priority: job.priority)
      // Jobs of one producer mostly go the same way.
      if let last = indices.last, laneOrder[last] == lane {
        indices.append(last)
      } else if let known = lanes[lane] {
        indices.append(known)
      } else {
        indices.append(laneOrder.count)
        lanes[lane] = laneOrder.count
        laneOrder.append(lane)
      }
    }

    var reply = try write(.enqueue, now: now) { command in
      addRetention(&command)
      // Only now is it certain which store this is.
      let (before, after) = idParts(now: now)
      command.add(before)
      command.add(after)
      command.add(laneOrder.count)
      for lane in laneOrder {
        command.add(lane.queue)
        command.add(Self.priorityCode(lane.priority) + lane.name)
      }
      for (index, job) in jobs.enumerated() {
        add(job, lane: indices[index], group: groups[index], now: now, to: &command)
      }
    }
    try read { () throws(RedisFailure) in
      let first = try reply.integer()
      let isPlain = reply.isAtEnd
      for (index, job) in jobs.enumerated() {
        let answer = isPlain ? nil : try reply.packed()
        results.append(try result(answer, job, plainSeq: first + Int64(index), now: now))
      }
    }
  }

  private func add(_ job: NewJob, lane: Int, group: Int?, now: Timestamp, to command: inout RedisCommand) {
    let runAt = job.runAt ?? now
    let isApart = job.body.count > StoredRecord.bodyInside
    var mode: UInt8 = 0
    if !job.id.isEmpty { mode |= 1 }
    if job.options.unique != nil { mode |= 2 }
    if isApart { mode |= 4 }
    if job.options.startBefore != nil { mode |= 8 }
    if group != nil { mode |= 16 }
    command.add { bytes in
      bytes.put(mode)
      bytes.put(UInt16(truncatingIfNeeded: lane))
      if runAt > now { bytes.append(contentsOf: String(runAt.microseconds).utf8) }
    }
    command.add { StoredRecord.put(job, runAt: runAt, now: now, into: &$0) }
    if !job.id.isEmpty {
      command.add(job.id)
      command.add(hint(job.id, none: ""))
    }
    if let unique = job.options.unique {
      command.add(unique.key)
      command.add(Int64(unique.onConflict.rawValue))
    }
    if isApart { command.add(job.body) }
    if let startBefore = job.options.startBefore { command.add(startBefore.microseconds) }
    if let group { command.add(group) }
  }

  private func result(
    _ answer: PackedReader?, _ job: NewJob, plainSeq: Int64, now: Timestamp
  ) throws(RedisFailure) -> EnqueueResult {
    var seq = plainSeq
    if var answer {
      switch try answer.uint8() {
      case UInt8(ascii: "S"):
        guard let number = Int64(try answer.text(13)) else { throw .protocolError("a job's number was expected") }
        seq = number
      case UInt8(ascii: "D"):
        guard let state = JobState(rawValue: try answer.uint8()) else { throw .protocolError("a state was expected") }
        let runAt = try answer.timestamp()
        return .duplicate(id: String(decoding: try answer.rest(), as: UTF8.self), state: state, runAt: runAt)
      case UInt8(ascii: "C"): return .conflict(existing: String(decoding: try answer.rest(), as: UTF8.self))
      default: return .withdrawn
      }
    }
    let runAt = job.runAt ?? now
    let id = job.id.isEmpty ? madeID(seq, now: now) : job.id
    return .stored(id: id, state: runAt > now ? .scheduled : .ready, runAt: runAt)
  }

  /// How long final jobs are kept: what job.lua's verbs are given first.
  func addRetention(_ command: inout RedisCommand) {
    command.add(configuration.retention.microseconds)
    command.add(configuration.deadRetention.microseconds)
  }

  /// Three digits, "000" for the highest priority.
  static func priorityCode(_ priority: Int8) -> String {
    let code = String(100 - max(-100, min(100, Int(priority))))
    return String(repeating: "0", count: 3 - code.utf8.count) + code
  }
}
