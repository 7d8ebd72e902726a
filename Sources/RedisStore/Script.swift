/// The verbs as Redis runs them. Each is documented above its source in Scripts/.
enum Script: Int, CaseIterable {
  case hello, beat, enqueue, claim, settle, extend, promote, reclaim, prune, control, sweep, pause, record
  case read, list, events, queues, ahead, publish, workers

  /// What Redis loads: the verb after what it builds on.
  ///
  /// - Parameter hasFlags: Redis 7 and later can be told that a script may run when memory is used up. Those that end jobs or
  ///   give memory back may; those that store may not, and are then refused before they write.
  func source(hasFlags: Bool) -> [UInt8] {
    var parts: [[UInt8]] = []
    if hasFlags, let flags { parts.append(Array("#!lua flags=\(flags)\n".utf8)) }
    if isWriting {
      parts.append(PackageResources.common_lua)
      if usesJobs { parts.append(PackageResources.job_lua) }
      if self == .control || self == .sweep { parts.append(PackageResources.retry_lua) }
    }
    parts.append(text)
    return Array(parts.joined())
  }

  private var flags: String? {
    switch self {
    case .enqueue, .claim: nil
    case .read, .list, .events, .queues, .ahead, .workers: "no-writes"
    case .hello, .beat, .publish, .settle, .extend, .promote, .reclaim, .prune, .control, .sweep, .pause, .record:
      "allow-oom"
    }
  }

  /// Whether its arguments and reply are those of common.lua.
  var isWriting: Bool {
    switch self {
    case .hello, .beat, .read, .list, .events, .queues, .ahead, .publish, .workers: false
    case .enqueue, .claim, .settle, .extend, .promote, .reclaim, .prune, .control, .sweep, .pause, .record: true
    }
  }

  private var usesJobs: Bool { self != .pause && self != .record }

  private var text: [UInt8] {
    switch self {
    case .hello: PackageResources.hello_lua
    case .beat: PackageResources.beat_lua
    case .enqueue: PackageResources.enqueue_lua
    case .claim: PackageResources.claim_lua
    case .settle: PackageResources.settle_lua
    case .extend: PackageResources.extend_lua
    case .promote: PackageResources.promote_lua
    case .reclaim: PackageResources.reclaim_lua
    case .prune: PackageResources.prune_lua
    case .control: PackageResources.control_lua
    case .sweep: PackageResources.sweep_lua
    case .pause: PackageResources.pause_lua
    case .record: PackageResources.record_lua
    case .read: PackageResources.read_lua
    case .list: PackageResources.list_lua
    case .events: PackageResources.events_lua
    case .queues: PackageResources.queues_lua
    case .ahead: PackageResources.ahead_lua
    case .publish: PackageResources.publish_lua
    case .workers: PackageResources.workers_lua
    }
  }
}
