import Jobs

/// Watchers that have heard everything and wait, found by what they wait for: an event costs what those cost that may want it, however many
/// others there are.
struct ParkedPulls {
  struct Waiting {
    var pull: EventPull
    /// It has all up to here, which may be more than there is.
    var after: Int64
    var route: Route
    var until: Instant
  }

  /// What a pull is filed under: what says most of its filter.
  private enum Key: Hashable {
    case job(String)
    case batch(String)
    case queue(String)
    case name(String)
    case kind(Event.Kind)
    case all
  }

  private var pulls: [Int: Waiting] = [:]
  private var byRoute: [Route: Int] = [:]
  private var byKey: [Key: Set<Int>] = [:]
  /// As they came, so also in the order of their times; some are gone.
  private var inOrder: [Int] = []
  private var start = 0
  private var lastNumber = 0
  /// How many of each kind of key are there, so that an event is not looked up in vain.
  private var keyed = (job: 0, batch: 0, queue: 0, name: 0)

  var count: Int { pulls.count }

  /// When the first has waited long enough.
  var next: Instant? {
    for number in inOrder[start...] { if let pull = pulls[number] { return pull.until } }
    return nil
  }

  mutating func add(_ waiting: Waiting) {
    lastNumber += 1
    pulls[lastNumber] = waiting
    byRoute[waiting.route] = lastNumber
    inOrder.append(lastNumber)
    for key in Self.keys(waiting.pull.filter) {
      note(key, 1)
      byKey[key, default: []].insert(lastNumber)
    }
  }

  mutating func remove(_ route: Route) {
    if let number = byRoute[route] { take(number) }
  }

  /// The first, if it has waited until `now`.
  mutating func takeDue(_ now: Instant) -> Waiting? {
    while start < inOrder.count, pulls[inOrder[start]] == nil { start += 1 }
    closeUp()
    guard start < inOrder.count, let pull = pulls[inOrder[start]], pull.until <= now else { return nil }
    return take(inOrder[start])
  }

  /// Those that may want one of these events, the longest waiting first. They stay.
  func wanting(_ events: [Event]) -> [(number: Int, waiting: Waiting)] {
    if pulls.isEmpty { return [] }
    var numbers: Set<Int> = byKey[.all] ?? []
    func look(_ key: Key) { if let found = byKey[key] { numbers.formUnion(found) } }
    for event in events {
      if numbers.count == pulls.count { break }
      if keyed.job > 0 { look(.job(event.jobID)) }
      if keyed.batch > 0, !event.batchID.isEmpty { look(.batch(event.batchID)) }
      if keyed.queue > 0 { look(.queue(event.queue)) }
      if keyed.name > 0 { look(.name(event.name)) }
      look(.kind(event.kind))
    }
    return numbers.sorted().compactMap { number in pulls[number].map { (number, $0) } }
  }

  var all: [(number: Int, waiting: Waiting)] { pulls.sorted { $0.key < $1.key }.map { ($0.key, $0.value) } }

  @discardableResult
  mutating func take(_ number: Int) -> Waiting? {
    guard let pull = pulls.removeValue(forKey: number) else { return nil }
    byRoute[pull.route] = nil
    for key in Self.keys(pull.pull.filter) {
      note(key, -1)
      byKey[key]?.remove(number)
      if byKey[key]?.isEmpty == true { byKey[key] = nil }
    }
    return pull
  }

  private mutating func closeUp() {
    guard start > 64, start * 2 > inOrder.count else { return }
    inOrder.removeFirst(start)
    start = 0
  }

  private static func keys(_ filter: EventFilter) -> [Key] {
    if !filter.jobIDs.isEmpty { return filter.jobIDs.map { .job($0) } }
    if !filter.batchID.isEmpty { return [.batch(filter.batchID)] }
    if !filter.queues.isEmpty { return filter.queues.map { .queue($0) } }
    if !filter.names.isEmpty { return filter.names.map { .name($0) } }
    if !filter.kinds.isEmpty { return filter.kinds.map { .kind($0) } }
    return [.all]
  }

  private mutating func note(_ key: Key, _ change: Int) {
    switch key {
    case .job: keyed.job += change
    case .batch: keyed.batch += change
    case .queue: keyed.queue += change
    case .name: keyed.name += change
    case .kind, .all: break
    }
  }
}
