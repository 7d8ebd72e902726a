import Jobs

extension RedisStore {
  public func settle(_ settlements: [Settlement], now: Timestamp) throws(StoreError) -> [SettleResult] {
    var results: [SettleResult] = []
    results.reserveCapacity(settlements.count)
    var rest = settlements[...]
    while !rest.isEmpty {
      let slice = rest.prefix(Self.mostPerCall)
      rest = rest.dropFirst(slice.count)
      var reply = try write(.settle, now: now) { command in
        addRetention(&command)
        for settlement in slice {
          command.add(settlement.lease.jobID)
          command.add { bytes in
            bytes.append(contentsOf: hint(settlement.lease.jobID, none: "             ").utf8)
            bytes.put(settlement.lease.token)
            put(settlement.outcome, ifEndsBy: settlement.ifEndsBy, into: &bytes)
          }
        }
      }
      try read { () throws(RedisFailure) in
        var states = try reply.packed()
        for _ in slice {
          results.append(JobState(rawValue: try states.uint8()).map { .settled($0) } ?? .notHeld)
        }
      }
    }
    return results
  }

  private func put(_ outcome: Settlement.Outcome, ifEndsBy: Timestamp?, into bytes: inout [UInt8]) {
    switch outcome {
    case .succeeded(let result):
      bytes.put(UInt8(ascii: "s"))
      bytes.append(contentsOf: result)
    case .failed(let failure, let draw):
      bytes.put(UInt8(ascii: "f"))
      bytes.put(draw)
      StoredFailure.put(failure, into: &bytes)
    case .released(let delay):
      bytes.put(UInt8(ascii: "r"))
      bytes.put(max(delay ?? .zero, .zero))
    case .canceled(let draw):
      bytes.put(UInt8(ascii: "c"))
      bytes.put(draw)
    case .unconfirmed:
      bytes.put(UInt8(ascii: "u"))
      bytes.put(ifEndsBy ?? .distantPast)
    case .lost:
      bytes.put(UInt8(ascii: "l"))
      bytes.put(ifEndsBy ?? .distantPast)
    }
  }

  public func extend(_ extensions: [Extension], now: Timestamp) throws(StoreError) -> [ExtendResult] {
    var results: [ExtendResult] = []
    results.reserveCapacity(extensions.count)
    var rest = extensions[...]
    while !rest.isEmpty {
      let slice = rest.prefix(Self.mostPerCall)
      rest = rest.dropFirst(slice.count)
      var reply = try write(.extend, now: now) { command in
        command.add(configuration.timeoutGrace.microseconds)
        for renewal in slice {
          command.add(renewal.lease.jobID)
          command.add { bytes in
            bytes.append(contentsOf: hint(renewal.lease.jobID, none: "             ").utf8)
            bytes.put(renewal.lease.token)
          }
          if let by = renewal.ifEndsBy {
            command.add("\(renewal.until.microseconds) \(by.microseconds)")
          } else {
            command.add(renewal.until.microseconds)
          }
          command.add { bytes in
            guard let progress = renewal.progress else { return }
            bytes.put(progress.percent)
            bytes.append(contentsOf: progress.message.utf8)
          }
        }
      }
      try read { () throws(RedisFailure) in
        _ = try reply.string()
        for _ in slice {
          let head = try reply.packed()
          let state = try reply.packed()
          results.append(head.isEmpty ? .notHeld : .extended(try StoredState.held(head: head, state: state)))
        }
      }
    }
    return results
  }
}
