import Jobs

/// Who takes turns with others: all ready jobs of a band that have the same fairness key; those without one are a tenant as well.
final class Tenant {
  let key: String
  /// Who has the lowest is next.
  fileprivate(set) var turn: Int64 = 0
  fileprivate(set) var ready = 0

  init(_ key: String) { self.key = key }
}

/// The ready jobs of a lane that share both keys, in their order.
final class Strand: Ranked {
  let tenant: Tenant
  var order = Order()
  var seat = -1

  init(_ tenant: Tenant) { self.tenant = tenant }

  var rank: Rank? { order.first.map { Rank(turn: tenant.turn, entry: $0) } }
}

/// The ready jobs of a lane that have the same concurrency key: limits let all of them start or none.
final class Group: Ranked {
  unowned let lane: Lane
  /// nil: those without one.
  let key: ConcurrencyKey?
  var seat = -1
  /// In the list of its key's groups that are held back.
  var isParked = false
  fileprivate(set) var count = 0
  fileprivate var strands: [String: Strand] = [:]
  fileprivate var heap = RankHeap<Strand>()

  init(lane: Lane, key: ConcurrencyKey?) {
    self.lane = lane
    self.key = key
  }

  /// The rank of its best job, as turns are now.
  fileprivate func refresh() -> Rank? {
    while let top = heap.first {
      if top.rank.turn == top.item.tenant.turn { return top.rank }
      heap.set(top.item, top.item.rank)
    }
    return nil
  }

  fileprivate func strand(_ tenant: Tenant) -> Strand {
    if let known = strands[tenant.key] { return known }
    let strand = Strand(tenant)
    strands[tenant.key] = strand
    return strand
  }

  fileprivate func update(_ strand: Strand) {
    heap.set(strand, strand.rank)
    if strand.order.isEmpty { strands[strand.tenant.key] = nil }
  }

  /// In no order.
  var entries: [Order] { strands.values.map(\.order) }
}

/// The ready jobs of a queue that share what decides whether a worker may have them: priority and name. Those with a fairness or a
/// concurrency key are kept apart by them.
final class Lane: Ranked {
  unowned let band: Band
  let name: String
  /// In the band's heap; -1: it has no job that may start.
  var seat = -1
  /// Those with neither key.
  private(set) var plain = Order()
  /// By concurrency key. Those that are not held back are in the heap.
  private var groups: [String: Group] = [:]
  private var heap = RankHeap<Group>()
  /// While it was empty its band forgot it.
  fileprivate var isDropped = false

  init(band: Band, name: String) {
    self.band = band
    self.name = name
  }

  var queue: Queue { band.queue }

  /// One that was taken, and how to put it back.
  struct Taken {
    var entry: Entry
    var tenant: Tenant
    fileprivate var turn: Int64
    var group: Group?
  }

  private enum Head {
    case plain(Rank)
    case group(Group, Rank)
  }

  private var head: Head? {
    let rank = plain.first.map { Rank(turn: band.others.turn, entry: $0) }
    guard !heap.isEmpty else { return rank.map { .plain($0) } }
    while let top = heap.first {
      if let key = top.item.key, key.isHeld {
        heap.set(top.item, nil)
        park(top.item, key)
        continue
      }
      let now = top.item.refresh()
      if now == top.rank {
        if let rank, rank < top.rank { return .plain(rank) }
        return .group(top.item, top.rank)
      }
      heap.set(top.item, now)
    }
    return rank.map { .plain($0) }
  }

  /// The rank of the job that starts next; nil: there is none that may.
  var rank: Rank? {
    // Mostly there is nothing with keys.
    if heap.isEmpty { return plain.first.map { Rank(turn: band.others.turn, entry: $0) } }
    return switch head {
    case .plain(let rank), .group(_, let rank): rank
    case nil: nil
    }
  }

  var first: Entry? { rank?.entry }

  /// The place of the job that starts next.
  var place: Place? {
    first.map { Place(priority: band.priority, readyAt: Timestamp(microseconds: $0.at), seq: $0.seq) }
  }

  var isEmpty: Bool { plain.isEmpty && groups.isEmpty }
  var count: Int { groups.values.reduce(plain.count) { $0 + $1.count } }

  private func park(_ group: Group, _ key: ConcurrencyKey) {
    guard !group.isParked else { return }
    group.isParked = true
    key.parked.append(group)
  }

  private func group(_ key: ConcurrencyKey?) -> Group {
    let name = key?.name ?? ""
    if let known = groups[name] { return known }
    let group = Group(lane: self, key: key)
    groups[name] = group
    return group
  }

