import Jobs
import MemoryStorage
import Testing

@testable import Backlog

struct TableTests {
  @Test func anOrderGivesEverythingInItsOrder() {
    var order = Order()
    var plain: [Entry] = []
    var state: UInt64 = 7
    func random(_ limit: UInt64) -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return (state >> 33) % limit
    }
    for seq in 1...20_000 {
      let entry = Entry(at: Int64(random(500)), seq: Int64(seq))
      let isFirst = order.insert(entry)
      let place = plain.firstIndex { entry < $0 } ?? plain.count
      #expect(isFirst == (place == 0))
      plain.insert(entry, at: place)
      if random(3) > 0, let gone = plain.randomElement(using: &Self.generator) {
        let wasThere = order.remove(gone)
        #expect(wasThere)
        plain.removeAll { $0 == gone }
      } else if random(2) == 0, !plain.isEmpty {
        let first = order.removeFirst()
        #expect(first == plain.removeFirst())
      }
      if plain.count > 300 {
        for _ in 0..<150 {
          let first = order.removeFirst()
          #expect(first == plain.removeFirst())
        }
      }
    }
    #expect(order.count == plain.count && order.first(10) == Array(plain.prefix(10)))
    for place in plain.indices { #expect(order[place] == plain[place] && order.rank(of: plain[place]) == place) }
    let isThere = order.remove(Entry(at: 1_000, seq: 1))
    #expect(!isThere)
  }

  nonisolated(unsafe) private static var generator = SystemRandomNumberGenerator()

  @Test(arguments: [0, 3_000, 100_000]) func textsAreFoundAndFoundNoMoreWhenTheyAreRemoved(reserved: Int) {
    var index = HashIndex(seed: 99)
    index.reserve(reserved)
    for seq in 1...Int64(3_000) { index.insert(index.hash("id-\(seq % 1_000)"), seq) }
    #expect(index.count == 3_000)
    for seq in stride(from: Int64(1), through: 3_000, by: 2) { index.remove(index.hash("id-\(seq % 1_000)"), seq) }
    for number in 0..<1_000 {
      var found: [Int64] = []
      index.search(index.hash("id-\(number)")) { seq in
        found.append(seq)
        return false
      }
      #expect(found.allSatisfy { $0 % 1_000 == Int64(number) && $0 % 2 == 0 })
      #expect(found.count == (number % 2 == 0 ? 3 : 0))
    }
  }

  @Test func queuesAreFoundByNameAndByPrefix() {
    var table = QueueTable()
    let names = (0..<2_000).map { "q.\($0 * 7 % 2_000)" }
    for name in names { table.insert(Queue(name: name, usedAt: .distantPast)) }
    let sorted = names.sorted()
    var seen: [String] = []
    table.visit(prefix: "q.1") { queue in
      seen.append(queue.name)
      return true
    }
    #expect(seen == sorted.filter { $0.hasPrefix("q.1") })
    seen = []
    table.visit(prefix: "q.", after: "q.5") { queue in
      seen.append(queue.name)
      return seen.count < 100
    }
    #expect(seen == Array(sorted.filter { $0 > "q.5" }.prefix(100)))
    for name in names where name.hasSuffix("3") { table[name].map { table.remove($0) } }
    #expect(table["q.3"] == nil && table["q.4"] != nil && table.count == 1_800)
  }
}

/// What passes through leaves nothing behind.
struct LeakTests {
  @Test func aServerThatIsNeverQuiteIdleDoesNotGrow() throws {
    let storage = MemoryStorage()
    let backlog = Backlog(rows: storage.rows, seed: 1)
    let epoch = try storage.beginEpoch()
    var now = Moment(wall: Timestamp(seconds: 1_700_000_000), elapsed: Instant(microseconds: 0))
    try backlog.load(storage, epoch, now: now)
    let filter = ClaimFilter(queues: [QueuePattern("*")])
    var most = 0
    for round in 0..<400 {
      now = now + .seconds(1)
      let jobs = (0..<100).map { _ in NewJob(name: "n", options: JobOptions(retention: .zero)) }
      _ = try backlog.enqueue([EnqueueGroup(jobs: jobs)], now: now)
      // 200 always wait.
      if round > 1 {
        let claim = Claim(
          filters: [filter], workers: [Claim.Worker(id: "w", leaseUntil: now.elapsed + .seconds(9))],
          slots: Array(repeating: Claim.Slot(worker: 0, filter: 0), count: 100))
        let dealt = try backlog.claim(claim, now: now)
        #expect(dealt.jobs.count == 100)
        _ = try backlog.settle(
          dealt.jobs.map { Settlement(lease: $0.lease, outcome: .succeeded(result: [])) }, now: now)
      }
      _ = try backlog.forget(now: now, limit: 256)
      _ = backlog.takeReadied()
      if let changes = backlog.takeChanges(.relaxed, now: now) {
        try storage.write([changes], epoch: epoch)
        backlog.confirm(changes.number)
      }
      most = max(most, backlog.known.count)
    }
    #expect(most < 1_000)
    let lane = backlog.queue("default", now.wall).lane("n", priority: 0)
    let room = lane.orders.map(\.room) + [backlog.due.room, backlog.expiries.room, backlog.lapses.room]
    #expect(room.reduce(0, +) < 2_000)
  }
}

