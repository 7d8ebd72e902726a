import Engine
import Glibc
import Jobs
import MemoryStorage
import NIOCore
import RPC
import Testing
import Wire

@testable import Services

@Suite(.timeLimit(.minutes(1))) struct ServicesTests {
  @Test func aJobsLife() async throws {
    try await withServer { server in
      let receipt = try await server.enqueue(spec())
      #expect(receipt.state == .ready)
      let waiting = try await server.job(receipt.jobID)
      #expect(!waiting.waitingReason.isEmpty)
      let worker = TestStream(server, "WorkerService/Work")
      try await worker.send { $0.encodeWorkRequest(hello: hello("q")) }
      var given: [Assignment] = []
      while given.isEmpty {
        let words = try await worker.nextWork()
        if let welcome = words.welcome {
          #expect(welcome.serverID == "server-1")
          #expect(welcome.serverVersion == "1.2.3")
        }
        given = words.jobs
      }
      let outcome = WorkerOutcome(lease: given[0].lease, how: .success(result: [1, 2]))
      try await worker.send { $0.encodeWorkRequest(WorkerMessage(ackSeq: 1, outcomes: [outcome])) }
      // Its last word: it is still told that the outcome is stored, then the call ends.
      worker.stream.finish()
      var results: [OutcomeStatus] = []
      while let message = try await worker.next() {
        results += try Codec().decodeWorkResponse(message.readableBytesSpan).results
      }
      #expect(results.map(\.statusCode) == [0])
      let done = try await server.job(receipt.jobID)
      #expect(done.state == .succeeded)
      #expect(done.result == [1, 2])
    }
  }

  /// A worker that leaves with an unconfirmed job: another has it at once, and it does not count.
  @Test func halfClosingWithAJobGivesItBack() async throws {
    try await withServer { server in
      _ = try await server.enqueue(spec())
      let first = TestStream(server, "WorkerService/Work")
      try await first.send { $0.encodeWorkRequest(hello: hello("q")) }
      while try await first.nextWork().jobs.isEmpty {}
      first.stream.finish()
      #expect(await first.end() == .ok)
      let second = TestStream(server, "WorkerService/Work")
      try await second.send { $0.encodeWorkRequest(hello: hello("q")) }
      var given: [Assignment] = []
      while given.isEmpty { given = try await second.nextWork().jobs }
      #expect(given[0].attempt == 1)
      second.stream.cancel()
    }
  }

  @Test func theFirstWordIsHello() async throws {
    try await withServer { server in
      let stream = TestStream(server, "WorkerService/Work")
      try await stream.send { $0.encodeWorkRequest(WorkerMessage(ackSeq: 1)) }
      let end = await stream.end()
      #expect(end.code == .invalidArgument)
      #expect(end.message.contains("hello"))
    }
  }

  @Test func refusals() async throws {
    try await withServer { server in
      var large = spec()
      large.payload = [UInt8](repeating: 0, count: 101)
      let tooLarge = await server.status("JobService/Enqueue") { $0.encodeEnqueueRequest(large) }
      #expect(tooLarge.code == .invalidArgument)
      #expect(tooLarge.message == "job.payload: at most 100 bytes")
      var dependent = spec()
      dependent.dependsOn = ["x"]
      let unknown = await server.status("JobService/Enqueue") { $0.encodeEnqueueRequest(dependent) }
      #expect(unknown.code == .failedPrecondition)
      for method in ["GetJob", "WaitJob", "DeleteJob", "ExplainJob", "CancelJob", "RetryJob"] {
        let status = await server.status("JobService/" + method) { $0.encodeJobIDRequest("nobody") }
        #expect(status.code == .notFound, "\(method)")
      }
      for method in ["PutLimit", "DeleteLimit", "PutRecurringJob", "DeleteRecurringJob", "TriggerRecurringJob"] {
        let status = await server.status("AdminService/" + method) { $0.encodeWorkRequest() }
        #expect(status.code == .invalidArgument, "\(method)")
      }
    }
  }

  /// Too much waits for the engine: calls are refused at once and told when to come again, a worker's words are taken.
  @Test func overload() async throws {
    var limits = HostLimits()
    limits.commands = 0
    try await withServer(limits) { server in
      let refused = await server.status("JobService/Enqueue") { $0.encodeEnqueueRequest(spec()) }
      #expect(refused.code == .resourceExhausted)
      #expect(refused.retryPushback == 500)
      let worker = TestStream(server, "WorkerService/Work")
      try await worker.send { $0.encodeWorkRequest(hello: hello("q")) }
      #expect(try await worker.nextWork().welcome != nil)
      let batches = TestStream(server, "JobService/EnqueueStream")
      try await batches.send { $0.encodeEnqueueBatchRequest([JobOrder(job: spec())]) }
      #expect(try await batches.next() != nil)
      worker.stream.cancel()
      batches.stream.cancel()
      #expect((await server.host.statistics())?.refusedCommands == 1)
    }
  }

  @Test func pipelinedBatchesAreAnsweredInOrder() async throws {
    try await withServer { server in
      let stream = TestStream(server, "JobService/EnqueueStream")
      for index in 0..<200 {
        // Every third is invalid and known at once: it must wait for its turn all the same.
        var job = spec(queue: index % 3 == 0 ? "no queue" : "q")
        job.id = "id-\(index)"
        try await stream.send { $0.encodeEnqueueBatchRequest([JobOrder(job: job)]) }
      }
      stream.stream.finish()
      for index in 0..<200 {
        let message = try #require(try await stream.next())
        let results = try Codec().decodeEnqueueBatchResponse(message.readableBytesSpan)
        #expect(results.map(\.statusCode) == [index % 3 == 0 ? 3 : 0])
        if index % 3 != 0 { #expect(results[0].jobID == "id-\(index)") }
      }
      #expect(try await stream.next() == nil)
    }
  }

  @Test func watchersHearWhereTheyBegin() async throws {
    try await withServer { server in
      let live = TestStream(server, "JobService/StreamEvents")
      try await live.send { $0.encodeStreamEventsRequest(EventsRequest()) }
      live.stream.finish()
      func next(_ stream: TestStream) async throws -> (events: [Event], cursor: String) {
        let message = try #require(try await stream.next())
        return try Codec().decodeStreamEventsResponse(message.readableBytesSpan)
      }
      let first = try await next(live)
      #expect(first.events.isEmpty)
      #expect(first.cursor == "0")
      let id = try await server.enqueue(spec()).jobID
      var second = try await next(live)
      // A heartbeat may come first on a busy machine.
      while second.events.isEmpty { second = try await next(live) }
      #expect(second.events.map(\.jobID) == [id])
      // From the beginning, of another queue: where it stands is said, and nothing else.
      let other = TestStream(server, "JobService/StreamEvents")
      var request = EventsRequest(after: 0)
      request.queues = ["other"]
      try await other.send { $0.encodeStreamEventsRequest(request) }
      other.stream.finish()
      #expect(try await next(other).events.isEmpty)
      let beyond = TestStream(server, "JobService/StreamEvents")
      try await beyond.send { $0.encodeStreamEventsRequest(EventsRequest(after: 1_000_000)) }
      beyond.stream.finish()
      #expect(await beyond.end().code == .outOfRange)
      live.stream.cancel()
      other.stream.cancel()
    }
  }

  /// A storage that lost its power may not have the newest events that it says were shown.
  private struct Shortened: JobReader {
    let reader: any JobReader
    func job(id: String) throws(StoreError) -> JobRecord? { try reader.job(id: id) }
    func jobs(_ query: JobQuery) throws(StoreError) -> JobPage { try reader.jobs(query) }
    func events(after cursor: Int64, limit: Int) throws(StoreError) -> EventPage {
      cursor < 3 ? try reader.events(after: cursor, limit: Int(3 - cursor)) : .events([], next: cursor)
    }
  }

  @Test func aWatcherPassesOverWhatIsGone() async throws {
    let storage = MemoryStorage()
    // Old ones would be forgotten.
    let now = Timestamp(microseconds: WallClock.read(CLOCK_REALTIME))
    var change = ChangeSet(number: 1, now: now, durability: .synced)
    change.events = (1...5).map { Event(cursor: $0, kind: .enqueued, at: now, jobID: "j\($0)") }
    try storage.write([change], epoch: try storage.beginEpoch())
    let server = try await TestServer(HostLimits(), storage: storage, reading: { Shortened(reader: $0) })
    let watcher = TestStream(server, "JobService/StreamEvents")
    try await watcher.send { $0.encodeStreamEventsRequest(EventsRequest(after: 1)) }
    watcher.stream.finish()
    var heard: [(events: [Int64], cursor: String)] = []
    for _ in 0..<3 {
      let message = try #require(try await watcher.next())
      let (events, cursor) = try Codec().decodeStreamEventsResponse(message.readableBytesSpan)
      heard.append((events.map(\.cursor), cursor))
    }
    #expect(heard.map(\.events) == [[], [2, 3], []])
    // All that came before this epoch, whose cursors begin there.
    #expect(heard.map(\.cursor) == ["1", "3", "16777216"])
    await server.channel.close()
    await server.server.shutdownGracefully(within: .seconds(0))
    try await server.host.stop()
  }

  /// Whoever has left gets nothing: the job is there for the next, and nobody's attempt.
  @Test func anAbandonedFetchTakesNothing() async throws {
    try await withServer { server in
      let fetch = Fetch(
        workerID: "w", subscriptions: [Subscription(pattern: QueuePattern("q"))], maxWait: .seconds(30))
      let abandoned = TestStream(server, "WorkerService/Fetch")
      try await abandoned.send { $0.encodeFetchRequest(fetch) }
      abandoned.stream.finish()
      while !Task.isCancelled, await server.host.workers().isEmpty { await Task.yield() }
      abandoned.stream.cancel()
      #expect(await abandoned.end().code == .cancelled)
      // On the same connection, so that the server has seen the cancellation before.
      let id = try await server.enqueue(spec()).jobID
      let jobs = try await server.call(
        "WorkerService/Fetch", { $0.encodeFetchRequest(fetch) },
        { codec, bytes throws(WireError) in try codec.decodeFetchResponse(bytes).jobs })
      #expect(jobs.map(\.lease.jobID) == [id])
      #expect(jobs.first?.attempt == 1)
    }
  }

  @Test func drainingEndsWhatWouldWaitForEver() async throws {
    try await withServer { server in
      let id = try await server.enqueue(spec(queue: "slow")).jobID
      let watcher = TestStream(server, "JobService/StreamEvents")
      try await watcher.send { $0.encodeStreamEventsRequest(EventsRequest()) }
      watcher.stream.finish()
      _ = try await watcher.next()
      let waiter = TestStream(server, "JobService/WaitJob")
      try await waiter.send { $0.encodeJobIDRequest(id) }
      waiter.stream.finish()
      let batches = TestStream(server, "JobService/EnqueueStream")
      try await batches.send { $0.encodeEnqueueBatchRequest([]) }
      _ = try await batches.next()
      let worker = TestStream(server, "WorkerService/Work")
      try await worker.send { $0.encodeWorkRequest(hello: hello("q")) }
      _ = try await worker.nextWork()
      await server.host.drain(within: .seconds(10))
      #expect(await watcher.end().code == .unavailable)
      #expect(await waiter.end().code == .unavailable)
      #expect(await batches.end().code == .unavailable)
      #expect(await worker.end() == .ok)
    }
  }

  @Test func aStoppedHostAnswersNobody() async throws {
    let server = try await TestServer(HostLimits())
    await server.channel.close()
    await server.server.shutdownGracefully(within: .seconds(0))
    try await server.host.stop()
    #expect(await server.host.statistics() == nil)
    #expect(await server.host.workers().isEmpty)
    await #expect(throws: StoreError.self) { try await server.host.queues() }
  }
}
