import Jobs

/// One queue: how many jobs it has of each kind, and those that are ready in their order.
final class Queue {
  /// What is stored of it, see `StoredQueue`.
  struct Kept: Equatable {
    var isPaused = false
    var succeeded: UInt64 = 0
    var failed: UInt64 = 0
    var ended: UInt64 = 0
    var dead: UInt64 = 0
  }

  let name: String
  var ready = 0
  /// Retrying ones counted in.
  var scheduled = 0
  var running = 0
  var blocked = 0
  var kept = Kept()
  /// As the latest change set says; nil: the storage does not know it.
  var stored: Kept?
  var lastUsedAt: Timestamp
  /// Its limit lets none start now.
  var isHeld = false
  var gate: Gate?
  /// A time is awaited at which its rate may let one start.
  var isAwaited = false
  /// Taken in a rehearsal only.
  var reserved = 0
  /// In the list of those that this tick changed.
  var isTouched = false
  /// The orders over several queues that have this one.
  var scopes: [Membership] = []

  /// By falling priority. Few: those that empty stay.
  private(set) var bands: [Band] = []
  private var latest: Band?

  init(name: String, usedAt: Timestamp) {
    self.name = name
    lastUsedAt = usedAt
  }

  func lane(_ name: String, priority: Int8) -> Lane {
    if let latest, latest.priority == priority { return latest.lane(name) }
    var index = 0
    while index < bands.count, bands[index].priority > priority { index += 1 }
    if index == bands.count || bands[index].priority != priority {
      bands.insert(Band(queue: self, priority: priority), at: index)
    }
    latest = bands[index]
    return bands[index].lane(name)
  }

  /// The lane whose first job is to be started next among those with one of these names (empty: any); nil: there is none, or the queue
  /// is paused or held back.
  func best(_ names: [String]) -> Lane? {
    if kept.isPaused || isHeld { return nil }
    for band in bands where !band.isEmpty {
      if let lane = band.best(names) { return lane }
    }
    return nil
  }

  /// Nothing of it would be missed.
  var isUnused: Bool {
    !kept.isPaused && gate == nil && ready + scheduled + running + blocked == 0 && kept.ended == 0
  }

  var isWorthTelling: Bool { !isUnused || kept.succeeded + kept.failed > 0 }

  /// Unfinished and not running.
  var waiting: Int { ready + scheduled + blocked }

  /// How many ready jobs come before `place`, as tenants take turns.
  func jobsAhead(of place: Place, fairness: String = "") -> Int {
    var count = 0
    let entry = Entry(at: place.readyAt.microseconds, seq: place.seq)
    for band in bands {
      if band.priority > place.priority {
        for lane in band.all { count += lane.count }
      } else if band.priority == place.priority {
        count += band.ahead(of: entry, fairness: fairness)
      }
    }
    return count
  }

  /// The seqs of the `most` first of them, as if there were no turns.
  func seqsAhead(of place: Place, most: Int) -> [Int64] {
    var found: [Int64] = []
    let entry = Entry(at: place.readyAt.microseconds, seq: place.seq)
    for band in bands where band.priority >= place.priority && found.count < most {
      var entries: [Entry] = []
      for lane in band.all { for order in lane.orders { entries += order.first(most) } }
      if band.priority == place.priority { entries.removeAll { !($0 < entry) } }
      entries.sort()
      found += entries.prefix(most - found.count).map(\.seq)
    }
    return found
  }

  var oldestReadyAt: Timestamp? {
    var oldest: Int64?
    for band in bands {
      for lane in band.all {
        if let first = lane.oldest { oldest = min(oldest ?? first, first) }
      }
    }
    return oldest.map { Timestamp(microseconds: $0) }
  }
}

extension Queue {
  var asStored: StoredQueue {
    var queue = StoredQueue(name: name)
    queue.isPaused = kept.isPaused
    queue.succeeded = kept.succeeded
    queue.failed = kept.failed
    queue.ended = kept.ended
    queue.dead = kept.dead
    queue.lastUsedAt = lastUsedAt
    return queue
  }
}
