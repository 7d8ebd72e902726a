import GKick
import Glibc
import Jobs

extension JobState {
  /// As the contract calls it, without its prefix.
  var name: String {
    switch self {
    case .scheduled: "SCHEDULED"
    case .ready: "READY"
    case .running: "RUNNING"
    case .retrying: "RETRYING"
    case .succeeded: "SUCCEEDED"
    case .dead: "DEAD"
    case .canceled: "CANCELED"
    case .expired: "EXPIRED"
    case .blocked: "BLOCKED"
    }
  }

  init?(name: String) {
    guard let state = JobState.allCases.first(where: { $0.name == name.uppercased() }) else { return nil }
    self = state
  }
}

extension Event.Kind {
  var name: String {
    switch self {
    case .scheduled: "SCHEDULED"
    case .enqueued: "ENQUEUED"
    case .started: "STARTED"
    case .progress: "PROGRESS"
    case .succeeded: "SUCCEEDED"
    case .failed: "FAILED"
    case .dead: "DEAD"
    case .canceled: "CANCELED"
    case .expired: "EXPIRED"
    case .leaseLost: "LEASE_LOST"
    case .blocked: "BLOCKED"
    case .refused: "REFUSED"
    case .queuePaused: "QUEUE_PAUSED"
    case .queueResumed: "QUEUE_RESUMED"
    case .workerConnected: "WORKER_CONNECTED"
    case .workerDisconnected: "WORKER_DISCONNECTED"
    case .batchFinished: "BATCH_FINISHED"
    case .audit: "AUDIT"
    }
  }

  init?(name: String) {
    guard let kind = Event.Kind.allCases.first(where: { $0.name == name.uppercased() }) else { return nil }
    self = kind
  }
}

extension Jobs.Durability {
  var name: String { self == .synced ? "SYNCED" : "RELAXED" }
}

extension GKick.Durability {
  var name: String { self == .synced ? "SYNCED" : "RELAXED" }
}

extension Timestamp {
  /// By this machine's clock.
  static var now: Timestamp {
    var time = timespec()
    // clock_gettime fills the struct it is given.
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000)
  }
}
