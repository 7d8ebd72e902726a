import Jobs
import Testing
import Wire

@Suite struct RoundTripTests {
  let codec = Codec()

  @Test func workerWords() throws {
    let hello = WorkerHello(
      workerID: "w",
      subscriptions: [Subscription(pattern: QueuePattern("a*"), weight: 3), Subscription(pattern: QueuePattern("b"))],
      names: ["x", "y"], maxInFlight: 5, maxInFlightBytes: 1 << 40, resumeWindow: .seconds(3),
      labels: ["host": "h"], held: [Lease(jobID: "j", token: .max)])
    let message = WorkerMessage(
      ackSeq: 9, capacity: 0,
      outcomes: [
        WorkerOutcome(lease: Lease(jobID: "a", token: 1), how: .success(result: [1, 2])),
        WorkerOutcome(
          lease: Lease(jobID: "b", token: 2),
          how: .failure(Failure(type: "T", message: "m", backtrace: "b", retryable: true))),
        WorkerOutcome(lease: Lease(jobID: "c", token: 3), how: .release(delay: .seconds(1))),
        WorkerOutcome(lease: Lease(jobID: "d", token: 4), how: .release(delay: nil)),
        WorkerOutcome(lease: Lease(jobID: "e", token: 5), how: .canceled),
      ],
      progress: [ProgressReport(lease: Lease(jobID: "a", token: 1), progress: Progress(percent: 50, message: "half"))],
      drain: true)
    let words = try codec.decodeWorkRequest(codec.bytes { $0.encodeWorkRequest(hello: hello, message) }.span.bytes)
    let got = try #require(words.hello)
    #expect(got.workerID == "w")
    #expect(got.subscriptions == hello.subscriptions)
    #expect(got.names == ["x", "y"])
    #expect(got.maxInFlight == 5)
    #expect(got.maxInFlightBytes == 1 << 40)
    #expect(got.resumeWindow == .seconds(3))
    #expect(got.labels == ["host": "h"])
    #expect(got.held == hello.held)
    #expect(words.message.ackSeq == 9)
    #expect(words.message.capacity == 0)
    #expect(words.message.drain)
    #expect("\(words.message.outcomes)" == "\(message.outcomes)")
    #expect("\(words.message.progress)" == "\(message.progress)")
  }

  @Test func anEmptyMessageIsAHeartbeat() throws {
    let words = try codec.decodeWorkRequest([UInt8]().span.bytes)
    #expect(words.hello == nil)
    #expect(words.message.capacity == nil)
    #expect(codec.bytes { $0.encodeWorkRequest() }.isEmpty)
  }

  @Test func serverWords() throws {
    let lease = Lease(jobID: "j", token: 8)
    let update = WorkerUpdate(
      seq: 1, welcome: Welcome(workerID: "w", lease: .seconds(2), heartbeat: .milliseconds(666), lost: [lease]),
      results: [
        LeaseResult(lease: lease, code: .stored), LeaseResult(lease: lease, code: .notHeld),
        LeaseResult(lease: lease, code: .failed(StoreError(.unavailable, "away"))),
      ],
      cancellations: [
        CancelNotice(lease: lease, reason: .canceled("why")), CancelNotice(lease: lease, reason: .timeout),
        CancelNotice(lease: lease, reason: .leaseLost),
      ], drain: true)
    let got = try codec.decodeWorkResponse(
      codec.bytes { $0.encodeWorkResponse(update, serverID: "srv", serverVersion: "1.2") }.span.bytes)
    let welcome = try #require(got.welcome)
    #expect(welcome.workerID == "w")
    #expect(welcome.serverID == "srv")
    #expect(welcome.serverVersion == "1.2")
    #expect(welcome.lease == .seconds(2))
    #expect(welcome.heartbeat == .milliseconds(666))
    #expect(welcome.lost == [lease])
    #expect(got.results.map(\.statusCode) == [0, 9, 14])
    #expect(got.cancellations.map(\.reason) == ["canceled", "timeout", "lease lost"])
    #expect(got.drain)
  }

  @Test func events() throws {
    let failure = Failure(type: "T", message: "m", backtrace: "b", retryable: true, at: now, attempt: 2, workerID: "w")
    let events = Event.Kind.allCases.enumerated().map { index, kind in
      let details: [Event.Detail] = [
        .none, .failure(failure), .retry(failure, nextRunAt: now),
        .progress(Progress(percent: 1, message: "p", at: now)),
        .due(now),
      ]
      return Event(
        cursor: Int64(index) + 5, kind: kind, at: now, jobID: "j", queue: "q", name: "n", attempt: 3, workerID: "w",
        batchID: "b", detail: details[index % details.count])
    }
    let bytes = codec.bytes { $0.encodeStreamEventsResponse(events, from: 0, cursor: 99, size: 1 << 20).size }
    let got = try codec.decodeStreamEventsResponse(bytes.span.bytes)
    #expect(got.events == events)
    #expect(got.cursor == "99")
  }

  /// Many long events leave in messages of bounded size, each with the cursor to go on from.
  @Test func manyEventsAreSplit() throws {
    let failure = Failure(type: "T", message: String(repeating: "m", count: 8_000))
    let events = (1...100).map { Event(cursor: Int64($0), kind: .dead, at: now, detail: .failure(failure)) }
    var start = 0
    var got: [Event] = []
    var messages = 0
    while start < events.count {
      let (size, next) = codec.encodeStreamEventsResponse(events, from: start, cursor: 100, size: 64 << 10)
      #expect(size < 80 << 10)
      let part = try codec.decodeStreamEventsResponse(codec.packed().span.bytes)
      got += part.events
      #expect(part.cursor == String(got.last?.cursor ?? 0))
      start = next
      messages += 1
    }
    #expect(got.map(\.cursor) == events.map(\.cursor))
    #expect(messages > 10)
  }

  @Test func jobs() throws {
    var record = JobRecord(
      seq: 4, job: NewJob(id: "j", name: "n"), state: .running, createdAt: now, runAt: now + .seconds(1))
    record.attempt = 2
    record.lost = 1
    record.startedAt = now + .seconds(2)
    record.leaseUntil = now + .seconds(9)
    record.workerID = "w"
    record.failures = [Failure(type: "T", message: "m", at: now, attempt: 1, workerID: "v")]
    record.progress = Progress(percent: 10, message: "p", at: now)
    let bytes = codec.bytes { $0.encodeListJobsResponse([record, record], [], nextPageToken: "4") }
    let page = try codec.decodeListJobsResponse(bytes.span.bytes)
    #expect(page.nextPageToken == "4")
    #expect(page.jobs.count == 2)
    let job = page.jobs[0]
    #expect(job.state == .running)
    #expect(job.attempt == 2)
    #expect(job.lost == 1)
    #expect(job.startedAt == record.startedAt)
    #expect(job.finishedAt == nil)
    #expect(job.leaseExpiresAt == record.leaseUntil)
    #expect(job.workerID == "w")
    #expect(job.failures == record.failures)
    #expect(job.progress == record.progress)
    let query = try codec.decodeListJobsRequest(
      codec.bytes {
        var query = JobQuery()
        query.states = [.dead, .ready]
        query.limit = 7
        return $0.encodeListJobsRequest(query, pageToken: "4")
      }.span.bytes)
    #expect(query.states == [.dead, .ready])
    #expect(query.limit == 7)
    #expect(query.before == 4)
  }
}
