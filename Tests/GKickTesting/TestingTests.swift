import Foundation
import GKick
import GKickTesting
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct TestingTests {
  @Test func remembersWhatWasEnqueued() async throws {
    let gkick = TestGKick()
    try await gkick.client.enqueue(Greet(who: "a"))
    try await gkick.client.enqueue(Quiet(number: 3))
    try await gkick.client.schedule(Greet(who: "b"), in: .seconds(60))
    #expect(gkick.enqueued(Greet.self).map(\.who) == ["a", "b"])
    #expect(gkick.enqueued(Quiet.self).map(\.number) == [3])
    #expect(gkick.jobs.map(\.state) == [.ready, .ready, .scheduled])
  }

  @Test func runsJobsByItsClock() async throws {
    let gkick = TestGKick()
    gkick.register(Greet.self)
    let job = try await gkick.client.schedule(Greet(who: "later"), in: .seconds(60))
    #expect(await gkick.runJobs().isEmpty)
    gkick.advance(by: .seconds(59))
    #expect(await gkick.runJobs().isEmpty)
    gkick.advance(by: .seconds(1))
    #expect(await gkick.runJobs().map(\.id) == [job.id])
    #expect(try await job.value() == "hello later")
  }

  @Test func retriesWithTheirWaits() async throws {
    struct Broken: Error {}
    let gkick = TestGKick()
    let times = Mutex<[Date]>([])
    gkick.register(Work.self) { [clock = gkick] _, _ in
      times.withLock { $0.append(clock.now) }
      throw Broken()
    }
    let job = try await gkick.client.enqueue(
      Work(), options: JobOptions(retry: RetryPolicy(maxAttempts: 4, initialBackoff: .seconds(10), multiplier: 3)))
    let start = gkick.now
    await gkick.runJobs(movingClock: 100)
    #expect(times.withLock { $0.map { $0.timeIntervalSince(start) } } == [0, 10, 40, 130])
    let info = try await job.info()
    #expect(info.state == .dead)
    #expect(info.failures.map(\.attempt) == [1, 2, 3, 4])
    await #expect(throws: JobFailedError.self) { try await job.value() }
    // And by hand once more.
    #expect(try await job.retry(resetAttempts: true).state == .ready)
  }

  @Test func knowsDirectivesUniquenessAndDependencies() async throws {
    let gkick = TestGKick()
    gkick.register(Work.self) { job, context in
      switch job.text {
      case "discard": throw Discard("never")
      case "snooze" where context.createdAt == gkick.now: throw Snooze(for: .seconds(5))
      default: context.progress(50, "half")
      }
    }
    let client = gkick.client
    let snoozed = try await client.enqueue(Work(text: "snooze"))
    await gkick.runJobs()
    #expect(try await snoozed.info().state == .scheduled)
    #expect(try await snoozed.info().attempt == 0)
    await gkick.runJobs(movingClock: 10)
    #expect(try await snoozed.info().state == .succeeded)
    #expect(try await snoozed.info().progress?.percent == 50)

    let first = try await client.enqueue(Work(text: "discard"))
    let second = try await client.enqueue(Work(), options: JobOptions(dependsOn: [first.id]))
    #expect(try await second.info().state == .blocked)
    await gkick.runJobs()
    #expect(try await first.info().state == .dead)
    #expect(try await second.info().state == .canceled)

    let one = try await client.enqueue(OneOfAKind(key: "k"))
    #expect(try await client.enqueue(OneOfAKind(key: "k")).id == one.id)
    gkick.register(OneOfAKind.self) { _, _ in }
    await gkick.runJobs()
    #expect(try await client.enqueue(OneOfAKind(key: "k")).isDuplicate == false)
  }

  @Test func runsAWorkersJobsAndBatches() async throws {
    let worker = Worker("nowhere:1")
    worker.register(Greet.self)
    let gkick = TestGKick(worker: worker)
    let batch = try await gkick.client.enqueue(batch: ["a", "b", "c"].map { Greet(who: $0) })
    async let done = batch.wait()
    await gkick.runJobs()
    #expect(try await done.succeeded == 3)
  }

  @Test func theMostUrgentRunsFirst() async throws {
    let gkick = TestGKick()
    gkick.register(Quiet.self)
    for (number, priority) in [(1, 0), (2, 5), (3, -5), (4, 5)] {
      try await gkick.client.enqueue(Quiet(number: number), options: JobOptions(priority: priority))
    }
    let ran = await gkick.runJobs()
    #expect(try ran.map { try $0.parameters(as: Quiet.self).number } == [2, 4, 1, 3])
  }
}
