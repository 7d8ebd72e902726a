import Foundation
import GKick
import GKickTesting
import Synchronization
import Testing

/// What a model of a server once did otherwise than the server.
@Suite(.timeLimit(.minutes(1))) struct EngineTests {
  @Test func attemptsEndWhenTheirTimeIsOver() async throws {
    let gkick = TestGKick()
    gkick.register(Work.self) { [clock = gkick] _, _ in
      clock.advance(by: .seconds(61))
      try await Task.sleep(for: .seconds(3600))
    }
    let job = try await gkick.client.enqueue(Work(), options: JobOptions(timeout: .seconds(60)))
    #expect(await gkick.runJobs().map(\.state) == [.retrying])
    #expect(try await job.info().failures.map(\.type) == ["timeout"])
  }

  @Test func aRunningJobThatIsCanceledIsStopped() async throws {
    let gkick = TestGKick()
    gkick.register(Work.self) { [client = gkick.client] _, context in
      try await client.cancel(context.id, reason: "never mind")
      try await Task.sleep(for: .seconds(3600))
    }
    let job = try await gkick.client.enqueue(Work())
    #expect(await gkick.runJobs().map(\.state) == [.canceled])
    let again = await #expect(throws: GKickError.self) { try await gkick.client.delete("none") }
    #expect(again?.code == .notFound)
    #expect(try await job.cancel().state == .canceled)
  }

  @Test func whatHasEndedCannotBeCanceled() async throws {
    let gkick = TestGKick()
    gkick.register(Greet.self)
    let job = try await gkick.client.enqueue(Greet(who: "a"))
    await gkick.runJobs()
    let error = await #expect(throws: GKickError.self) { try await job.cancel() }
    #expect(error?.code == .notPossibleNow)
  }

  @Test func aReplacedJobTakesOverAllButIdAndCreation() async throws {
    let gkick = TestGKick()
    var unique = JobOptions(unique: Uniqueness(key: "k", onConflict: .replace))
    unique.metadata = ["round": "1"]
    let first = try await gkick.client.schedule(Work(text: "old"), in: .seconds(60), options: unique)
    var other = unique
    other.metadata = ["round": "2"]
    other.priority = 7
    let second = try await gkick.client.schedule(Work(text: "new"), in: .seconds(600), options: other)
    #expect(second.id == first.id && second.isDuplicate)
    let info = try await first.info()
    #expect(info.priority == 7 && info.metadata["round"] == "2")
    #expect(try info.parameters(as: Work.self).text == "new")
    #expect(info.runAt == gkick.now.addingTimeInterval(600))
  }

  @Test func startBeforeIsAboutTheFirstStart() async throws {
    struct Broken: Error {}
    let gkick = TestGKick()
    gkick.register(Work.self) { _, context in if context.attempt == 1 { throw Broken() } }
    let limit = gkick.now.addingTimeInterval(1)
    let inTime = try await gkick.client.enqueue(Work(), options: JobOptions(startBefore: limit))
    await gkick.runJobs(movingClock: 10)
    #expect(try await inTime.info().state == .succeeded)
    let late = try await gkick.client.enqueue(
      Work(), options: JobOptions(startBefore: gkick.now.addingTimeInterval(1)))
    gkick.advance(by: .seconds(2))
    #expect(try await late.info().state == .expired)
  }

  @Test func theClockGoesByWayOfWhatIsDue() async throws {
    let gkick = TestGKick()
    let start = gkick.now
    for seconds in [30, 10, 20] { try await gkick.client.schedule(Work(), in: .seconds(seconds)) }
    gkick.advance(by: .seconds(60))
    var times: [TimeInterval] = []
    for try await event in gkick.client.events(after: "0", kinds: [.enqueued]) {
      times.append(event.at.timeIntervalSince(start))
      if times.count == 3 { break }
    }
    #expect(times == [10, 20, 30])
    #expect(gkick.now == start.addingTimeInterval(60))
  }

  @Test func dependenciesAreTheServers() async throws {
    let gkick = TestGKick()
    let error = await #expect(throws: GKickError.self) {
      try await gkick.client.enqueue(Work(), options: JobOptions(dependsOn: ["nobody"]))
    }
    #expect(error?.code == .notPossibleNow)
  }

  @Test func whatTheServerRefusesIsRefused() async throws {
    let gkick = TestGKick()
    let error = await #expect(throws: GKickError.self) {
      try await gkick.client.enqueue(Work(), options: JobOptions(queue: "no such queue\n"))
    }
    #expect(error?.code == .invalid)
    let results = try await gkick.client.enqueueBatch { batch in
      try batch.add(Greet(who: "a"))
      batch.add(UntypedJob(name: ""))
    }
    #expect(results.jobIDs.count == 1)
  }

  @Test func finishedJobsGoWhenTheySaySo() async throws {
    let gkick = TestGKick()
    gkick.register(Greet.self)
    try await gkick.client.enqueue(Greet(who: "kept"))
    try await gkick.client.enqueue(Greet(who: "goes"), options: JobOptions(retention: .seconds(60)))
    await gkick.runJobs()
    gkick.advance(by: .seconds(86_400))
    #expect(gkick.enqueued(Greet.self).map(\.who) == ["kept"])
  }

  @Test func watchersAreToldWhileTheyWait() async throws {
    let gkick = TestGKick()
    gkick.register(Greet.self)
    var events = gkick.client.events(kinds: [.succeeded]).makeAsyncIterator()
    _ = try await events.open()
    let job = try await gkick.client.enqueue(Greet(who: "a"))
    async let next = events.next()
    await gkick.runJobs()
    #expect(try await next?.jobID == job.id)
  }

  @Test func aPausedQueueWaits() async throws {
    let gkick = TestGKick()
    gkick.register(Quiet.self)
    try await gkick.client.enqueue(Quiet(number: 1))
    try await gkick.admin.pause("silent")
    #expect(await gkick.runJobs().isEmpty)
    try await gkick.admin.resume("silent")
    #expect(await gkick.runJobs().count == 1)
  }

  @Test func manyAtOnce() async throws {
    try await withThrowingTaskGroup { group in
      for number in 0..<20 {
        group.addTask {
          let gkick = TestGKick()
          gkick.register(Quiet.self)
          for index in 0..<20 { try await gkick.client.enqueue(Quiet(number: index * number)) }
          #expect(await gkick.runJobs().count == 20)
        }
      }
      try await group.waitForAll()
    }
  }
}
