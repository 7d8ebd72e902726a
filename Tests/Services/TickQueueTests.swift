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
    var commands = commands
    add(&commands)
    #expect(commands.isEmpty)
  }
}