  /// - Returns: whether the lane's first job is another now.
  func insert(_ entry: Entry, fairness: String, key: ConcurrencyKey?) -> Bool {
    let tenant = band.enter(fairness)
    guard !fairness.isEmpty || key != nil else {
      return plain.insert(entry) && band.update(self)
    }
    return insert(entry, tenant, group(key))
  }

  private func insert(_ entry: Entry, _ tenant: Tenant, _ group: Group) -> Bool {
    let strand = group.strand(tenant)
    let isFirst = strand.order.insert(entry)
    group.count += 1
    if groups[group.key?.name ?? ""] == nil { groups[group.key?.name ?? ""] = group }
    if isFirst { group.update(strand) }
    if let key = group.key, key.isHeld {
      heap.set(group, nil)
      park(group, key)
      return false
    }
    guard isFirst, !group.isParked else { return false }
    heap.set(group, group.refresh())
    return band.update(self)
  }

  func remove(_ entry: Entry, fairness: String, key: ConcurrencyKey?) {
    if fairness.isEmpty, key == nil {
      guard plain.remove(entry) else { return }
      band.leave(band.others)
    } else {
      guard let group = groups[key?.name ?? ""], let strand = group.strands[fairness], strand.order.remove(entry) else {
        return
      }
      group.count -= 1
      band.leave(strand.tenant)
      settle(group, strand)
    }
    _ = band.update(self)
  }

  /// After a strand's first job has become another.
  private func settle(_ group: Group, _ strand: Strand) {
    group.update(strand)
    if !group.isParked { heap.set(group, group.refresh()) }
    if group.count == 0 { groups[group.key?.name ?? ""] = nil }
  }

  /// Takes the job that starts next. Its tenant's next turn comes after everybody else's.
  func takeFirst() -> Taken? {
    var taken: Taken
    let band = band
    // Mostly there is nothing with keys.
    switch heap.isEmpty && !plain.isEmpty ? Head.plain(Rank(turn: 0, entry: Entry(at: 0, seq: 0))) : head {
    case .plain:
      guard let entry = plain.removeFirst() else { return nil }
      let others = band.others
      taken = Taken(entry: entry, tenant: others, turn: others.turn, group: nil)
      band.took(others)
    case .group(let group, _):
      guard let strand = group.heap.first?.item, let entry = strand.order.removeFirst() else { return nil }
      taken = Taken(entry: entry, tenant: strand.tenant, turn: strand.tenant.turn, group: group)
      group.count -= 1
      band.took(strand.tenant)
      settle(group, strand)
    case nil: return nil
    }
    _ = band.update(self)
    return taken
  }

  /// The opposite of `takeFirst`, in the opposite order.
  func putBack(_ taken: Taken) {
    band.enter(taken.tenant)
    taken.tenant.turn = taken.turn
    if let group = taken.group {
      _ = insert(taken.entry, taken.tenant, group)
    } else {
      _ = plain.insert(taken.entry)
    }
    _ = band.update(self)
  }

  /// Its key is free again.
  func reopen(_ group: Group) {
    group.isParked = false
    heap.set(group, group.refresh())
    _ = band.update(self)
  }

  /// All its orders, those that are held back too.
  var orders: [Order] {
    var found = groups.values.flatMap(\.entries)
    if !plain.isEmpty { found.append(plain) }
    return found
  }

  var oldest: Int64? {
    var oldest = plain.first?.at
    for group in groups.values {
      for strand in group.strands.values {
        if let first = strand.order.first?.at { oldest = min(oldest ?? first, first) }
      }
    }
    return oldest
  }

  /// How many of a tenant's jobs come before an entry, and how many it has.
  func count(into counts: inout [String: (before: Int, all: Int)], before entry: Entry) {
    func add(_ key: String, _ order: Order) {
      let known = counts[key] ?? (0, 0)
      counts[key] = (known.before + order.rank(of: entry), known.all + order.count)
    }
    if !plain.isEmpty { add("", plain) }
    for group in groups.values { for (key, strand) in group.strands { add(key, strand.order) } }
  }
}

/// The ready jobs of a queue that have the same priority: lanes, the one whose job starts next on top of a heap.
///
/// Tenants take turns. A heap may be out of date in one direction only: a tenant that has had its turn elsewhere still stands where it stood
/// before; that is found out when it comes up.
final class Band {
  unowned let queue: Queue
  let priority: Int8
  private(set) var heap = RankHeap<Lane>()
  /// Empty while there is but one, as in most queues: that is `latest`.
  private var lanes: [String: Lane] = [:]
  private var latest: Lane?
  /// Jobs without a fairness key.
  let others = Tenant("")
  private var tenants: [String: Tenant] = [:]
  private var latestTenant: Tenant?
  /// Tenants that have ready jobs.
  private var active = 0
  private var lastTurn: Int64 = 0

