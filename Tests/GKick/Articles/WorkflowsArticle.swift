import Foundation
import GKick
import Testing

/// The code of Workflows.md and of the articles on limits, batches and recurring jobs in Docs, compiled and run.
@Suite(.timeLimit(.minutes(1))) struct WorkflowsArticle {
  struct LoadFigures: JobParameters {
    typealias Output = Int
    static let name = "figures.load"
    var month: Int
  }
  struct MakeReport: JobParameters {
    typealias Output = String
    static let name = "report.make"
    var of = ""
  }
  struct ImportPart: JobParameters {
    static let name = "import.part"
    var file: String
  }
  struct MergeParts: JobParameters {
    static let name = "import.merge"
  }
  struct SendReport: JobParameters {
    static let name = "report.send"
    var of: String
  }
  struct PollFeed: JobParameters {
    static let name = "feed.poll"
  }

  @Test func oneAfterTheOther() async throws {
    try await withServer { server, client in
      let worker = server.worker { worker in
        worker.register(LoadFigures.self) { job, _ in job.month }
        worker.register(MakeReport.self) { _, context in
          let sum = try await client.handle(context.dependsOn[0], as: LoadFigures.self).value()
          return "the sum is \(sum)"
        }
      }
      let figures = try await client.enqueue(LoadFigures(month: 5))
      let report = try await client.enqueue(MakeReport(), after: figures)
      #expect(try await report.info().state == .blocked)
      var text = ""
      try await withWorker(worker) { text = try await report.value(timeout: .seconds(20)) }
      #expect(text == "the sum is 5")
    }
  }

  @Test func outInAndWhatThen() async throws {
    let files = ["a.csv", "b.csv"]
    try await withServer { server, client in
      let worker = server.worker { worker in
        worker.register(ImportPart.self) { part, context in
          guard part.file == "b.csv" else { return }
          try await client.enqueue(ImportPart(file: "late.csv"), options: JobOptions(batchID: context.batchID))
        }
        worker.register(MergeParts.self) { _, _ in }
        worker.register(SendReport.self) { _, _ in }
      }
      var batch = Batch("import-7")
      let parts = try files.map { try batch.add(ImportPart(file: $0)) }
      try batch.add(MergeParts(), after: parts)
      try batch.onSucceeded(SendReport(of: "import-7"))
      let running = try await client.enqueue(batch)
      try await withWorker(worker) {
        for try await progress in running.progress() {
          print("\(progress.ended) of \(progress.total)")
        }
        while try await running.info().onSucceededJobID.isEmpty { await Task.yield() }
      }
      #expect(try await running.info().succeeded == 4)
    }
  }

  @Test func againAndAgain() async throws {
    try await withServer { server, client in
      let worker = server.worker { $0.register(PollFeed.self) { _, _ in } }
      worker.declare(try RecurringJob("poll", .every(.seconds(15)), PollFeed(), overlap: .skip))
      try await withWorker(worker) {
        while try await client.recurring.list().map(\.id) != ["poll"] { await Task.yield() }
      }
      // This server of the tests knows no zone but UTC.
      let error = await #expect(throws: GKickError.self) {
        let times = RecurringJob.Schedule.cron("0 3 * * *", timeZone: "Europe/Berlin")
        try await client.recurring.put(RecurringJob("nightly", times, MakeReport(of: "yesterday")))
      }
      #expect(error?.message.contains("time_zone") == true)
    }
  }

  @Test func heldBackAndInTurn() async throws {
    try await withServer { _, client in
      try await client.limits.put(Limit(.keyPrefix("tenant-"), maxRunning: 2, rate: .init(100, per: .seconds(60))))
      let tenant = JobOptions(concurrencyKey: "tenant-7", fairnessKey: "tenant-7")
      try await client.enqueue(ImportPart(file: "a.csv"), options: tenant)
      #expect(try await client.limits.list().map(\.waiting) == [1])
    }
  }
}