/// The first of many, without a look at the others.
struct RankHeapTests {
  private final class Item: Ranked {
    let number: Int
    var seat = -1
    init(_ number: Int) { self.number = number }
  }

  @Test func theFirstItemsComeInTheirOrder() {
    var random = SystemRandomNumberGenerator()
    for count in [0, 1, 2, 7, 300] {
      var heap = RankHeap<Item>()
      var ranks: [(Rank, Int)] = []
      for number in 0..<count {
        let rank = Rank(
          turn: .random(in: 0..<4, using: &random), entry: Entry(at: .random(in: 0..<9), seq: Int64(number)))
        ranks.append((rank, number))
        heap.set(Item(number), rank)
      }
      ranks.sort { $0.0 < $1.0 }
      for most in [0, 1, 3, 299, 1_000] {
        #expect(heap.first(most).map(\.number) == ranks.prefix(most).map(\.1))
      }
    }
  }
  @Test func itemsAreMovedAndTakenOut() {
    var random = SystemRandomNumberGenerator()
    var heap = RankHeap<Item>()
    let items = (0..<200).map { Item($0) }
    var ranks: [Int: Rank] = [:]
    for step in 0..<20_000 {
      // Now and then none or one is left.
      let item = items[.random(in: 0..<(step / 1_000 % 2 == 0 ? 200 : 2), using: &random)]
      if Bool.random(using: &random) || step % 4_000 > 3_500 {
        heap.set(item, nil)
        ranks[item.number] = nil
      } else {
        let rank = Rank(
          turn: .random(in: 0..<4, using: &random), entry: Entry(at: .random(in: 0..<9), seq: Int64(item.number)))
        heap.set(item, rank)
        ranks[item.number] = rank
      }
      let first = ranks.min { $0.value < $1.value }
      #expect(heap.first?.rank == first?.value && heap.first?.item.number == first?.key)
      #expect(heap.count == ranks.count && heap.isEmpty == ranks.isEmpty && heap.rank(of: item) == ranks[item.number])
    }
  }
}

/// The order over the queues of a prefix.
struct ScopeTests {
  @Test func theBestJobOfAllQueuesComesFirstWhileQueuesComeAndGo() throws {
    var random = SystemRandomNumberGenerator()
    var queues: [Queue] = (0..<20).map { Queue(name: "q.\($0)", usedAt: .distantPast) }
    let scope = Scope(Scope.Key(prefix: "q.", names: []), queues, now: Instant(microseconds: 0))
    var places: [ObjectIdentifier: [Place]] = [:]
    var seq: Int64 = 0
    for step in 0..<10_000 {
      let index = Int.random(in: 0..<queues.count, using: &random)
      let queue = queues[index]
      let key = ObjectIdentifier(queue)
      switch Int.random(in: 0..<20, using: &random) {
      case 0:
        for membership in queue.scopes { membership.scope.leave(membership.number) }
        places[key] = nil
        queues[index] = Queue(name: "q.new\(step)", usedAt: .distantPast)
        scope.join(queues[index])
      case 1...10:
        seq += 1
        let place = Place(
          priority: .random(in: -1...1, using: &random),
          readyAt: Timestamp(microseconds: .random(in: 0..<5, using: &random)), seq: seq)
        let lane = queue.lane(["a", "b"].randomElement(using: &random) ?? "", priority: place.priority)
        if lane.insert(Entry(at: place.readyAt.microseconds, seq: seq), fairness: "", key: nil), let first = lane.place
        {
          for membership in queue.scopes { membership.push(first) }
        }
        places[key, default: []].append(place)
      default:
        let best = scope.best()
        let expected = places.values.joined().min()
        #expect(best?.place == expected)
        if let best, let expected {
          _ = best.takeFirst()
          places[ObjectIdentifier(best.queue)]?.removeAll { $0 == expected }
        }
      }
      if step % 50 == 0 {
        let all = places.values.joined().sorted()
        for most in [0, 1, 5, 1_000] { #expect(scope.preview(most).map(\.seq) == all.prefix(most).map(\.seq)) }
      }
    }
  }
}
