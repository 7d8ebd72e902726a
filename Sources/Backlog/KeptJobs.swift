import Jobs

/// Waiting jobs that are at hand only to save reading them: of those that may start the first, which are claimed first; of those that may not
/// (blocked, held back, of a paused queue) the newest, which others depend on soon, or which are freed soon. So neither take the others' room.
struct KeptJobs {
  private static let maxReady = 16 << 20
  private static let maxIdle = 8 << 20

  private var readyBytes = 0
  private var idleBytes = 0
  private var idleCount = 0
  /// Seqs in the order in which they came; some are not kept any more.
  private var idle: ContiguousArray<Int64> = []
  private var start = 0

  /// How many more bytes of ready jobs would stay.
  var room: Int { Self.maxReady - readyBytes }

  /// - Returns: whether there was room.
  mutating func keepReady(_ job: LiveJob) -> Bool {
    guard readyBytes < Self.maxReady else { return false }
    job.isKept = true
    readyBytes += job.weight
    return true
  }

  mutating func keepIdle(_ job: LiveJob) {
    job.isKept = true
    job.isKeptIdle = true
    idleBytes += job.weight
    idleCount += 1
    idle.append(job.seq)
  }

  /// It has changed, or goes.
  mutating func drop(_ job: LiveJob) {
    guard job.isKept else { return }
    job.isKept = false
    guard job.isKeptIdle else {
      readyBytes -= job.weight
      return
    }
    job.isKeptIdle = false
    idleBytes -= job.weight
    idleCount -= 1
  }

  /// The oldest idle one, if there are too many. It may be none any more.
  mutating func next(_ isIdle: (Int64) -> Bool) -> Int64? {
    if idle.count - start > 4 * idleCount + 1_024 {
      idle = ContiguousArray(idle[start...].filter(isIdle))
      start = 0
    }
    guard idleBytes > Self.maxIdle, start < idle.count else { return nil }
    start += 1
    return idle[start - 1]
  }
}

extension Backlog {
  /// Keeps a stored job that waits at hand, if there is room.
  /// - Returns: whether it stays.
  @discardableResult
  func keep(_ job: LiveJob) -> Bool {
    guard job.body != nil else { return false }
    switch job.standing.state {
    case .ready where !job.queue.isHeld && !job.queue.kept.isPaused && job.key?.isHeld != true:
      return kept.keepReady(job)
    case .ready, .blocked:
      kept.keepIdle(job)
      while let seq = kept.next({ known[$0]?.isKeptIdle == true }) {
        guard let old = known[seq], old.isKeptIdle else { continue }
        kept.drop(old)
        known.remove(seq)
      }
      return true
    case .scheduled, .retrying, .running, .succeeded, .dead, .canceled, .expired: return false
    }
  }
}
