import Jobs

/// A concurrency key that unfinished jobs have, or that a rate remembers.
final class ConcurrencyKey {
  let name: String
  var running = 0
  /// Unfinished and not running.
  var waiting = 0
  /// Of these, ready.
  var ready = 0
  /// Of the limits that cover it.
  var gates: [Gate] = []
  /// One of them lets none start now.
  var isHeld = false
  /// A time is awaited at which its rates may let one start.
  var isAwaited = false
  /// Groups of ready jobs that were found held back.
  var parked: [Group] = []
  /// Taken in a rehearsal only.
  var reserved = 0

  init(_ name: String) { self.name = name }

  var isUnused: Bool { running + waiting == 0 }
}

/// A limit as it was put.
final class LimitEntry {
  var limit: Limit
  /// Of a prefix: one per key. Of a key: its one, while the key is known.
  var gates: [String: Gate] = [:]

  init(_ limit: Limit) { self.limit = limit }
}

/// One limit for one queue or key.
final class Gate {
  unowned let entry: LimitEntry
  /// The queue's or key's name.
  let subject: String
  var window: RateWindow?
  /// The storage has a document of the window.
  var isStored = false
  /// In the list of those whose window is to be stored with this tick.
  var isTouched = false

  init(_ entry: LimitEntry, subject: String) {
    self.entry = entry
    self.subject = subject
    window = entry.limit.rate.map { RateWindow($0) }
  }

  var limit: Limit { entry.limit }

  /// How many more it lets start now.
  func free(running: Int, now: Timestamp) -> Int {
    var free = Int.max
    if limit.maxRunning > 0 { free = max(0, Int(limit.maxRunning) - running) }
    if free > 0, window != nil { free = min(free, Int(window?.available(at: now) ?? 0)) }
    return free
  }

  /// Where its window is stored.
  var documentKey: String {
    switch limit.scope {
    case .queue, .key: limit.scope.documentKey
    // The key begins with the prefix: its length is enough.
    case .keyPrefix(let prefix): "p\(prefix.utf8.count):\(subject)"
    }
  }
}
