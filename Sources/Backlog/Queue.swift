import Jobs

/// The ready jobs of a queue that share what decides whether a worker may have them: priority and name.
final class Lane {
  unowned let band: Band
  let name: String
  var order = Order()
  /// In the band's heap; -1: it has no job.
  fileprivate(set) var position = -1

  init(band: Band, name: String) {
    self.band = band
    self.name = name
  }

  var queue: Queue { band.queue }

  /// The place of its first job.
  var place: Place? {
    order.first.map { Place(priority: band.priority, readyAt: Timestamp(microseconds: $0.at), seq: $0.seq) }
  }
}

/// The ready jobs of a queue that have the same priority: lanes, the one with the best job on top of a heap.
final class Band {
  unowned let queue: Queue
  let priority: Int8
  private(set) var heap: [(first: Entry, lane: Lane)] = []
  private var lanes: [String: Lane] = [:]
  private var latest: Lane?

  init(queue: Queue, priority: Int8) {
    self.queue = queue
    self.priority = priority
  }

  var isEmpty: Bool { heap.isEmpty }
  var lanesInAll: Int { lanes.count }

  func lane(_ name: String) -> Lane {
    if let latest, latest.name == name { return latest }
    let lane: Lane
    if let known = lanes[name] {
      lane = known
    } else {
      if lanes.count >= 256, lanes.count > 2 * heap.count { lanes = lanes.filter { $0.value.position >= 0 } }
      lane = Lane(band: self, name: name)
      lanes[name] = lane
    }
    latest = lane
    return lane
  }

  /// The lane with the best job that has one of these names (empty: any).
  func best(_ names: [String]) -> Lane? {
    if names.isEmpty { return heap.first?.lane }
    if heap.count == 1 { return heap[0].lane.name.isIn(names) ? heap[0].lane : nil }
    var best: Lane?
    for name in names {
      guard let lane = lanes[name], lane.position >= 0 else { continue }
      if let other = best, heap[other.position].first < heap[lane.position].first { continue }
      best = lane
    }
    return best
  }

  /// To be called after a lane's first job has become another.
  func update(_ lane: Lane) {
    guard let first = lane.order.first else {
      if lane.position >= 0 { remove(lane) }
      return
    }
    if lane.position < 0 {
      // It may have been dropped while it was empty.
      lanes[lane.name] = lane
      lane.position = heap.count
      heap.append((first, lane))
      rise(lane.position)
    } else {
      heap[lane.position].first = first
      rise(lane.position)
      sink(lane.position)
    }
  }

  private func remove(_ lane: Lane) {
    let place = lane.position
    lane.position = -1
    let last = heap.removeLast()
    guard last.lane !== lane else { return }
    heap[place] = last
    last.lane.position = place
    rise(place)
    sink(last.lane.position)
  }

  private func rise(_ start: Int) {
    var index = start
    while index > 0 {
      let parent = (index - 1) / 2
      guard heap[index].first < heap[parent].first else { break }
      swap(index, parent)
      index = parent
    }
  }

  private func sink(_ start: Int) {
    var index = start
    while true {
      var least = index
      let left = 2 * index + 1
      if left < heap.count, heap[left].first < heap[least].first { least = left }
      if left + 1 < heap.count, heap[left + 1].first < heap[least].first { least = left + 1 }
      guard least != index else { return }
      swap(index, least)
      index = least
    }
  }

  private func swap(_ a: Int, _ b: Int) {
    heap.swapAt(a, b)
    heap[a].lane.position = a
    heap[b].lane.position = b
  }
}

extension String {
  fileprivate func isIn(_ names: [String]) -> Bool {
    for name in names where name == self { return true }
    return false
  }
}

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
  /// In the list of those that this tick changed.
  var isTouched = false
  /// The orders over several queues that have this one.
  var scopes: [Scope] = []

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
  /// is paused.
  func best(_ names: [String]) -> Lane? {
    if kept.isPaused { return nil }
    for band in bands where !band.isEmpty {
      if let lane = band.best(names) { return lane }
    }
    return nil
  }

  /// Nothing of it would be missed.
  var isUnused: Bool {
    !kept.isPaused && ready + scheduled + running + blocked == 0 && kept.ended == 0
  }

  var isWorthTelling: Bool { !isUnused || kept.succeeded + kept.failed > 0 }

  /// How many ready jobs come before `place`.
  func jobsAhead(of place: Place) -> Int {
    var count = 0
    let entry = Entry(at: place.readyAt.microseconds, seq: place.seq)
    for band in bands where band.priority >= place.priority {
      for item in band.heap {
        count += band.priority > place.priority ? item.lane.order.count : item.lane.order.rank(of: entry)
      }
    }
    return count
  }

  /// The seqs of the `most` first of them.
  func seqsAhead(of place: Place, most: Int) -> [Int64] {
    var found: [Int64] = []
    let entry = Entry(at: place.readyAt.microseconds, seq: place.seq)
    for band in bands where band.priority >= place.priority && found.count < most {
      var entries: [Entry] = []
      for item in band.heap { entries += item.lane.order.first(most) }
      if band.priority == place.priority { entries.removeAll { !($0 < entry) } }
      entries.sort()
      found += entries.prefix(most - found.count).map(\.seq)
    }
    return found
  }

  var oldestReadyAt: Timestamp? {
    var oldest: Int64?
    for band in bands {
      if let first = band.heap.first?.first.at { oldest = min(oldest ?? first, first) }
    }
    return oldest.map { Timestamp(microseconds: $0) }
  }
}
