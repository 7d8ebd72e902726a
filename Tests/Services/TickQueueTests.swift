import Engine
import Jobs
import Testing

@testable import Services

@Suite struct TickQueueTests {
  private func enqueue(_ count: Int, _ id: UInt64) -> Command {
    .enqueue(
      EnqueueGroup(jobs: (0..<count).map { _ in NewJob(name: "n") }), nil, Route(loop: 0, id: id))
  }

  private func ids(_ commands: [Command]) -> [UInt64] {
    commands.map { if case .enqueue(_, _, let route) = $0 { route.id } else { 0 } }
  }

  @Test func smallOnesDoNotWaitForLargeOnes() {
    var queue = TickQueue()
    queue.add((1...64).map { enqueue(1_000, $0) })
    #expect(ids(queue.next(512)) == [1])
    queue.add([enqueue(1, 100), enqueue(64, 101)])
    #expect(ids(queue.next(512)) == [100, 101, 2])
    #expect(ids(queue.next(512)) == [3])
    #expect(!queue.isEmpty)
  }

  @Test func aTickIsBoundedByJobsAndByCommands() {
    var queue = TickQueue()
    queue.add((1...100).map { enqueue(60, $0) })
    #expect(queue.next(512).count == 9)
    queue = TickQueue()
    queue.add((1...1_000).map { enqueue(1, $0) })
    #expect(queue.next(512).count == 512)
    #expect(queue.next(512).count == 488)
    #expect(queue.isEmpty && queue.next(512).isEmpty)
  }

  @Test func andByBytes() {
    func big(_ jobs: Int, _ bytes: Int, _ id: UInt64) -> Command {
      let body = [UInt8](repeating: 0, count: bytes)
      return .enqueue(
        EnqueueGroup(jobs: (0..<jobs).map { _ in NewJob(name: "n", body: body) }), nil, Route(loop: 0, id: id))
    }
    var queue = TickQueue()
    queue.add((1...100).map { big(1, 1 << 20, $0) })
    #expect(queue.next(512).count == 8)
    queue = TickQueue()
    queue.add((1...10).map { big(100, 40_960, $0) })
    #expect(queue.next(512).count == 1)
    // One is always allowed.
    queue = TickQueue()
    queue.add([big(1_000, 1 << 15, 1), big(1, 1 << 22, 2), big(1, 1 << 22, 3)])
    #expect(ids(queue.next(512)) == [2, 3, 1])
  }

  /// What a batch says of all its commands is what they are one by one, also of those that are told of in the audit.
  @Test func aBatchKnowsWhatIsInIt() {
    let route = Route(loop: 0, id: 1)
    let audit = Audit(principal: "p", call: "c")
    let cases: [(command: Command, weight: Int, isLarge: Bool, isSmall: Bool)] = [
      (.fence(route), 1, false, true), (.queues(route), 1, false, false), (enqueue(8, 1), 8, false, true),
      (enqueue(9, 1), 9, false, false), (enqueue(64, 1), 64, false, false), (enqueue(65, 1), 65, true, false),
      (.audited(enqueue(1, 1), audit, route), 1, false, false),
      (.audited(enqueue(70, 1), audit, route), 70, true, false),
    ]
    var all = CommandBatch()
    for one in cases {
      var batch = CommandBatch()
      batch.append(.fence(route))
      batch.append(one.command)
      all.append(one.command)
      #expect(batch.count == 2 && batch.weight == 1 + one.weight)
      #expect(batch.hasLarge == one.isLarge && batch.areSmall == one.isSmall)
    }
    #expect(all.weight == cases.reduce(0) { $0 + $1.weight } && all.hasLarge && !all.areSmall)
    all.removeAll()
    #expect(all.isEmpty && all.weight == 0 && !all.hasLarge && all.areSmall)
  }

  @Test func everythingComesOnceAndInItsOrder() {
    var queue = TickQueue()
    var seen: [UInt64] = []
    var next: UInt64 = 1
    for round in 0..<200 {
      queue.add(
        (0..<(round % 7)).map { _ in
          next += 1
          return enqueue(round % 3 == 0 ? 100 : 3, next)
        })
      seen += ids(queue.next(4))
    }
    while !queue.isEmpty { seen += ids(queue.next(4)) }
    #expect(seen.sorted() == Array(2...next))
  }
}

extension TickQueue {
  fileprivate mutating func add(_ commands: [Command]) {
    var batch = CommandBatch()
    for command in commands { batch.append(command) }
    add(&batch)
    #expect(batch.isEmpty && batch.weight == 0 && !batch.hasLarge && batch.areSmall)
  }
}
