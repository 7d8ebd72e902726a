import Backlog
import Jobs

/// Who runs what is ready: deals slots so that the next job goes to the taker with the largest free share, among equals
/// to the one that has waited longest. Few jobs so spread over all workers, many fill all.
///
/// Costs nothing for workers that stay idle: only groups for which something may be ready are looked at, and a group that was
/// found dry is dealt at most as many slots as jobs became ready for it since.
final class LoadBalancer {
  private let configuration: EngineConfiguration
  private let backlog: Backlog
  private(set) var groups: [FilterGroup] = []
  private var byKey: [FilterKey: FilterGroup] = [:]
  /// Those that may have something ready.
  private var listed: [FilterGroup] = []
  private var subscribers = SubscriberIndex()
  private var turns: UInt64 = 0
  /// Nothing is given out any more.
  var isDraining = false
  /// More could be given out at once.
  private(set) var hasMore = false
  /// What could be given out is being read.
  var isStalled = false
  /// Since the start.
  private(set) var claims = 0
  private(set) var slotsDealt = 0

  /// Of the claim being made up.
  private(set) var dealtTo: [Taker] = []
  private var candidates: [FilterGroup] = []

  /// Groups without members that are remembered, for the turns of their weighted queues.
  static let idleGroups = 1_000

  init(configuration: EngineConfiguration, backlog: Backlog) {
    self.configuration = configuration
    self.backlog = backlog
  }

  // MARK: Who takes

  func group(subscriptions: [Subscription], names: [String]) -> FilterGroup {
    let key = FilterKey(subscriptions: subscriptions, names: names)
    if let group = byKey[key] { return group }
    if groups.count >= Self.idleGroups { forgetIdleGroups() }
    let group = FilterGroup(key: key)
    byKey[key] = group
    groups.append(group)
    subscribers.add(group)
    return group
  }

  private func forgetIdleGroups() {
    guard groups.contains(where: { $0.members == 0 && $0.heap.isEmpty }) else { return }
    groups.removeAll { group in
      guard group.members == 0, group.heap.isEmpty else { return false }
      byKey[group.key] = nil
      return true
    }
    listed.removeAll { $0.members == 0 && $0.heap.isEmpty }
    subscribers = SubscriberIndex()
    for group in groups { subscribers.add(group) }
  }

  func add(_ taker: Taker, to group: FilterGroup, now: Moment) {
    // Nothing was counted for it while nobody was there; a state that is being loaded says what is ready when it is there.
    if group.heap.isEmpty { wet(group) }
    turns += 1
    taker.turn = turns
    taker.group = group
    group.heap.add(taker)
  }

  // MARK: What is ready

  private func wet(_ group: FilterGroup) {
    group.isWet = true
    list(group)
  }

  private func list(_ group: FilterGroup) {
    guard !group.isListed else { return }
    group.isListed = true
    listed.append(group)
  }

  /// Jobs became ready or were freed.
  func becameReady(_ readied: [Readied]) {
    for queue in readied {
      for group in subscribers.groups(of: queue.queue) where !group.heap.isEmpty {
        group.fresh += queue.count
        list(group)
      }
    }
  }

  /// How many workers subscribe to a queue.
  func members(of queue: String) -> Int { subscribers.groups(of: queue).reduce(0) { $0 + $1.members } }

  /// After a failure nothing is known: ask the store again.
  func forgetWhatIsDry() {
    for group in groups where !group.heap.isEmpty { wet(group) }
  }

  // MARK: Dealing

