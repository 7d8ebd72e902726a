import Jobs
import Testing
import Wire

@Suite struct EnqueueTests {
  let codec = Codec()

  @Test func everyFieldArrives() throws {
    let bytes = codec.bytes { $0.encodeEnqueueRequest(fullSpec(), .relaxed) }
    let (job, durability) = try codec.enqueue(bytes)
    #expect(durability == .relaxed)
    #expect(job.id == "job-1:a.b_C")
    #expect(job.queue == "mail.eu")
    #expect(job.name == "email.send ä")
    #expect(job.priority == -7)
    #expect(job.runAt == nil)
    #expect(job.payloadSize == 4)
    let spec = fullSpec()
    #expect(job.options.retry == spec.retry)
    #expect(job.options.timeout == spec.timeout)
    #expect(job.options.startBefore == spec.startBefore)
    #expect(job.options.retention == spec.retention)
    #expect(job.options.unique == spec.unique)
    #expect(job.options.concurrencyKey == "tenant-7")
    #expect(job.options.fairnessKey == "t")
    #expect(job.options.batchID == "batch-9")
  }

  @Test func whatIsNotSetHasItsDefault() throws {
    var spec = JobSpec()
    spec.name = "n"
    let (job, durability) = try codec.enqueue(codec.bytes { $0.encodeEnqueueRequest(spec) })
    #expect(durability == nil)
    #expect(job.id == "")
    #expect(job.queue == "default")
    #expect(job.body == [])
    #expect(job.options === JobOptions.standard)
  }

  /// The stored body becomes part of the assignment, and of the job that is shown, without loss.
  @Test func bodyReachesWorkerAndWatcher() throws {
    let (job, _) = try codec.enqueue(codec.bytes { $0.encodeEnqueueRequest(fullSpec()) })
    let claimed = ClaimedJob(
      lease: Lease(jobID: job.id, token: 77), worker: 0, attempt: 2, job: job, createdAt: now, readyAt: now,
      deadline: now + .seconds(5))
    let update = WorkerUpdate(seq: 3, jobs: [claimed, claimed])
    let response = try codec.decodeWorkResponse(
      codec.bytes { $0.encodeWorkResponse(update, serverID: "s", serverVersion: "1") }.span.bytes)
    #expect(response.seq == 3)
    #expect(response.jobs.count == 2)
    for given in response.jobs {
      #expect(given.lease == Lease(jobID: job.id, token: 77))
      #expect(given.attempt == 2)
      #expect(given.queue == "mail.eu")
      #expect(given.name == "email.send ä")
      #expect(given.payload == [0, 1, 2, 255])
      #expect(given.contentType == "application/json")
      #expect(given.metadata == fullSpec().metadata)
      #expect(given.createdAt == now)
      #expect(given.deadline == now + .seconds(5))
      #expect(given.maxAttempts == 3)
      #expect(given.priority == -7)
    }
    let record = JobRecord(seq: 1, job: job, state: .ready, createdAt: now, runAt: now)
    let shown = try codec.decodeJobResponse(
      codec.bytes { $0.encodeJobResponse(record, Annotation(waitingReason: "why")) }.span.bytes)
    #expect(shown.spec == fullSpec())
    #expect(shown.waitingReason == "why")
  }

  @Test(arguments: [0, 1, 63, 64, 65, 127, 128, 16_383, 16_384, 100_000])
  func payloadOfAnySize(size: Int) throws {
    var spec = JobSpec()
    spec.name = "n"
    spec.payload = [UInt8](repeating: 7, count: size)
    let (job, _) = try codec.enqueue(codec.bytes { $0.encodeEnqueueRequest(spec) })
    let claimed = ClaimedJob(
      lease: Lease(jobID: "j", token: 1), worker: 0, attempt: 1, job: job, createdAt: now, readyAt: now, deadline: nil)
    let bytes = codec.bytes { $0.encodeFetchResponse([claimed], lease: .seconds(30)) }
    let response = try codec.decodeFetchResponse(bytes.span.bytes)
    #expect(response.jobs.first?.payload == spec.payload)
    #expect(response.lease == .seconds(30))
  }

  @Test func shownDefaults() throws {
    var spec = JobSpec()
    spec.name = "n"
    let (job, _) = try codec.enqueue(codec.bytes { $0.encodeEnqueueRequest(spec) })
    let record = JobRecord(seq: 1, job: job, state: .ready, createdAt: now, runAt: now)
    let shown = try codec.decodeJobResponse(codec.bytes { $0.encodeJobResponse(record, nil) }.span.bytes)
    #expect(shown.spec.queue == "default")
    #expect(shown.spec.retry == .standard)
  }

  @Test func negativeJitterIsNone() throws {
    let retry = Raw.message(8, .double(5, -1))
    let request = Raw.message(1, .text(3, "n") + retry)
    #expect(try codec.enqueue(request.bytes).0.options.retry.jitter == 0)
  }

  @Test func delaysAndTimes() throws {
    func runAt(_ when: Raw) throws -> Timestamp? {
      let request = Raw.message(1, .text(3, "n")) + when
      return try codec.decodeScheduleRequest(request.bytes.span.bytes, now: now).0.runAt
    }
    #expect(try runAt(.time(3, 10)) == now + .seconds(10))
    #expect(try runAt(.time(3, 0)) == now)
    // Never early: up to the next microsecond.
    #expect(try runAt(.time(3, 0, 1)) == now + .microseconds(1))
    #expect(try runAt(.time(2, 1_800_000_000, 999_999_999)) == Timestamp(microseconds: 1_800_000_001_000_000))
    #expect(try runAt(.time(2, -5)) == .distantPast)
    #expect(throws: WireError.self) { try runAt(Raw()) }
  }

  @Test func eachJobOfABatchIsJudgedAlone() throws {
    var bad = JobSpec()
    bad.queue = "no spaces"
    bad.name = "n"
    var good = JobSpec()
    good.name = "n"
    let bytes = codec.bytes {
      $0.encodeEnqueueBatchRequest(
        [JobOrder(job: good), JobOrder(job: bad), JobOrder(job: good, time: .after(.seconds(1)))], allOrNothing: true,
        .synced)
    }
    let batch = try codec.decodeEnqueueBatchRequest(bytes.span.bytes, now: now)
    #expect(batch.allOrNothing)
    #expect(batch.durability == .synced)
    guard case .job(let first) = batch.entries[0], case .refused(let error) = batch.entries[1],
      case .job(let third) = batch.entries[2]
    else {
      Issue.record("\(batch)")
      return
    }
    #expect(first.runAt == nil)
    #expect(error.field == "job.queue")
    #expect(third.runAt == now + .seconds(1))
  }

  @Test func batchResponsesKeepTheirOrder() throws {
    let results = [
      BatchResult(jobID: "a", state: .ready), BatchResult(jobID: "b", duplicate: true, state: .dead),
      BatchResult(statusCode: 3, statusMessage: "no"),
    ]
    let bytes = codec.bytes { $0.encodeEnqueueBatchResponse(results) }
    #expect(try codec.decodeEnqueueBatchResponse(bytes.span.bytes) == results)
  }
}
