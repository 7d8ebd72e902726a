import Foundation
import GKick
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct FlowTests {
  // MARK: - Limits

  @Test func limitsArePutListedAndDeleted() async throws {
    try await withServer { server, client in
      let limits = [
        Limit(.queue("parts"), maxRunning: 3), Limit(.key("one"), maxWaiting: 1),
        Limit(.keyPrefix("tenant-"), maxRunning: 2, rate: .init(100, per: .seconds(60))),
      ]
      for limit in limits { try await client.limits.put(limit) }
      try await client.enqueue(Part(number: 1, tenant: "tenant-a"))
      let admin = try AdminClient(server.endpoint)
      let standings = try await admin.limits.list()
      await admin.close()
      #expect(standings.map(\.limit) == limits)
      #expect(standings.map(\.waiting) == [1, 0, 1])
      #expect(standings[2].keys == 1)
      #expect(standings[2].busiestKey == "tenant-a")

      try await client.enqueue(Part(number: 2, tenant: "one"))
      let full = await #expect(throws: GKickError.self) { try await client.enqueue(Part(number: 3, tenant: "one")) }
      #expect(full?.code == .limitReached)
      #expect(full?.retryAfter != nil)

      try await client.limits.delete(.key("one"))
      try await client.enqueue(Part(number: 4, tenant: "one"))
      let gone = await #expect(throws: GKickError.self) { try await client.limits.delete(.key("one")) }
      #expect(gone?.code == .notFound)
      for limit in [Limit(.queue("q")), Limit(.queue("q"), maxRunning: 0), Limit(.queue(""), maxRunning: 1)] {
        let error = await #expect(throws: GKickError.self) { try await client.limits.put(limit) }
        #expect(error?.code == .invalid)
      }
    }
  }

  @Test func aLimitOfATenantHoldsItBackAndNobodyElse() async throws {
    try await withServer { server, client in
      try await client.limits.put(Limit(.keyPrefix("tenant-"), maxRunning: 1))
      let most = Mutex<[String: (now: Int, most: Int)]>([:])
      let worker = server.worker(queues: ["parts"], concurrency: 8) {
        $0.register(Part.self) { part, _ in
          most.withLock {
            let now = ($0[part.tenant!]?.now ?? 0) + 1
            $0[part.tenant!] = (now, max(now, $0[part.tenant!]?.most ?? 0))
          }
          try await Task.sleep(for: .milliseconds(5))
          most.withLock { $0[part.tenant!]?.now -= 1 }
          return part.number
        }
      }
      let parts = (0..<20).map { Part(number: $0, tenant: "tenant-\($0 % 2)") }
      try await withWorker(worker) {
        let batch = try await client.enqueue(Batch().addingJobs(parts))
        #expect(try await batch.wait().succeeded == 20)
      }
      #expect(most.withLock { $0.mapValues(\.most) } == ["tenant-0": 1, "tenant-1": 1])
    }
  }

  // MARK: - Dependencies

  @Test func dependenciesAreTypedAndTheirResultsCanBeRead() async throws {
    try await withServer { server, client in
      let worker = server.worker(queues: ["parts"]) {
        $0.register(Part.self) { part, _ in part.number }
        $0.register(Merge.self) { _, context in
          var sum = 0
          for id in context.dependsOn { sum += try await client.handle(id, as: Part.self).value() }
          return sum
        }
      }
      let a = try await client.enqueue(Part(number: 3))
      let b = try await client.enqueue(Part(number: 4))
      let merge = try await client.enqueue(Merge(), after: a, b)
      let blocked = try await merge.info()
      #expect(blocked.state == .blocked)
      #expect(blocked.dependsOn == [a.id, b.id])
      #expect(blocked.dependenciesOpen == 2)
      let reason = try await client.explain(merge.id)
      #expect(reason.reasons.first?.hindrance == .dependency)
      #expect(reason.reasons.first?.jobIDs == [a.id, b.id])
      #expect(reason.job.dependenciesOpen == 2)
      var sum = 0
      try await withWorker(worker) { sum = try await merge.value(timeout: .seconds(20)) }
      #expect(sum == 7)
    }
  }

  @Test func whatBecomesOfAJobWhoseDependencyFails() async throws {
    try await withServer { _, client in
      let first = try await client.enqueue(Part(number: 1))
      let canceled = try await client.enqueue(Merge(), after: first)
      let runs = try await client.enqueue(Merge(), after: [first], onDependencyFailure: .run)
      #expect(try await runs.info().onDependencyFailure == .run)
      try await first.cancel()
      let info = try await canceled.wait(timeout: .seconds(20))
      #expect(info.state == .canceled)
      #expect(info.failures.last?.type == "dependency")
      #expect(info.failures.last?.message.contains(first.id) == true)
      while !Task.isCancelled, try await runs.info().state == .blocked { await Task.yield() }
      #expect(try await runs.info().state == .ready)
      let error = await #expect(throws: GKickError.self) {
        try await client.enqueue(Merge(), options: JobOptions(dependsOn: ["nothing"]))
      }
      #expect(error?.code == .notPossibleNow)
    }
  }

  // MARK: - Batches

  @Test func aBatchFansOutAndInAndCallsBack() async throws {
    try await withServer { server, client in
      let worker = server.worker(queues: ["parts", "silent", "default"]) {
        $0.register(Part.self) { part, context in
          // From inside, although the batch is closed.
          if part.number == 1 {
            try await client.enqueue(Part(number: 100), options: JobOptions(batchID: context.batchID))
          }
          return part.number
        }
        $0.register(Merge.self) { _, context in context.dependsOn.count }
        $0.register(Quiet.self)
        $0.register(Greet.self)
      }
      var batch = try Batch("import-7", description: "all parts").addingJobs([Part(number: 0)])
      let parts = try (1...3).map { try batch.add(Part(number: $0)) }
      let merge = try batch.add(Merge(), after: parts)
      try batch.onFinished(Quiet(number: 1))
      try batch.onSucceeded(Greet(who: "importer"))
      let running = try await client.enqueue(batch)
      #expect(running.id == "import-7")
      #expect(running.jobIDs.count == 5)
      #expect(try await running.info().isClosed)
      #expect(try await running.info().waiting == 5)
      #expect(try await merge.handle(client).info().state == .blocked)
      try await withWorker(worker) {
        #expect(try await running.wait().succeeded == 5)
        #expect(try await merge.handle(client).value() == 3)
        var info = try await running.info()
        while info.onSucceededJobID.isEmpty {
          await Task.yield()
          info = try await running.info()
        }
        #expect((info.jobs, info.succeeded) == (6, 6))
        #expect(info.finishedAt != nil)
        #expect(try await client.handle(info.onSucceededJobID, as: Greet.self).value() == "hello importer")
        #expect(try await client.job(info.onFinishedJobID).name == "quiet")
      }
      var inside: [Int] = []
      for try await job in client.jobs(matching: JobQuery(name: "part", batchID: "import-7")) {
        inside.append(try job.parameters(as: Part.self).number)
      }
      #expect(inside.sorted() == [0, 1, 2, 3, 100])
      let late = await #expect(throws: GKickError.self) {
        try await client.enqueue(Part(number: 5), options: JobOptions(batchID: "import-7"))
      }
      #expect(late?.code == .notPossibleNow)
    }
  }

  @Test func batchesAreLeftOpenClosedCanceledAndListed() async throws {
    try await withServer { _, client in
      var open = Batch("open")
      open.isLeftOpen = true
      let first = try await client.enqueue(try open.addingJobs([Part(number: 1)]))
      #expect(try await first.info().isClosed == false)
      // Enqueues of many without a name of their own close theirs: nobody else could.
      let many = try await client.enqueue(batch: [Part(number: 2), Part(number: 3)])
      #expect(try await many.info().isClosed)
      #expect(try await client.batches.list(unfinishedOnly: true).map(\.id) == [many.id, "open"])
      #expect(try await client.batches.list(limit: 1).map(\.id) == [many.id])
      #expect(try await first.cancel(reason: "not wanted").canceled == 1)
      #expect(try await first.info().finishedAt != nil)
      #expect(try await client.batches.list(unfinishedOnly: true).map(\.id) == [many.id])
      #expect(try await client.batches.close("new").jobs == 0)
      let none = await #expect(throws: GKickError.self) { try await client.batches.batch("nothing") }
      #expect(none?.code == .notFound)
    }
  }

  @Test func aRefusedJobRefusesItsBatch() async throws {
    try await withServer { _, client in
      let bad = Part(number: 1, tenant: String(repeating: "x", count: 10_000))
      let error = await #expect(throws: GKickError.self) {
        try await client.enqueue(try Batch("refused").addingJobs([Part(number: 0), bad]))
      }
      #expect(error?.code == .invalid)
      #expect(try await client.batches.list().isEmpty)
      // A round trip too late: what was stored before is cancelled, as nobody else knows of it.
      let parts = (0..<1_000).map { Part(number: $0) } + [bad]
      await #expect(throws: GKickError.self) { try await client.enqueue(try Batch().addingJobs(parts)) }
      let batches = try await client.batches.list()
      #expect(batches.map(\.canceled) == [1_000])
      #expect(batches.allSatisfy { $0.finishedAt != nil && $0.onFinishedJobID.isEmpty })
    }
  }

  // MARK: - Recurring jobs

  @Test func recurringJobsComeAndGo() async throws {
    try await withServer { server, client in
      let put = try await client.recurring.put(
        RecurringJob(
          "nightly", .cron("0 3 * * *"), Greet(who: "night"), options: JobOptions(priority: 7), missedRuns: .all,
          overlap: .skip))
      let next = try #require(put.nextRunAt)
      #expect(Int(next.timeIntervalSince1970) % 86_400 == 3 * 3_600)
      #expect(put.lastRunAt == nil)
      try await client.recurring.put(
        RecurringJob("poll", .every(.seconds(3_600)), untyped: UntypedJob(name: "poll", payload: [1])))

      let there = try await client.recurring.list()
      #expect(there.map(\.id) == ["nightly", "poll"])
      #expect(there.map(\.schedule) == [.cron("0 3 * * *"), .every(.seconds(3_600))])
      #expect(there.map(\.missedRuns) == [.all, .one])
      #expect(there.map(\.overlap) == [.skip, .allow])
      #expect(try there[0].parameters(as: Greet.self).who == "night")

      let made = try await client.recurring.trigger("poll")
      #expect(try await client.job(made).recurringJobID == "poll")
      #expect(try await client.recurring.job("poll").lastRunAt != nil)
      #expect(try await client.recurring.pause("poll").nextRunAt == nil)
      #expect(try await client.recurring.job("poll").isPaused)
      #expect(try await client.recurring.resume("poll").nextRunAt != nil)
      try await client.recurring.delete("poll")
      let gone = await #expect(throws: GKickError.self) { try await client.recurring.job("poll") }
      #expect(gone?.code == .notFound)

      let start = Date(timeIntervalSince1970: 0)
      let times = try await client.recurring.times(of: .cron("@daily"), count: 3, after: start)
      #expect(times.map(\.timeIntervalSince1970) == [86_400, 172_800, 259_200])
      let wrong = await #expect(throws: GKickError.self) {
        try await client.recurring.times(of: .cron("0 0 30 2 *"))
      }
      #expect(wrong?.code == .invalid)
    }
  }

  @Test func aWorkerDeclaresItsRecurringJobs() async throws {
    try await withServer { server, client in
      let declared = try RecurringJob("often", .every(.milliseconds(100)), Greet(who: "again"))
      let hourly = try RecurringJob("hourly", .every(.seconds(3_600)), Greet(who: "hour"))
      func worker() -> Worker {
        server.worker {
          $0.register(Greet.self)
          $0.declare(declared)
          $0.declare(hourly)
        }
      }
      var ids: Set<String> = []
      try await withWorker(worker()) {
        for try await event in client.events(after: "0", names: ["greet"], kinds: [.succeeded]) {
          ids.insert(event.jobID)
          if ids.count == 2 { break }
        }
      }
      #expect(ids.allSatisfy { $0.hasPrefix("often:") })
      let anchor = try await client.recurring.job("hourly").nextRunAt
      #expect(anchor != nil)
      // What is there already is left alone: an `every` is counted on, and what was paused stays so.
      try await client.recurring.pause("often")
      let second = worker()
      try await withWorker(second) {
        let job = try await client.enqueue(Greet(who: "b"))
        _ = try await job.value(timeout: .seconds(20))
        try await client.recurring.declare([declared, hourly])
      }
      #expect(try await client.recurring.job("hourly").nextRunAt == anchor)
      #expect(try await client.recurring.job("often").isPaused)
      // What is said otherwise is put, still paused.
      try await client.recurring.declare([RecurringJob("often", .every(.seconds(9)), Greet(who: "again"))])
      let often = try await client.recurring.job("often")
      #expect(often.schedule == .every(.seconds(9)))
      #expect(often.isPaused)
    }
  }

  @Test func aWorkerEndsWhenItsRecurringJobIsRefused() async throws {
    try await withServer { server, _ in
      let worker = try server.worker {
        $0.register(Greet.self)
        $0.declare(try RecurringJob("never", .cron("not a time"), Greet(who: "x")))
      }
      let error = await #expect(throws: GKickError.self) { try await worker.run() }
      #expect(error?.code == .invalid)
      #expect(error?.message.contains("cron") == true)
    }
  }
}
