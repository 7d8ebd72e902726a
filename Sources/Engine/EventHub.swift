import Jobs

/// Who is told: keeps the newest events in memory, answers pulls from there, and knows who waits for a job's end.
final class EventHub {
  private let configuration: EngineConfiguration
  private var ring: EventRing
  /// Between these cursors there is nothing: events that a power loss may have taken.
  private var gap: ClosedRange<Int64>
  private var parked = ParkedPulls()
  /// How often a waiting pull was looked at because of new events; for tests.
  private(set) var looks = 0
  private var waiters: [String: [Route]] = [:]
  private var waiting: [Route: String] = [:]
  /// When anyone last pulled: without watchers little is kept.
  private var lastPull: Instant?

  /// Events kept when nobody watches.
  static let unwatched = 2_048
  /// Events given in one answer, whatever the pull says.
  static let maxPerPull = 4_096

  /// - Parameters:
  ///   - stored: the cursor of the newest stored event.
  ///   - lastCursor: after which the next one comes.
  init(configuration: EngineConfiguration, stored: Int64, lastCursor: Int64) {
    self.configuration = configuration
    ring = EventRing(last: lastCursor)
    gap = stored...max(stored, lastCursor)
  }

  var watchers: Int { parked.count }
  var next: Instant? { parked.next }
  /// Somebody waits for what is stored next.
  var isAwaited: Bool { parked.count > 0 || !waiters.isEmpty }

  // MARK: Pulls

  func pull(_ pull: EventPull, _ route: Route, now: Instant, into effects: inout [Effect]) {
    lastPull = now
    guard let after = pull.after else {
      effects.append(.reply(route, .events(.events([], cursor: ring.last))))
      return
    }
    var place = max(0, after)
    if gap.contains(place) { place = gap.upperBound }
    if !answer(pull, after: place, route, into: &effects) {
      // Nobody is told twice what it has said it has.
      parked.add(.init(pull: pull, after: place, route: route, until: now + configuration.eventHeartbeat))
    }
  }

  /// False: there is nothing for it yet.
  private func answer(_ pull: EventPull, after: Int64, _ route: Route, into effects: inout [Effect]) -> Bool {
    guard after >= ring.first - 1 else {
      effects.append(.reply(route, .events(.readFromStore(after: after, through: ring.last))))
      return true
    }
    guard after < ring.last else { return false }
    var found: [Event] = []
    let limit = min(max(1, pull.limit), Self.maxPerPull)
    let cursor = ring.gather(after: after, pull.filter, limit: limit, into: &found)
    guard !found.isEmpty else { return false }
    effects.append(.reply(route, .events(.events(found, cursor: cursor))))
    return true
  }

  /// What a commit recorded.
  func publish(_ events: [Event], now: Instant, into effects: inout [Effect]) {
    guard !events.isEmpty else { return }
    let isWatched = parked.count > 0 || lastPull.map { now - $0 < configuration.eventHeartbeat + .seconds(5) } ?? false
    let kept = configuration.eventsInMemory
    // Who waits has heard all up to here.
    let before = ring.last
    ring.add(events, limit: isWatched ? kept : min(kept, Self.unwatched))
    if !waiters.isEmpty {
      for event in events where event.endsJob { ended(event.jobID, into: &effects) }
    }
    answer(parked.wanting(events), after: before, into: &effects)
  }

  private func answer(
    _ pulls: [(number: Int, waiting: ParkedPulls.Waiting)], after cursor: Int64, into effects: inout [Effect]
  ) {
    looks += pulls.count
    for (number, waiting) in pulls {
      if answer(waiting.pull, after: max(waiting.after, cursor), waiting.route, into: &effects) { parked.take(number) }
    }
  }

  /// The state was loaded anew: events up to `stored` may be there that were not given out; watchers read them there.
  func restart(stored: Int64, lastCursor: Int64, into effects: inout [Effect]) {
    gap = stored...max(stored, lastCursor)
    guard lastCursor > ring.last || stored > ring.last else { return }
    let before = ring.last
    ring.skip(to: max(stored, lastCursor))
    answer(parked.all, after: before, into: &effects)
  }

  /// Who has had nothing for a while hears how far the events have come.
  func beat(now: Instant, into effects: inout [Effect]) {
    while let due = parked.takeDue(now) {
      effects.append(.reply(due.route, .events(.events([], cursor: max(due.after, ring.last)))))
    }
  }

  // MARK: Waits

  func wait(for jobID: String, _ route: Route) {
    waiters[jobID, default: []].append(route)
    waiting[route] = jobID
  }

  /// The job is final, or gone.
  func ended(_ jobID: String, into effects: inout [Effect]) {
    guard let routes = waiters.removeValue(forKey: jobID) else { return }
    for route in routes {
      waiting[route] = nil
      effects.append(.reply(route, .ended))
    }
  }

  /// Jobs were deleted, it is not known which: everybody looks for themselves.
  func endAllWaits(into effects: inout [Effect]) {
    for jobID in waiters.keys.sorted() { ended(jobID, into: &effects) }
  }

  func forget(_ route: Route) {
    if let jobID = waiting.removeValue(forKey: route) {
      waiters[jobID]?.removeAll { $0 == route }
      if waiters[jobID]?.isEmpty == true { waiters[jobID] = nil }
    } else {
      parked.remove(route)
    }
  }
}
