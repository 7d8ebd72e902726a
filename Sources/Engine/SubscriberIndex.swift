import Jobs

/// Which groups subscribe to a queue: found by its name and its beginnings, whatever the number of groups.
struct SubscriberIndex {
  private var byName: [String: [FilterGroup]] = [:]
  private var byPrefix: [String: [FilterGroup]] = [:]
  /// The lengths in bytes that prefixes have, in rising order.
  private var lengths: [Int] = []
  /// Found before. Dropped whenever a group comes.
  private var found: [String: [FilterGroup]] = [:]
  private var latest: (queue: String, groups: [FilterGroup]) = ("", [])

  private static let maxFound = 4_096

  mutating func add(_ group: FilterGroup) {
    var seen: Set<QueuePattern> = []
    for subscription in group.key.subscriptions where seen.insert(subscription.pattern).inserted {
      let pattern = subscription.pattern
      if pattern.isPrefix {
        byPrefix[pattern.text, default: []].append(group)
        let length = pattern.text.utf8.count
        if !lengths.contains(length) {
          lengths.append(length)
          lengths.sort()
        }
      } else {
        byName[pattern.text, default: []].append(group)
      }
    }
    found = [:]
    latest = ("", [])
  }

  /// Each once.
  mutating func groups(of queue: String) -> [FilterGroup] {
    if latest.queue == queue { return latest.groups }
    if let known = found[queue] {
      latest = (queue, known)
      return known
    }
    var groups = byName[queue] ?? []
    for length in lengths where length <= queue.utf8.count {
      // Names are ASCII.
      guard let some = byPrefix[String(queue.prefix(length))] else { continue }
      for group in some where !groups.contains(where: { $0 === group }) { groups.append(group) }
    }
    if found.count >= Self.maxFound { found = [:] }
    found[queue] = groups
    latest = (queue, groups)
    return groups
  }
}
