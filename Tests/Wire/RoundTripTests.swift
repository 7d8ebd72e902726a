import Jobs
import Testing
import Wire

@Suite struct RoundTripTests {
  let codec = Codec()

  @Test func theLibraryDecodesTextsAsTheyAreTakenToBe() { #expect(Codec.fitsLibrary) }

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
        LeaseResult(lease: Lease(jobID: "", token: 0), code: .refused("how: required")),
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
    #expect(got.results.map(\.statusCode) == [0, 9, 14, 3])
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

  @Test func whatFlowAddsToJobs() throws {
    var spec = fullSpec()
    spec.dependsOn = ["a", "b"]
    spec.onDependencyFailure = .run
    let flow = Codec(bounds: Bounds(takesDependencies: true))
    var (job, _) = try flow.enqueue(flow.bytes { $0.encodeEnqueueRequest(spec) })
    #expect(job.options.dependsOn == ["a", "b"])
    #expect(job.options.onDependencyFailure == .run)
    #expect(job.options.batchID == "batch-9")
    job.options = JobOptions(
      batchID: "b9", dependsOn: ["a", "b"], onDependencyFailure: .run, recurringJobID: "every-night")
    var record = JobRecord(seq: 1, job: job, state: .blocked, createdAt: now, runAt: now)
    record.attempt = 1
    let shown = try codec.decodeJobResponse(
      codec.bytes { $0.encodeJobResponse(record, Annotation(waitingReason: "w", dependenciesOpen: 2)) }.span.bytes)
    #expect(shown.dependenciesOpen == 2)
    #expect(shown.recurringJobID == "every-night")
    #expect(shown.spec.dependsOn == ["a", "b"])
    #expect(shown.spec.onDependencyFailure == .run)
    let claimed = ClaimedJob(
      lease: Lease(jobID: "j", token: 1), worker: 0, attempt: 1, job: job, createdAt: now, readyAt: now, deadline: nil)
    let given = try codec.decodeFetchResponse(
      codec.bytes { $0.encodeFetchResponse([claimed], lease: .seconds(1)) }.span.bytes)
    #expect(given.jobs.first?.dependsOn == ["a", "b"])
    #expect(given.jobs.first?.batchID == "b9")
    #expect(given.jobs.first?.metadata == spec.metadata)
    var query = JobQuery()
    query.concurrencyKey = "c"
    query.fairnessKey = "f"
    query.recurringJobID = "r"
    query.batchID = "b"
    let got = try codec.decodeListJobsRequest(codec.bytes { $0.encodeListJobsRequest(query) }.span.bytes)
    #expect(got.concurrencyKey == "c" && got.fairnessKey == "f" && got.recurringJobID == "r" && got.batchID == "b")
  }

  @Test func bulkChanges() throws {
    for action in [
      BulkChange.Action.count, .retry(resetAttempts: true), .cancel(reason: "why"), .delete,
    ] {
      var query = JobQuery()
      query.states = [.dead, .ready]
      query.queue = "q"
      query.name = "n"
      query.batchID = "b"
      query.concurrencyKey = "c"
      query.createdBefore = now
      let got = try codec.decodeChangeJobsRequest(
        codec.bytes { $0.encodeChangeJobsRequest(BulkChange(action: action, query: query)) }.span.bytes)
      #expect(got.action == action)
      #expect(got.query.states == query.states && got.query.queue == "q" && got.query.name == "n")
      #expect(got.query.batchID == "b" && got.query.concurrencyKey == "c" && got.query.createdBefore == now)
    }
  }

  @Test func pagesOfQueuesWorkersAndServers() throws {
    let queues = (0..<5).map { QueueView(statistics: QueueStatistics(name: "q\($0)"), oldestReadyAge: nil, workers: 1) }
    let first = try codec.decodeQueues(codec.bytes { $0.encodeQueues(queues, limit: 4) }.span.bytes)
    #expect(first.queues.map(\.statistics.name) == ["q0", "q1", "q2", "q3"])
    let next = try codec.decodeListQueuesRequest(
      codec.bytes { $0.encodeListQueuesRequest(prefix: "q", pageSize: 4, pageToken: first.next) }.span.bytes)
    #expect(next == QueueQuery(prefix: "q", after: "q3", limit: 4))
    #expect(try codec.decodeQueues(codec.bytes { $0.encodeQueues(queues, limit: 5) }.span.bytes).next.isEmpty)
    // Labels that would make one message too large are split over several.
    let labels = ["l": String(repeating: "x", count: 16_000)]
    let workers = (0..<1_000).map {
      WorkerView(
        workerID: "w\($0)", queues: ["q"], names: ["n"], maxInFlight: 1, running: 0, connectedAt: now, lastSeenAt: now,
        address: "a",
        labels: labels)
    }
    let bytes = codec.bytes { $0.encodeWorkers(workers, limit: 1_000) }
    #expect(bytes.count < 4 << 20)
    let page = try codec.decodeWorkers(bytes.span.bytes)
    #expect((200..<300).contains(page.workers.count))
    let query = try codec.decodeListWorkersRequest(
      codec.bytes { $0.encodeListWorkersRequest(queue: "q", pageSize: 9, pageToken: page.next) }.span.bytes)
    #expect(query == WorkerQuery(queue: "q", after: page.workers.last?.workerID ?? "", limit: 9))
    let server = ServerView(
      serverID: "s", address: "a:1", version: "1", leads: true, startedAt: now, lastSeenAt: now, workers: 3)
    #expect(
      try codec.decodeServers(codec.bytes { $0.encodeServers([server, server]) }.span.bytes) == [server, server])
  }

