import Foundation
import GKick
import GKickTesting
import Testing

/// The code of Scheduling.md, compiled and run.
@Suite(.timeLimit(.minutes(1))) struct SchedulingArticle {
  struct Reminder: JobParameters {
    static let name = "reminder"
    var user: Int
  }
  struct Report: JobParameters {
    static let name = "report"
  }
  struct Rebuild: JobParameters {
    static let name = "index.rebuild"
    var shard: Int
    var unique: Uniqueness? { .key("shard-\(shard)") }
  }
  struct Render: JobParameters {
    static let name = "render"
    var chapter: Int
  }
  struct Bind: JobParameters {
    static let name = "bind"
  }
  struct SendNewsletter: JobParameters {
    static let name = "newsletter"
    var user: Int
  }

  @Test func later() async throws {
    let date = Date(timeIntervalSinceNow: 60)
    try await withServer { _, client in
      try await client.schedule(Reminder(user: 7), in: .seconds(3600))
      try await client.schedule(Report(), at: date)
      var states: [JobState] = []
      for try await job in client.jobs() { states.append(job.state) }
      #expect(states == [.scheduled, .scheduled])
    }
  }

  @Test func once() async throws {
    try await withServer { _, client in
      let first = try await client.enqueue(Rebuild(shard: 1))
      let second = try await client.enqueue(Rebuild(shard: 1))
      #expect(second.isDuplicate)
      #expect(second.id == first.id)
    }
  }

  @Test func afterOthers() async throws {
    let gkick = TestGKick()
    let client = gkick.client
    let chapters = 1...3
    let parts = try await client.enqueue(batch: chapters.map { Render(chapter: $0) })
    try await client.enqueue(Bind(), options: JobOptions(dependsOn: parts.jobIDs))
    gkick.register(Render.self) { _, _ in }
    gkick.register(Bind.self) { _, _ in }
    #expect(await gkick.runJobs().map(\.name) == ["render", "render", "render", "bind"])
  }

  @Test func waitingForNobodyIsRefused() async throws {
    try await withServer { _, client in
      let error = await #expect(throws: GKickError.self) {
        try await client.enqueue(Bind(), options: JobOptions(dependsOn: ["x"]))
      }
      #expect(error?.message.contains("depends_on") == true)
    }
  }

  @Test func batches() async throws {
    let users = 1...30
    try await withServer { server, client in
      let worker = server.worker { $0.register(SendNewsletter.self) { _, _ in } }
      try await withWorker(worker) {
        var last: BatchProgress?
        let batch = try await client.enqueue(batch: users.map { SendNewsletter(user: $0) })
        for try await progress in batch.progress() {
          print("\(progress.ended) of \(progress.total)")
          #expect(progress.ended >= last?.ended ?? 0)
          last = progress
        }
        #expect(last?.succeeded == 30)
        #expect(last?.fraction == 1)
      }
    }
  }

  @Test func batchesOfSeveralKinds() async throws {
    try await withServer { _, client in
      let batch = try await client.enqueueBatch { batch in
        try batch.add(Render(chapter: 1))
        try batch.add(Bind(), in: .seconds(60))
        batch.add(UntypedJob(name: "raw", payload: [1]))
        batch.add(UntypedJob(name: ""))
      }
      #expect(batch.jobIDs.count == 3)
      #expect(throws: GKickError.self) { try batch.jobs[3].get() }
      let refusal = await #expect(throws: GKickError.self) {
        try await client.enqueueBatch(allOrNothing: true) { batch in
          try batch.add(Render(chapter: 2))
          batch.add(UntypedJob(name: ""))
        }
      }
      #expect(refusal?.code == .invalid)
      var stored = 0
      for try await _ in client.jobs() { stored += 1 }
      #expect(stored == 3)
    }
  }
}
