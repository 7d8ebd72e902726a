import Foundation
import GKick
import Testing

@Suite(.timeLimit(.minutes(1))) struct ClientTests {
  @Test func storesAndLooksUp() async throws {
    try await withServer { _, client in
      let job = try await client.enqueue(
        Quiet(number: 7), options: JobOptions(priority: 5, metadata: ["k": "v"]))
      let info = try await job.info()
      #expect(info.id == job.id)
      #expect(info.name == "quiet")
      #expect(info.queue == "silent")
      #expect(info.state == .ready)
      #expect(info.priority == 5)
      #expect(info.metadata["k"] == "v")
      #expect(info.contentType == "application/json")
      #expect(try info.parameters(as: Quiet.self).number == 7)
      #expect(abs(info.createdAt.timeIntervalSinceNow) < 60)
      #expect(!info.waitingReason.isEmpty)
      #expect(try await client.explain(job.id).reasons.contains { $0.hindrance == .noWorker })
    }
  }

  @Test func schedules() async throws {
    try await withServer { _, client in
      let at = Date(timeIntervalSinceNow: 3600)
      let byTime = try await client.schedule(Quiet(number: 1), at: at).info()
      #expect(byTime.state == .scheduled)
      #expect(abs(byTime.runAt.timeIntervalSince(at)) < 0.001)
      let byDelay = try await client.schedule(Quiet(number: 1), in: .seconds(60)).info()
      #expect(byDelay.state == .scheduled)
      #expect(abs(byDelay.runAt.timeIntervalSinceNow - 60) < 10)
      let untyped = try await client.schedule(UntypedJob(name: "raw", payload: [1, 2, 3]), in: .seconds(9))
      #expect(try await client.job(untyped).payload == [1, 2, 3])
    }
  }

  @Test func uniqueJobsAreKeptOrRefused() async throws {
    try await withServer { _, client in
      let first = try await client.enqueue(OneOfAKind(key: "a"))
      let second = try await client.enqueue(OneOfAKind(key: "a"))
      #expect(second.isDuplicate)
      #expect(second.id == first.id)
      let error = await #expect(throws: GKickError.self) {
        try await client.enqueue(
          OneOfAKind(key: "a"), options: JobOptions(unique: Uniqueness(key: "a", onConflict: .reject)))
      }
      #expect(error?.code == .alreadyExists)
      #expect(try await client.enqueue(OneOfAKind(key: "b")).isDuplicate == false)
    }
  }

  @Test func anIdOfOnesOwnMakesItIdempotent() async throws {
    try await withServer { _, client in
      let options = JobOptions(id: "order-17")
      let first = try await client.enqueue(Quiet(number: 1), options: options)
      #expect(first.id == "order-17")
      #expect(try await client.enqueue(Quiet(number: 1), options: options).isDuplicate)
    }
  }

  @Test func controlsJobs() async throws {
    try await withServer { _, client in
      let job = try await client.enqueue(Quiet(number: 1))
      #expect(try await job.cancel().state == .canceled)
      #expect(try await job.retry().state == .ready)
      try await job.cancel()
      try await client.delete(job.id)
      let error = await #expect(throws: GKickError.self) { try await client.job(job.id) }
      #expect(error?.code == .notFound)
    }
  }

  @Test func listsPageByPage() async throws {
    try await withServer { _, client in
      for number in 0..<25 { try await client.enqueue(Quiet(number: number)) }
      try await client.enqueue(Work())
      var numbers: [Int] = []
      for try await job in client.jobs(matching: JobQuery(queue: "silent"), pageSize: 10) {
        numbers.append(try job.parameters(as: Quiet.self).number)
      }
      #expect(numbers == (0..<25).reversed())
    }
  }

  @Test func saysWhatIsWrong() async throws {
    try await withServer { _, client in
      let error = await #expect(throws: GKickError.self) {
        try await client.enqueue(UntypedJob(name: ""))
      }
      #expect(error?.code == .invalid)
      #expect(error?.message.contains("name") == true)
    }
    let nobody = try Client(address: "127.0.0.1:1")
    let error = await #expect(throws: GKickError.self) { try await nobody.job("x") }
    #expect(error?.code == .unavailable)
    #expect(error?.message.contains("127.0.0.1:1") == true)
    await nobody.close()
    #expect(throws: GKickError.self) { try Client(address: "host:port") }
  }

  @Test func waitingEndsWithItsTime() async throws {
    try await withServer { _, client in
      let job = try await client.enqueue(Greet(who: "x"))
      let error = await #expect(throws: GKickError.self) { try await job.value(timeout: .milliseconds(100)) }
      #expect(error?.code == .timedOut)
    }
  }

  @Test func aMadeIDIsAUUIDOfVersion7() {
    let ids = (0..<100).map { _ in MadeID.make() }
    #expect(Set(ids).count == 100)
    for id in ids {
      let parts = id.split(separator: "-")
      #expect(parts.map(\.count) == [8, 4, 4, 4, 12])
      #expect(parts[2].first == "7")
      #expect("89ab".contains(parts[3].prefix(1)))
    }
  }
}