  /// What is estimated from lengths is never less than what is sent.
  @Test func estimatesAreUpperBounds() throws {
    let text = String(repeating: "x", count: 128)
    let flow = Codec(bounds: Bounds(takesDependencies: true))
    var spec = fullSpec()
    (spec.id, spec.queue, spec.batchID) = (text, text, text)
    spec.name = String(repeating: "n", count: 256)
    (spec.concurrencyKey, spec.fairnessKey) = (text, text)
    spec.unique = Uniqueness(key: String(repeating: "k", count: 512), holdFor: .hours(99_999))
    spec.dependsOn = (0..<100).map { String(repeating: "d", count: 125) + String($0 + 100) }
    spec.metadata = Dictionary(uniqueKeysWithValues: (0..<64).map { ("k\($0)", String(repeating: "v", count: 200)) })
    spec.payload = [UInt8](repeating: 7, count: 5_000)
    let (job, _) = try flow.enqueue(flow.bytes { $0.encodeEnqueueRequest(spec) })
    let lease = Lease(jobID: text, token: .max)
    let claimed = ClaimedJob(
      lease: lease, worker: 0, attempt: .max, job: job, createdAt: now, readyAt: now, deadline: now)
    #expect(codec.encodeFetchResponse([claimed], lease: .seconds(1)) <= claimed.messageSize + 32)
    var record = JobRecord(seq: 1, job: job, state: .running, createdAt: now, runAt: now)
    record.result = [UInt8](repeating: 1, count: 999)
    record.failures = (0..<10).map { _ in
      Failure(type: text, message: text, backtrace: text, retryable: true, at: now, attempt: .max, workerID: text)
    }
    record.progress = Progress(percent: 100, message: text, at: now)
    record.workerID = text
    (record.startedAt, record.finishedAt, record.leaseUntil) = (now, now, now)
    #expect(codec.encodeJobResponse(record, Annotation(waitingReason: text)) <= record.messageSize)
    for code in [LeaseResult.Code.stored, .notHeld, .failed(StoreError(.full, text)), .refused(text)] {
      let result = LeaseResult(lease: lease, code: code)
      #expect(codec.encodeReportResponse([result], []) <= result.messageSize)
    }
    #expect(
      codec.encodeReportResponse([], [CancelNotice(lease: lease, reason: .leaseLost)])
        <= CancelNotice(lease: lease, reason: .leaseLost).messageSize)
    var figures = QueueStatistics(name: text)
    (figures.ready, figures.scheduled, figures.running, figures.dead) = (.max, .max, .max, .max)
    (figures.blocked, figures.succeededTotal, figures.failedTotal, figures.paused) = (.max, .max, .max, true)
    let queue = QueueView(statistics: figures, oldestReadyAge: .hours(9_999), workers: .max)
    #expect(codec.encodeQueues([queue], limit: 1) <= queue.messageSize)
    var worker = WorkerView(
      workerID: text, serverID: text, queues: ["", text], names: [text, ""], maxInFlight: .max, running: .max,
      lostTotal: .max, succeededTotal: .max, failedTotal: .max, draining: true, connectedAt: now, lastSeenAt: now,
      address: text, labels: ["": "", text: text])
    worker.queues += (0..<50).map { "q\($0)*" }
    #expect(codec.encodeWorkers([worker], limit: 1) <= worker.messageSize)
  }
}