  /// Makes up the claim; nil: there is nobody free or nothing for them.
  func deal(now: Moment, lease: Interval) -> Claim? {
    hasMore = false
    guard !isDraining, !listed.isEmpty else { return nil }
    candidates.removeAll(keepingCapacity: true)
    for group in listed where group.hasFree {
      group.budget = group.isWet ? configuration.claimsPerTick : group.fresh
      guard group.budget > 0 else { continue }
      group.prepare(backlog, now: now)
      candidates.append(group)
    }
    guard !candidates.isEmpty else { return nil }

    var request = Claim()
    let limit = min(512, configuration.claimsPerTick)
    request.slots.reserveCapacity(min(limit, candidates.reduce(0) { $0 + min(limit, $1.budget) }))
    var open = candidates.count
    while request.slots.count < limit, open > 0 {
      guard let group = nextGroup(), let taker = group.heap.top else { break }
      let filter = group.nextFilter()
      if group.requestFilters[filter] < 0 {
        group.requestFilters[filter] = request.filters.count
        request.filters.append(group.filters[filter])
      }
      if taker.requestIndex < 0 {
        taker.requestIndex = request.workers.count
        taker.turnBefore = taker.turn
        dealtTo.append(taker)
        request.workers.append(worker(taker, now: now.elapsed, lease: lease))
      }
      request.slots.append(.init(worker: taker.requestIndex, filter: group.requestFilters[filter]))
      taker.dealt += 1
      taker.takeOne()
      turns += 1
      taker.turn = turns
      group.heap.moved(taker)
      group.budget -= 1
      if group.budget == 0 || !group.hasFree { open -= 1 }
    }
    claims += 1
    slotsDealt += request.slots.count
    return request
  }

  /// The candidate whose next taker has the largest free share. There are few: workers that say the same are one group.
  private func nextGroup() -> FilterGroup? {
    if candidates.count == 1 { return candidates[0].budget > 0 && candidates[0].hasFree ? candidates[0] : nil }
    var best: FilterGroup?
    for group in candidates where group.budget > 0 && group.hasFree {
      if let best = best?.heap.top, let next = group.heap.top, !next.rank.isBefore(best.rank) { continue }
      best = group
    }
    return best
  }

  private func worker(_ taker: Taker, now: Instant, lease: Interval) -> Claim.Worker {
    let worker = taker.worker
    if let fetch = taker.fetch {
      return .init(
        id: worker.id, leaseUntil: now + fetch.lease, resumeWindow: fetch.lease,
        byteBudget: EngineConfiguration.fetchBytes - fetch.messageSize, holdsNothing: fetch.jobs.isEmpty)
    }
    return .init(
      id: worker.id, leaseUntil: now + lease, resumeWindow: worker.resumeWindow ?? .zero,
      byteBudget: worker.maxBytes > 0 ? max(0, worker.maxBytes - worker.heldBytes) : .max,
      enough: configuration.streamBytes,
      holdsNothing: worker.held.isEmpty)
  }

  /// Takes note of what a claim found.
  func dealt(_ result: Dealt, now: Moment) {
    isStalled = result.isStalled
    for index in result.sated { dealtTo[index].worker.isSated = true }
    for taker in dealtTo where taker.got == 0 { taker.turn = taker.turnBefore }
    for group in candidates {
      var isDry = false
      var wasAsked = false
      for index in group.requestFilters.indices where group.requestFilters[index] >= 0 {
        wasAsked = true
        let filter = group.requestFilters[index]
        if result.scarcity[filter] != .none { isDry = true }
        group.requestFilters[index] = -1
      }
      if wasAsked {
        group.fresh = 0
        group.isWet = !isDry && backlog.mayHaveReady(group.filters[0], now: now)
        if !isDry, !isStalled { markBytesFull(group) }
      }
    }
    for taker in dealtTo {
      taker.dealt = 0
      taker.got = 0
      taker.requestIndex = -1
    }
    dealtTo.removeAll(keepingCapacity: true)
  }

  /// Who was passed over although there was something cannot hold what comes next.
  private func markBytesFull(_ group: FilterGroup) {
    for taker in dealtTo where taker.group === group && taker.got < taker.dealt && !taker.worker.isSated {
      taker.isBytesFull = true
    }
  }

  /// After the takers' free slots were put right: drops what is dry from the list, and sees whether to go on at once.
  func settleList() {
    listed.removeAll { group in
      if group.isWet || group.fresh > 0 { return false }
      group.isListed = false
      return true
    }
    hasMore = !isDraining && listed.contains { $0.hasFree }
  }

  /// The claim failed: nobody got anything.
  func undeal() {
    for group in candidates {
      for index in group.requestFilters.indices { group.requestFilters[index] = -1 }
    }
    for taker in dealtTo {
      taker.turn = taker.turnBefore
      taker.dealt = 0
      taker.got = 0
      taker.requestIndex = -1
    }
    dealtTo.removeAll(keepingCapacity: true)
  }
}
