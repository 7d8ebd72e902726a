import Jobs

/// What is in the log and not yet in the database: laid over every look into the database, and taken from here by the thread that fills
/// the database behind.
final class Overlay: @unchecked Sendable {
  // Unchecked, since all below is only looked at and changed with `condition` locked, but for the batch that is being applied, which nobody
  // changes.
  private let condition = Condition()
  private var filling: Batch?
  private var applying: Batch?
  private var since = 0.0
  /// Since when all that was added is in the database.
  private var quietSince = monotonicSeconds()
  private var bytes = 0
  private var applyingBytes = 0
  /// The batch before was as large as they get.
  private var wasFull = false
  /// Applied since memory was given back.
  private var bytesSinceGivenBack = 0
  /// How many were added, and how many of them are in the database.
  private var added: UInt64 = 0
  private var taken: UInt64 = 0
  private var applied: UInt64 = 0
  private var isUrgent = false
  private var isEnding = false
  private var hasEnded = false
  /// Why the database cannot be filled now.
  private var failure: StoreError?
  /// When events are to be trimmed.
  private var tidyAt: Timestamp?
  /// The newest record of the log that the database file holds.
  private var durableNumber: UInt64
  /// Of the log's records since the one at which the database file was last made to hold all.
  private var bytesSinceDurable = 0

  /// So much is gathered, or for so long, before it is applied: a row that is written several times meanwhile is written once.
  private static let enough = 4 << 20
  private static let patience = 1.0
  /// Writing waits when more than this is not applied.
  private static let most = 64 << 20

  init(durable: UInt64) { durableNumber = durable }

  private func locked<T>(_ body: () throws(StoreError) -> T) throws(StoreError) -> T {
    condition.lock()
    defer { condition.unlock() }
    return try body()
  }

  private func locked<T>(_ body: () -> T) -> T {
    condition.lock()
    defer { condition.unlock() }
    return body()
  }

  // MARK: The storage's thread

  var durable: UInt64 { locked { durableNumber } }

  /// Waits until more may be written.
  func makeRoom() throws(StoreError) {
    try locked { () throws(StoreError) in
      while bytes + applyingBytes > Self.most {
        if let failure { throw failure }
        isUrgent = true
        condition.broadcast()
        condition.wait()
      }
    }
  }

  /// More may be written at once.
  var hasRoom: Bool { locked { bytes + applyingBytes <= Self.most } }

  /// Takes in what was written, and tells the catalogue of it.
  /// - Parameter mark: as it is afterwards.
  func add(_ changes: [ChangeSet], _ events: PackedEvents, _ mark: Mark, bytes count: Int, _ catalogue: Catalogue) {
    condition.lock()
    defer { condition.unlock() }
    added += 1
    bytes += count
    bytesSinceDurable += count
    let isFirst = filling == nil
    if isFirst {
      filling = Batch(from: mark)
      since = monotonicSeconds()
    }
    var told: [Catalogue.Change] = []
    for change in changes { filling?.add(change, stored: { catalogue.flags($0) }, told: &told) }
    catalogue.apply(told)
    filling?.add(events)
    filling?.mark = mark
    // The first only to start its patience.
    if isFirst || bytes >= Self.enough { condition.broadcast() }
  }

  /// Waits until all that was added is in the database.
  func settle() throws(StoreError) {
    try locked { () throws(StoreError) in
      let ticket = added
      while applied < ticket || tidyAt != nil {
        if let failure { throw failure }
        if hasEnded { return }
        isUrgent = true
        condition.broadcast()
        condition.wait()
      }
    }
  }

  func tidy(at now: Timestamp) {
    locked {
      tidyAt = now
      condition.broadcast()
    }
  }

  /// Lets the thread end when all is applied, or at once.
  func end(atOnce: Bool) {
    locked {
      isEnding = true
      if atOnce { filling = nil }
      condition.broadcast()
      if atOnce { return }
      while !hasEnded { condition.wait() }
    }
  }

  var lastFailure: StoreError? { locked { failure } }

  // MARK: The thread that fills the database

  enum Work {
    case apply(Batch)
    case tidy(Timestamp)
    /// Nothing was added for a while.
    case idle
    case end
  }

