import Foundation
import GKick
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct WorkerTests {
  @Test func runsJobsAndGivesResults() async throws {
    try await withServer { server, client in
      let worker = server.worker { $0.register(Greet.self) }
      try await withWorker(worker) {
        let job = try await client.enqueue(Greet(who: "Ada"))
        #expect(try await job.value(timeout: .seconds(20)) == "hello Ada")
        let info = try await job.info()
        #expect(info.state == .succeeded)
        #expect(info.attempt == 1)
        #expect(info.workerID == worker.id)
      }
    }
  }

  @Test func runsClosuresWithWhatTheyCapture() async throws {
    let texts = Mutex<[String]>([])
    try await withServer { server, client in
      let worker = server.worker { worker in
        worker.register(Work.self) { job, context in
          #expect(context.metadata["from"] == "test")
          #expect(context.attempt == 1)
          texts.withLock { $0.append(job.text) }
        }
        worker.register("raw") { context in context.payload.reversed() }
      }
      try await withWorker(worker) {
        let job = try await client.enqueue(Work(text: "hi"), options: JobOptions(metadata: ["from": "test"]))
        try await job.value(timeout: .seconds(20))
        let raw = try await client.enqueue(UntypedJob(name: "raw", payload: [1, 2, 3]))
        #expect(try await client.wait(for: raw, timeout: .seconds(20)).result == [3, 2, 1])
      }
    }
    #expect(texts.withLock { $0 } == ["hi"])
  }

  @Test func manyJobsNeverMoreThanItsConcurrency() async throws {
    let running = Mutex((now: 0, most: 0, all: 0))
    try await withServer { server, client in
      let worker = server.worker(queues: ["silent"], concurrency: 7) { worker in
        worker.register(Quiet.self) { _, _ in
          running.withLock {
            $0.now += 1
            $0.most = max($0.most, $0.now)
          }
          await Task.yield()
          running.withLock {
            $0.now -= 1
            $0.all += 1
          }
        }
      }
      let batch = try await client.enqueue(batch: (0..<2_500).map { Quiet(number: $0) })
      #expect(batch.jobIDs.count == 2_500)
      try await withWorker(worker) {
        let progress = try await batch.wait()
        #expect(progress.succeeded == 2_500)
        #expect(progress.failed == 0)
      }
    }
    #expect(running.withLock { $0.all } == 2_500)
    #expect(running.withLock { $0.most } <= 7)
  }

  @Test func errorsDecideWhatBecomesOfTheJob() async throws {
    try await withServer { server, client in
      struct Broken: Error {}
      let snoozed = Mutex(false)
      let worker = server.worker { worker in
        worker.register(Work.self) { job, context in
          switch job.text {
          case "discard": throw Discard("no such order")
          case "later": throw RetryLater("not yet")
          case "snooze":
            if snoozed.withLock({ was in
              defer { was = true }
              return was
            }) {
              return
            }
            throw Snooze(for: .milliseconds(20))
          case "second": if context.attempt < 2 { throw Broken() }
          default: throw Broken()
          }
        }
      }
      try await withWorker(worker) {
        func outcome(_ text: String) async throws -> JobInfo {
          try await client.enqueue(Work(text: text)).wait(timeout: .seconds(20))
        }
        let discarded = try await outcome("discard")
        #expect(discarded.state == .dead)
        #expect(discarded.attempt == 1)
        #expect(discarded.failures.last?.message == "no such order")
        let failed = try await outcome("fail")
        #expect(failed.state == .dead)
        #expect(failed.attempt == 3)
        #expect(failed.failures.count == 3)
        #expect(failed.failures.last?.type == "Broken")
        let later = try await outcome("later")
        #expect(later.state == .dead)
        #expect(later.attempt == 3)
        let second = try await outcome("second")
        #expect(second.state == .succeeded)
        #expect(second.attempt == 2)
        let snooze = try await outcome("snooze")
        #expect(snooze.state == .succeeded)
        #expect(snooze.attempt == 1)
        // What cannot be read is not tried again.
        let unreadable = try await client.enqueue(UntypedJob(name: "work", payload: [1]))
        #expect(try await client.wait(for: unreadable, timeout: .seconds(20)).attempt == 1)
        await #expect(throws: JobFailedError.self) {
          try await client.enqueue(Work(text: "discard")).value(timeout: .seconds(20))
        }
      }
    }
  }

  @Test func cancellationReachesTheTask() async throws {
    try await withServer { server, client in
      let worker = server.worker { worker in
        worker.register(Work.self) { _, context in
          context.progress(10, "started")
          try await Task.sleep(for: .seconds(60))
        }
      }
      try await withWorker(worker) {
        var events = client.events(after: "0", kinds: [.progress]).makeAsyncIterator()
        let job = try await client.enqueue(Work(text: "long"))
        // It runs.
        #expect(try await events.next()?.jobID == job.id)
        try await job.cancel(reason: "enough")
        #expect(try await job.wait(timeout: .seconds(20)).state == .canceled)
      }
    }
  }

  @Test func anAttemptHasItsTime() async throws {
    try await withServer { server, client in
      let worker = server.worker { worker in
        worker.register(Work.self) { _, context in
          #expect(context.deadline != nil)
          try await Task.sleep(for: .seconds(60))
        }
      }
      try await withWorker(worker) {
        let job = try await client.enqueue(
          Work(), options: JobOptions(retry: .never, timeout: .milliseconds(100)))
        let info = try await job.wait(timeout: .seconds(20))
        #expect(info.state == .dead)
        #expect(info.failures.last?.type.lowercased().contains("timeout") == true)
      }
    }
  }

  @Test func middlewareRunsAroundEveryJob() async throws {
    struct Tracer: JobMiddleware {
      let name: String
      let log: Log
      func run(_ context: JobContext, next: JobMiddleware.Next) async throws -> JobResult {
        log.add("\(name)>")
        defer { log.add("<\(name)") }
        return try await next(context)
      }
    }
    final class Log: Sendable {
      let lines = Mutex<[String]>([])
      func add(_ line: String) { lines.withLock { $0.append(line) } }
    }
    let log = Log()
    try await withServer { server, client in
      let worker = server.worker { worker in
        worker.use(Tracer(name: "a", log: log))
        worker.use(Tracer(name: "b", log: log))
        worker.register(Greet.self) { job, _ in
          log.add("run")
          return job.who
        }
      }
      try await withWorker(worker) {
        let value = try await client.enqueue(Greet(who: "x")).value(timeout: .seconds(20))
        #expect(value == "x")
      }
    }
    #expect(log.lines.withLock { $0 } == ["a>", "b>", "run", "<b", "<a"])
  }

  @Test func aStoppedWorkerGivesItsJobsBack() async throws {
    try await withServer { server, client in
      let worker = server.worker { worker in
        worker.register(Work.self) { _, _ in try await Task.sleep(for: .seconds(60)) }
      }
      let job = try await client.enqueue(Work())
      try await withWorker(worker) {
        while try await job.info().state != .running { try await Task.sleep(for: .milliseconds(5)) }
      }
      let info = try await job.info()
      #expect(info.state == .ready)
      #expect(info.failures.isEmpty)
      // Another takes it.
      let next = server.worker { $0.register(Work.self) { _, _ in } }
      try await withWorker(next) {
        let info = try await job.wait(timeout: .seconds(20))
        #expect(info.state == .succeeded)
      }
    }
  }

  @Test func twoWorkersShareOneIdOnlyOnce() async throws {
    try await withServer { server, client in
      func make() -> Worker {
        server.worker(configure: { $0.id = "same" }) { $0.register(Work.self) { _, _ in } }
      }
      let first = Task { try await make().run() }
      while try await client.job(client.enqueue(Work()).id).state == .ready {
        try await Task.sleep(for: .milliseconds(5))
      }
      let second = Task { try await make().run() }
      let error = await #expect(throws: GKickError.self) { try await first.value }
      #expect(error?.code == .notPossibleNow)
      second.cancel()
      try await second.value
    }
  }
}