  init(queue: Queue, priority: Int8) {
    self.queue = queue
    self.priority = priority
  }

  var isEmpty: Bool { heap.isEmpty }
  var all: [Lane] { lanes.isEmpty ? latest.map { [$0] } ?? [] : Array(lanes.values) }

  private func known(_ name: String) -> Lane? {
    if let latest, latest.name == name { return latest }
    return lanes.isEmpty ? nil : lanes[name]
  }

  func lane(_ name: String) -> Lane {
    if let known = known(name) {
      latest = known
      return known
    }
    if lanes.count >= 256, lanes.count > 2 * heap.count { dropEmpty() }
    let lane = Lane(band: self, name: name)
    keep(lane)
    latest = lane
    return lane
  }

  private func keep(_ lane: Lane) {
    guard let latest else { return }
    if lanes.isEmpty { lanes[latest.name] = latest }
    lanes[lane.name] = lane
  }

  private func dropEmpty() {
    lanes = lanes.filter { _, lane in
      lane.isDropped = lane !== latest && lane.isEmpty
      return !lane.isDropped
    }
  }

  /// The lane whose job starts next among those that have one of these names (empty: any).
  func best(_ names: [String]) -> Lane? {
    if names.isEmpty {
      while let top = heap.first {
        if top.item.rank == top.rank { return top.item }
        _ = update(top.item)
      }
      return nil
    }
    var best: (rank: Rank, lane: Lane)?
    for name in names {
      guard let lane = known(name), lane.seat >= 0 else { continue }
      _ = update(lane)
      guard let rank = heap.rank(of: lane) else { continue }
      if let other = best, other.rank < rank { continue }
      best = (rank, lane)
    }
    return best?.lane
  }

  /// Of the lanes with one of these names (empty: any) those that may start a job: with any name, the first ones, at most `most`.
  func first(_ names: [String], _ most: Int) -> [Lane] {
    names.isEmpty ? heap.first(most) : names.compactMap { known($0) }
  }

  /// To be called after a lane's first job may have become another.
  /// - Returns: whether it is another.
  func update(_ lane: Lane) -> Bool {
    let rank = lane.rank
    let old = heap.rank(of: lane)
    if rank == old { return false }
    if lane.isDropped {
      lane.isDropped = false
      keep(lane)
    }
    heap.set(lane, rank)
    return rank != nil
  }

  // MARK: Turns

  /// A ready job of a tenant comes.
  fileprivate func enter(_ key: String) -> Tenant {
    if key.isEmpty {
      enter(others)
      return others
    }
    if let latestTenant, latestTenant.key == key, latestTenant.ready > 0 {
      latestTenant.ready += 1
      return latestTenant
    }
    let tenant = tenants[key] ?? Tenant(key)
    enter(tenant)
    latestTenant = tenant
    return tenant
  }

  fileprivate func enter(_ tenant: Tenant) {
    tenant.ready += 1
    guard tenant.ready == 1 else { return }
    active += 1
    if !tenant.key.isEmpty { tenants[tenant.key] = tenant }
    // Behind all who are waiting for theirs.
    lastTurn += 1
    tenant.turn = lastTurn
  }

  fileprivate func leave(_ tenant: Tenant) {
    tenant.ready -= 1
    guard tenant.ready == 0 else { return }
    active -= 1
    if !tenant.key.isEmpty { tenants[tenant.key] = nil }
  }

  fileprivate func took(_ tenant: Tenant) {
    leave(tenant)
    guard active > 1, tenant.ready > 0 else { return }
    lastTurn += 1
    tenant.turn = lastTurn
  }

  /// How many of its jobs come before one of this tenant at this entry, when all take turns.
  func ahead(of entry: Entry, fairness: String) -> Int {
    var counts: [String: (before: Int, all: Int)] = [:]
    for lane in all { lane.count(into: &counts, before: entry) }
    let own = counts[fairness]?.before ?? 0
    let turn = fairness.isEmpty ? others.turn : tenants[fairness]?.turn ?? lastTurn
    var ahead = own
    for (key, count) in counts where key != fairness {
      let other = key.isEmpty ? others.turn : tenants[key]?.turn ?? 0
      ahead += min(count.all, own + (other < turn ? 1 : 0))
    }
    return ahead
  }
}
