public import Jobs

extension Backlog {
  /// Which limits let the job not start now, with figures.
  public func limitReasons(for job: NewJob, now: Moment) -> [Explanation.Reason] {
    var reasons: [Explanation.Reason] = []
    if let queue = queues[job.queue], let gate = queue.gate {
      add(gate, running: queue.running, "in queue \(queue.name)", now.wall, to: &reasons)
    }
    if let key = limits.keys[job.options.concurrencyKey] {
      for gate in key.gates { add(gate, running: key.running, "for key \(key.name)", now.wall, to: &reasons) }
    }
    return reasons
  }

  private func add(
    _ gate: Gate, running: Int, _ of: String, _ now: Timestamp, to reasons: inout [Explanation.Reason]
  ) {
    let limit = gate.limit
    if limit.maxRunning > 0, running >= Int(limit.maxRunning) {
      reasons.append(.init(.concurrencyLimit, "\(running) of \(limit.maxRunning) running \(of)"))
    }
    guard let rate = limit.rate, gate.window?.available(at: now) == 0, let next = gate.window?.next(after: now) else {
      return
    }
    let started = gate.window?.started(at: now) ?? 0
    reasons.append(
      .init(
        .rateLimit, "\(started) of \(rate.count) started in \(Self.words(rate.period)) \(of)",
        notBefore: next))
  }

  private static func words(_ period: Interval) -> String {
    let seconds = period.microseconds / 1_000_000
    guard period.microseconds % 1_000_000 == 0 else { return "\(Double(period.microseconds) / 1_000) ms" }
    if seconds % 86_400 == 0 { return "\(seconds / 86_400) d" }
    return seconds % 3_600 == 0 ? "\(seconds / 3_600) h" : "\(seconds) s"
  }

  /// What a blocked job waits for: how many of how many, and (if they are few) which.
  public func dependencyReason(for job: NewJob, named: Int) throws(StoreError) -> Explanation.Reason {
    let all = job.options.dependsOn
    let open = openDependencies(ofJob: job.id)
    var ids: [String] = []
    if open <= named {
      var seqs: [Int64] = []
      for id in all { gather(id, into: &seqs) }
      try read(seqs, bodies: false)
      ids = all.filter { find($0)?.standing.state.isFinal == false }
    }
    return .init(.dependency, Self.dependencyWords(open, of: all.count), jobIDs: ids)
  }

  public static func dependencyWords(_ open: Int, of all: Int) -> String {
    "waits for \(open) of \(all) job\(all == 1 ? "" : "s")"
  }
}
