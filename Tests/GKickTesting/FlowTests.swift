import Foundation
import GKick
import GKickTesting
import Synchronization
import Testing

/// Limits, fairness, dependencies, batches and recurring jobs, as a program's own tests use them.
@Suite(.timeLimit(.minutes(1))) struct FlowTests {
  private func numbers(_ jobs: [JobInfo]) throws -> [Int] { try jobs.map { try $0.parameters(as: Quiet.self).number } }

  // MARK: Limits

  @Test func aRateLetsSoManyStartInItsSpan() async throws {
    let gkick = TestGKick()
    gkick.register(Quiet.self)
    try await gkick.client.limits.put(Limit(.queue("silent"), rate: .init(2, per: .seconds(60))))
    for number in 1...5 { try await gkick.client.enqueue(Quiet(number: number)) }
    #expect(try numbers(await gkick.runJobs()) == [1, 2])
    #expect(try await gkick.client.limits.list().first?.heldBack == 3)
    gkick.advance(by: .seconds(59))
    #expect(await gkick.runJobs().isEmpty)
    // In no span of a minute are there more than two, the one with both its ends neither.
    gkick.advance(by: .seconds(1))
    #expect(await gkick.runJobs().isEmpty)
    gkick.advance(by: .microseconds(1))
    #expect(try numbers(await gkick.runJobs()) == [3, 4])
  }

  @Test func theClockMovesToWhereARateLetsTheNextStart() async throws {
    let gkick = TestGKick()
    gkick.register(Quiet.self)
    let start = gkick.now
    try await gkick.client.limits.put(Limit(.queue("silent"), rate: .init(2, per: .seconds(60))))
    for number in 1...5 { try await gkick.client.enqueue(Quiet(number: number)) }
    #expect(try numbers(await gkick.runJobs(movingClock: 100)) == [1, 2, 3, 4, 5])
    let passed = gkick.now.timeIntervalSince(start)
    #expect(passed > 120 && passed < 120.001)
    // Nothing is left: the clock stays.
    #expect(await gkick.runJobs(movingClock: 100).isEmpty)
    #expect(gkick.now.timeIntervalSince(start) == passed)
  }

  @Test func whatRunsIsCounted() async throws {
    let gkick = TestGKick()
    let seen = Mutex<[LimitStanding]>([])
    gkick.register(Work.self) { [client = gkick.client] _, _ in
      let standing = try await client.limits.list()
      seen.withLock { $0 += standing }
    }
    try await gkick.client.limits.put(Limit(.keyPrefix("tenant-"), maxRunning: 1))
    for key in ["tenant-a", "tenant-a", "tenant-b"] {
      try await gkick.client.enqueue(Work(), options: JobOptions(concurrencyKey: key))
    }
    #expect(await gkick.runJobs().count == 3)
    let first = try #require(seen.withLock { $0.first })
    #expect(first.running == 1 && first.waiting == 2 && first.heldBack == 1 && first.keys == 2)
    #expect(try await gkick.client.limits.list().first?.running == 0)
    try await gkick.client.limits.delete(.keyPrefix("tenant-"))
    #expect(try await gkick.client.limits.list().isEmpty)
  }

  @Test func noMoreWaitThanMay() async throws {
    let gkick = TestGKick()
    gkick.register(Quiet.self)
    try await gkick.client.limits.put(Limit(.queue("silent"), maxWaiting: 2))
    for number in 1...2 { try await gkick.client.enqueue(Quiet(number: number)) }
    let error = await #expect(throws: GKickError.self) { try await gkick.client.enqueue(Quiet(number: 3)) }
    #expect(error?.code == .limitReached)
    await gkick.runJobs()
    try await gkick.client.enqueue(Quiet(number: 4))
  }

  @Test func tenantsTakeTurns() async throws {
    let gkick = TestGKick()
    gkick.register(Quiet.self)
    for (number, tenant) in [(1, "a"), (2, "a"), (3, "a"), (4, "b"), (5, "b")] {
      try await gkick.client.enqueue(Quiet(number: number), options: JobOptions(fairnessKey: tenant))
    }
    let ran = try numbers(await gkick.runJobs())
    #expect(Set(ran) == Set(1...5))
    #expect(Set(ran.prefix(4).filter { $0 <= 3 }).count == 2, "two of each among the first four")
  }

  // MARK: Dependencies and batches

  @Test func aBatchRunsInItsOrderAndThenItsCallbacks() async throws {
    let gkick = TestGKick()
    let order = Mutex<[String]>([])
    gkick.register(Work.self) { job, _ in order.withLock { $0.append(job.text) } }
    var batch = Batch("import")
    let last = try batch.add(Work(text: "first"))
    let parts = try ["a", "b"].map { try batch.add(Work(text: $0), after: [last]) }
    try batch.add(Work(text: "merge"), after: parts)
    try batch.onFinished(Work(text: "finished"))
    try batch.onSucceeded(Work(text: "succeeded"))
    let handle = try await gkick.client.enqueue(batch)
    await gkick.runJobs()
    #expect(order.withLock { $0.prefix(4) } == ["first", "a", "b", "merge"])
    #expect(order.withLock { Set($0.dropFirst(4)) } == ["finished", "succeeded"])
    let info = try await handle.info()
    #expect(info.succeeded == 4 && info.jobs == 4 && info.finishedAt != nil)
    #expect(!info.onFinishedJobID.isEmpty && !info.onSucceededJobID.isEmpty)
  }

  @Test func aFailureCancelsThoseAfterItAndNoSuccessIsTold() async throws {
    struct Broken: Error {}
    let gkick = TestGKick()
    let ran = Mutex<[String]>([])
    gkick.register(Work.self) { job, _ in
      ran.withLock { $0.append(job.text) }
      if job.text == "broken" { throw Discard("no") }
    }
    var batch = Batch("b")
    let broken = try batch.add(Work(text: "broken"))
    try batch.add(Work(text: "never"), after: [broken])
    try batch.add(Work(text: "anyway"), after: [broken], onDependencyFailure: .run)
    try batch.onFinished(Work(text: "finished"))
    try batch.onSucceeded(Work(text: "succeeded"))
    _ = try await gkick.client.enqueue(batch)
    await gkick.runJobs()
    #expect(ran.withLock { $0 } == ["broken", "anyway", "finished"])
    let info = try await gkick.client.batches.batch("b")
    #expect(info.dead == 1 && info.canceled == 1 && info.succeeded == 1 && info.onSucceededJobID.isEmpty)
  }

  @Test func anOpenBatchIsFinishedWhenItIsClosed() async throws {
    let gkick = TestGKick()
    gkick.register(Work.self) { _, _ in }
    var batch = Batch("open")
    batch.isLeftOpen = true
    try batch.add(Work(text: "a"))
    try batch.onFinished(Work(text: "finished"))
    let handle = try await gkick.client.enqueue(batch)
    #expect(await gkick.runJobs().count == 1)
    #expect(try await handle.info().finishedAt == nil)
    try await handle.close()
    #expect(try await handle.info().finishedAt == gkick.now)
    #expect(await gkick.runJobs().count == 1)
    #expect(try await gkick.client.batches.list(unfinishedOnly: true).isEmpty)
  }

  @Test func aBatchThatIsCanceledRunsNothingMore() async throws {
    let gkick = TestGKick()
    gkick.register(Quiet.self)
    let handle = try await gkick.client.enqueue(batch: (1...5).map { Quiet(number: $0) })
    try await handle.cancel(reason: "stop")
    #expect(await gkick.runJobs().isEmpty)
    #expect(try await handle.info().canceled == 5)
  }

  // MARK: Recurring jobs

  @Test func aRecurringJobMakesOneForEachTimeThatTheClockPasses() async throws {
    let gkick = TestGKick()
    gkick.register(Quiet.self)
    try await gkick.client.recurring.put(RecurringJob("r", .every(.seconds(10)), Quiet(number: 1)))
    gkick.advance(by: .seconds(35))
    #expect(await gkick.runJobs().count == 3)
    try await gkick.client.recurring.pause("r")
    gkick.advance(by: .seconds(30))
    #expect(await gkick.runJobs().isEmpty)
    try await gkick.client.recurring.resume("r")
    gkick.advance(by: .seconds(10))
    #expect(await gkick.runJobs().count == 1)
    try await gkick.client.recurring.trigger("r")
    #expect(await gkick.runJobs().count == 1)
    try await gkick.client.recurring.delete("r")
    gkick.advance(by: .seconds(100))
    #expect(await gkick.runJobs().isEmpty)
  }

  @Test func aCalendarIsFollowedInItsTimeZone() async throws {
    let start = try #require(ISO8601DateFormatter().date(from: "2026-03-28T12:00:00Z"))
    let gkick = TestGKick(now: start)
    gkick.register(Quiet.self)
    try await gkick.client.recurring.put(
      RecurringJob("night", .cron("0 3 * * *", timeZone: "Europe/Berlin"), Quiet(number: 1)))
    gkick.advance(by: .seconds(2 * 86_400))
    // On the 29th the clocks there went forward an hour.
    let hours = await gkick.runJobs().map { $0.runAt.timeIntervalSince(start) / 3_600 }
    #expect(hours == [13, 37])
    #expect(
      try await gkick.client.recurring.times(of: .cron("@hourly"), count: 2) == [
        start.addingTimeInterval(49 * 3_600), start.addingTimeInterval(50 * 3_600),
      ])
  }

  @Test func noneIsMadeWhileTheLastOneIsUnfinished() async throws {
    let gkick = TestGKick()
    gkick.register(Quiet.self)
    try await gkick.client.recurring.put(
      RecurringJob("r", .every(.seconds(10)), Quiet(number: 1), overlap: .skip))
    gkick.advance(by: .seconds(60))
    #expect(await gkick.runJobs().count == 1)
    gkick.advance(by: .seconds(10))
    #expect(await gkick.runJobs().count == 1)
  }

  @Test func whatAWorkerDeclaresIsThere() async throws {
    let worker = Worker("nowhere:1")
    worker.register(Quiet.self)
    worker.declare(try RecurringJob("r", .every(.seconds(10)), Quiet(number: 7)))
    let gkick = TestGKick(worker: worker)
    #expect(try await gkick.client.recurring.list().map(\.id) == ["r"])
    gkick.advance(by: .seconds(20))
    #expect(try numbers(await gkick.runJobs()) == [7, 7])
  }
}