  /// What is to be done next; waits for it.
  func next(isIdleKnown: Bool) -> Work {
    locked {
      while true {
        if let applying { return .apply(applying) }
        let now = monotonicSeconds()
        let isDue = isUrgent || isEnding || bytes >= Self.enough
        if let batch = filling, isDue || now >= since + Self.patience {
          applying = batch
          applyingBytes = bytes
          taken = added
          filling = nil
          bytes = 0
          return .apply(batch)
        }
        if let tidyAt { return .tidy(tidyAt) }
        if isEnding {
          hasEnded = true
          condition.broadcast()
          return .end
        }
        isUrgent = false
        if filling != nil {
          condition.wait(until: since + Self.patience)
        } else if isIdleKnown {
          condition.wait()
        } else if now >= quietSince + 1 {
          return .idle
        } else {
          condition.wait(until: quietSince + 1)
        }
      }
    }
  }

  /// - Returns: whether it was the first small batch after full ones: much memory is free now that was needed for these only.
  func noteApplied() -> Bool {
    locked {
      let isFull = applyingBytes >= Self.enough
      bytesSinceGivenBack += applyingBytes
      defer { wasFull = isFull }
      applying = nil
      applyingBytes = 0
      failure = nil
      applied = taken
      quietSince = monotonicSeconds()
      condition.broadcast()
      if wasFull, !isFull { bytesSinceGivenBack = 0 }
      return wasFull && !isFull
    }
  }

  /// Nothing was added for a while.
  /// - Returns: whether so much was applied since the last time that there is memory to give back.
  func noteIdle() -> Bool {
    locked {
      defer { bytesSinceGivenBack = 0 }
      return bytesSinceGivenBack >= Self.enough
    }
  }

  func noteTidied() {
    locked {
      tidyAt = nil
      failure = nil
      condition.broadcast()
    }
  }

  func noteDurable(_ number: UInt64) {
    locked {
      durableNumber = max(durableNumber, number)
      bytesSinceDurable = bytes + applyingBytes
    }
  }

  /// The log waits for the database file, to be written over.
  var isLogWaiting: Bool { locked { bytesSinceDurable > Int(LogSegment.size / 2) } }

  /// The thread waits a second before it tries again, unless it is to end.
  func noteFailure(_ error: StoreError) -> Bool {
    locked {
      failure = error
      condition.broadcast()
      if isEnding {
        hasEnded = true
        return false
      }
      condition.wait(until: monotonicSeconds() + 1)
      return true
    }
  }

  // MARK: Looking

  /// A job as it is over what the database holds of it.
  struct Job: Sendable {
    var isGone: Bool
    var head: JobHead
    var standing: JobStanding
    /// nil: as the database has it.
    var body: [UInt8]?
    var carried: JobCarried?
  }

  /// What is known of each; nil: what the database holds is right.
  func jobs(_ seqs: [Int64]) -> [Job?] {
    locked {
      if filling == nil, applying == nil { return Array(repeating: nil, count: seqs.count) }
      return seqs.map { job($0) }
    }
  }

  private func job(_ seq: Int64) -> Job? {
    let newer = filling?.job(seq)
    let older = applying?.job(seq)
    guard let known = newer ?? older else { return nil }
    var job = Job(
      isGone: known.isGone, head: known.head, standing: known.standing, body: known.body, carried: known.carried)
    if newer != nil, let older {
      if job.body == nil { job.body = older.body }
      if job.carried == nil { job.carried = older.carried }
    }
    // What it never had is not looked for.
    let isNew = (older ?? known).isNew
    if job.body == nil, isNew { job.body = [] }
    if job.carried == nil, !known.hasCarried { job.carried = .nothing }
    return job
  }

  func seq(of id: String) -> Int64? { locked { filling?.chosen[id] ?? applying?.chosen[id] } }

  /// Final jobs of the database that have changed or gone since, and those that became final and are to be forgotten by `time`; and when the
  /// next one is.
  func ends(by time: Timestamp) -> (changed: Set<Int64>, ended: [(at: Timestamp, seq: Int64)], next: Timestamp?) {
    locked {
      var changed: Set<Int64> = []
      var ended: [(at: Timestamp, seq: Int64)] = []
      var next: Timestamp?
      func look(_ batch: Batch?, unless later: Batch?) {
        guard let batch else { return }
        for job in batch.jobs {
          if job.stored.isFinal { changed.insert(job.seq) }
          guard !job.isGone, job.standing.state.isFinal, later?.job(job.seq) == nil else { continue }
          changed.insert(job.seq)
          let at = job.standing.expires
          if at <= time { ended.append((at, job.seq)) } else { next = min(next ?? at, at) }
        }
      }
      look(filling, unless: nil)
      look(applying, unless: filling)
      return (changed, ended, next)
    }
  }
}
