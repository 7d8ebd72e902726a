import Backlog
import Jobs

/// What a worker subscribes to; workers that say the same share one group.
struct FilterKey: Hashable {
  /// Those without a weight in their order, then the weighted ones, whose order says nothing.
  let subscriptions: [Subscription]
  /// In no order that means anything, each once.
  let names: [String]

  init(subscriptions: [Subscription], names: [String]) {
    let weighted = subscriptions.filter { $0.weight > 0 }.sorted {
      ($0.pattern.text, $0.pattern.isPrefix ? 1 : 0, $0.weight) < (
        $1.pattern.text, $1.pattern.isPrefix ? 1 : 0, $1.weight
      )
    }
    self.subscriptions = subscriptions.filter { $0.weight == 0 } + weighted
    self.names = names.count < 2 ? names : Array(Set(names)).sorted()
  }
}

/// All takers with the same subscriptions and names, the one to be dealt to next on top of a heap.
final class FilterGroup {
  let key: FilterKey
  /// One per weighted subscription, with that one before the other weighted ones; just one when none has a weight.
  let filters: [ClaimFilter]
  /// Each weighted subscription alone, to ask whether it has anything.
  private let alone: [ClaimFilter]
  private let weights: [Int64]
  private var credits: [Int64]
  private var hasReady: [Bool]

  var heap = TakerHeap()
  /// Workers that belong here, free or not.
  var members = 0
  /// There may be any number of ready jobs for it.
  var isWet = false
  /// When not wet: at most so many jobs became ready for it since it was found dry.
  var fresh = 0
  /// It is in the balancer's list of groups that may have something.
  var isListed = false

  // While a claim is made up
  var requestFilters: [Int]
  var budget = 0

  init(key: FilterKey) {
    self.key = key
    let strict = key.subscriptions.filter { $0.weight == 0 }.map(\.pattern)
    let weighted = key.subscriptions.filter { $0.weight > 0 }
    let queues = strict + weighted.map(\.pattern)
    if weighted.count < 2 {
      filters = [ClaimFilter(queues: queues, names: key.names)]
      alone = []
    } else {
      // They share one list: so many filters of so many queues would be very many.
      filters = weighted.indices.map {
        ClaimFilter(queues: queues, names: key.names, strict: strict.count, lead: strict.count + $0)
      }
      alone = weighted.map { ClaimFilter(queues: [$0.pattern], names: key.names) }
    }
    weights = alone.isEmpty ? [] : weighted.map { Int64($0.weight) }
    credits = weights.map { _ in 0 }
    hasReady = weights.map { _ in true }
    requestFilters = filters.map { _ in -1 }
  }

  func takes(queue: String, name: String) -> Bool { filters[0].takes(queue: queue, name: name) }

  func subscribes(to queue: String) -> Bool { key.subscriptions.contains { $0.pattern.matches(queue) } }

  var hasFree: Bool { heap.top.map { $0.free > 0 } ?? false }

  /// Finds out which of the weighted subscriptions have anything at all: the others' shares go to these.
  func prepare(_ backlog: Backlog, now: Moment) {
    for index in alone.indices { hasReady[index] = backlog.mayHaveReady(alone[index], now: now) }
  }

  /// Whose turn it is among the weighted subscriptions (smooth weighted round robin, as nginx deals to its servers): 5:1:1
  /// gives a a b a c a a, not five a and then the rest. Returns the index of the filter.
  func nextFilter() -> Int {
    guard !weights.isEmpty else { return 0 }
    var best = -1
    var total: Int64 = 0
    for index in weights.indices where hasReady[index] {
      credits[index] += weights[index]
      total += weights[index]
      if best < 0 || credits[index] > credits[best] { best = index }
    }
    guard best >= 0 else { return 0 }
    credits[best] -= total
    return best
  }
}
