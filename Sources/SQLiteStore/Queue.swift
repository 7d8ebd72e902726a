import Jobs

/// How a queue stands. The lower part is kept on disk, the upper is counted at open.
struct Standing: Equatable {
  var ready: UInt64 = 0
  var scheduled: UInt64 = 0
  var running: UInt64 = 0

  var isPaused = false
  var succeeded: UInt64 = 0
  var failed: UInt64 = 0
  var dead: UInt64 = 0
  /// Final jobs that are still stored, dead ones counted in.
  var ended: UInt64 = 0

  var isWorthTelling: Bool {
    isPaused || ready + scheduled + running + succeeded + failed + ended > 0
  }

  func isStoredLike(_ other: Standing) -> Bool {
    isPaused == other.isPaused && succeeded == other.succeeded && failed == other.failed && dead == other.dead
      && ended == other.ended
  }
}

/// The ready jobs of a queue that share what decides whether a worker may have them: here name and priority; a fairness or a
/// concurrency key would make further lanes.
final class Lane {
  unowned let queue: Queue
  let name: String
  let priority: Int8
  var order = Order()
  /// Among the queue's lanes that have jobs; -1: it has none.
  var position = -1

  init(queue: Queue, name: String, priority: Int8) {
    self.queue = queue
    self.name = name
    self.priority = priority
  }

  /// The place of its first job.
  var place: Place? {
    order.first.map { Place(priority: priority, readyAt: Timestamp(microseconds: $0.at), seq: $0.seq) }
  }
}

final class Queue {
  private struct Key: Hashable {
    var name: String
    var priority: Int8
  }
  let name: String
  var standing = Standing()
  /// What `standing` was at the last commit, once it has been touched.
  var committed: Standing?
  /// The lanes that have jobs, in no order.
  private(set) var active: [Lane] = []
  private var lanes: [Key: Lane] = [:]
  private var latest: Lane?
  /// Among the queues that have ready jobs; -1: it has none.
  var position = -1

  init(name: String) { self.name = name }

  func lane(name: String, priority: Int8) -> Lane {
    if let latest, latest.priority == priority, latest.name == name { return latest }
    let key = Key(name: name, priority: priority)
    let lane: Lane
    if let known = lanes[key] {
      lane = known
    } else {
      if lanes.count >= 256, lanes.count > 2 * active.count { lanes = lanes.filter { $0.value.position >= 0 } }
      lane = Lane(queue: self, name: name, priority: priority)
      lanes[key] = lane
    }
    latest = lane
    return lane
  }

  /// Keeps `active` right after the lane got its first or lost its last job.
  func update(_ lane: Lane) {
    if lane.order.isEmpty, lane.position >= 0 {
      let last = active.count - 1
      active.swapAt(lane.position, last)
      active[lane.position].position = lane.position
      active.removeLast()
      lane.position = -1
    } else if !lane.order.isEmpty, lane.position < 0 {
      lane.position = active.count
      active.append(lane)
      // It may have been dropped while it was empty.
      lanes[Key(name: lane.name, priority: lane.priority)] = lane
    }
  }
}
