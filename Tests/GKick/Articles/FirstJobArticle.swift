import Foundation
import GKick
import Testing

/// The code of FirstJob.md and GKick.md, compiled and run: the end-to-end tests compare them line by line.
@Suite(.timeLimit(.minutes(1))) struct FirstJobArticle {
  struct Resize: Job {
    static let name = "image.resize"
    var path: String
    var width: Int

    func run(_ context: JobContext) async throws -> String {
      context.logger.info("resizing \(path)")
      return try await resize(path, to: width)
    }
  }

  @Test func enqueueRunAndWait() async throws {
    try await withServer { server, _ in
      let client = try Client(server.endpoint)
      let job = try await client.enqueue(Resize(path: "cat.png", width: 640))
      print(job.id)
      let worker = Worker(server.endpoint, configuration: WorkerConfiguration(queues: ["default"], concurrency: 8))
      worker.register(Resize.self)
      let run = Task { try await worker.run() }
      let small = try await job.value(timeout: .seconds(30))  // String
      #expect(small == "cat.png at 640")
      run.cancel()
      try await run.value
      await client.close()
    }
  }

  @Test func aClosureInsteadOfRun() async throws {
    let images = Images()
    try await withServer { server, client in
      let worker = Worker(server.endpoint)
      worker.register(Resize.self) { job, context in
        try await images.resize(job.path, to: job.width)
      }
      try await withWorker(worker) {
        let job = try await client.enqueue(Resize(path: "dog.png", width: 80))
        #expect(try await job.value(timeout: .seconds(30)) == "dog.png at 80")
      }
    }
  }

  struct SendEmail: Job {
    static let name = "email.send"
    var to: String

    func run(_ context: JobContext) async throws {
      try await mailer.send(to: to)
    }
  }

  @Test func theFirstPage() async throws {
    try await withServer { server, _ in
      let client = try Client(server.endpoint)
      try await client.enqueue(SendEmail(to: "ada@example.com"))
      await client.close()
    }
  }
}

private func resize(_ path: String, to width: Int) async throws -> String { "\(path) at \(width)" }

private struct Images {
  func resize(_ path: String, to width: Int) async throws -> String { "\(path) at \(width)" }
}

private struct Mailer {
  func send(to: String) async throws {}
}
private let mailer = Mailer()
