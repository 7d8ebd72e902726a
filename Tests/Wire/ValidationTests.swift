import Jobs
import Testing
import Wire

/// Each bound of the contract, just kept and just broken.
@Suite struct ValidationTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var field: String
    var job: Raw
    var testDescription: String { "\(field) \(job.bytes.prefix(40))" }
    init(_ field: String, _ job: Raw) {
      self.field = field
      self.job = job
    }
  }

  static let name = Raw.text(3, "n")
  static let long = String(repeating: "x", count: 129)

  static let refused: [Case] = [
    Case("job.id", name + .text(1, long)), Case("job.id", name + .text(1, "a b")), Case("job.id", name + .text(1, "ä")),
    Case("job.id", name + .bytes(1, [0x61, 0x00, 0x62])), Case("job.id", name + .bytes(1, [0])),
    Case("job.queue", name + .text(2, long)), Case("job.queue", name + .text(2, "a*")),
    Case("job.queue", name + .bytes(2, [0])), Case("job.queue", name + .bytes(2, [0x61, 0xFF])),
    Case("job.name", Raw()), Case("job.name", .text(3, String(repeating: "x", count: 257))),
    Case("job.name", .bytes(3, [0x61, 0])), Case("job.name", .bytes(3, [0xC3])),
    Case("job.name", .bytes(3, [0, 0x61])),
    Case("job.name", .bytes(3, [0xED, 0xA0, 0x80])),
    Case("job.content_type", name + .text(5, String(repeating: "x", count: 257))),
    Case("job.content_type", name + .bytes(5, [0x80])),
    Case("job.priority", name + .zigzag(6, 101)), Case("job.priority", name + .zigzag(6, -101)),
    Case("job.priority", name + .zigzag(6, Int64(Int32.min))),
    Case("job.metadata", name + .message(7, .bytes(1, [0xFF]))),
    Case("job.metadata", name + .message(7, .text(1, "k") + .bytes(2, [0x61, 0, 0x61]))),
    Case("job.metadata", (0..<65).reduce(name) { $0 + .message(7, .text(1, "k\($1)")) }),
    Case("job.metadata", name + .message(7, .text(1, "k") + .text(2, String(repeating: "v", count: 16 << 10)))),
    Case("job.retry.initial_backoff", name + .message(8, .time(2, -1))),
    Case("job.retry.max_backoff", name + .message(8, .time(3, 0, -1))),
    Case("job.retry.multiplier", name + .message(8, .double(4, .nan))),
    Case("job.retry.multiplier", name + .message(8, .double(4, -1))),
    Case("job.retry.multiplier", name + .message(8, .double(4, .infinity))),
    Case("job.retry.multiplier", name + .message(8, .double(4, 0.999))),
    Case("job.retry.jitter", name + .message(8, .double(5, .nan))),
    Case("job.retry.jitter", name + .message(8, .double(5, 1.01))),
    Case("job.retry.jitter", name + .message(8, .double(5, -.infinity))),
    Case("job.timeout", name + .time(9, 0)), Case("job.timeout", name + .time(9, -1)),
    Case("job.timeout", name + .time(9, .max)), Case("job.timeout", name + .time(9, .min)),
    Case("job.timeout", name + .time(9, 1, 1_000_000_000)), Case("job.timeout", name + .time(9, 1, -1)),
    Case("job.timeout", name + .time(9, 315_576_000_000)),
    Case("job.start_before", name + .time(10, 253_402_300_800)), Case("job.start_before", name + .time(10, .min)),
    Case("job.start_before", name + .time(10, 1, -1)), Case("job.start_before", name + .time(10, 1, 1_000_000_000)),
    Case("job.retention", name + .time(11, -1)),
    Case("job.unique.key", name + .message(12, Raw())),
    Case("job.unique.key", name + .message(12, .text(1, String(repeating: "k", count: 513)))),
    Case("job.unique.hold_for", name + .message(12, .text(1, "k") + .time(2, -1))),
    Case("job.unique.on_conflict", name + .message(12, .text(1, "k") + .number(3, 4))),
    Case("job.unique.on_conflict", name + .message(12, .text(1, "k") + .signed(3, -1))),
    Case("job.concurrency_key", name + .text(13, String(repeating: "k", count: 513))),
    Case("job.fairness_key", name + .text(14, String(repeating: "k", count: 513))),
    Case("job.batch_id", name + .text(16, long)), Case("job.batch_id", name + .text(16, "a b")),
    Case("job.on_dependency_failure", name + .number(17, 3)),
    Case("job.payload", name + .bytes(4, [UInt8](repeating: 0, count: 1_001))),
  ]

  static let accepted: [Raw] = [
    name + .text(1, String(repeating: "x", count: 128)), name + .text(1, "AZaz09_.:-"),
    .text(3, String(repeating: "x", count: 256)), .text(3, "any text: ä \u{1F600}"),
    name + .zigzag(6, 100), name + .zigzag(6, -100),
    (0..<64).reduce(name) { $0 + .message(7, .text(1, "k\($1)")) },
    name + .message(7, .text(1, "k") + .text(2, String(repeating: "v", count: (16 << 10) - 1))),
    name + .time(9, 0, 1), name + .time(10, 253_402_300_799, 999_999_999), name + .time(10, -62_135_596_800),
    name + .time(11, 0), name + .message(12, .text(1, String(repeating: "k", count: 512)) + .number(3, 3)),
    name + .message(8, .double(5, 1)), name + .message(8, .double(4, 1)),
    name + .bytes(4, [UInt8](repeating: 0, count: 1_000)),
    // A field of a later version.
    name + .text(999, "hello"),
  ]

  @Test(arguments: refused) func isRefused(_ test: Case) throws {
    let codec = Codec(bounds: Bounds(payload: 1_000))
    let error = codec.refusal(Raw.message(1, test.job).bytes, codec.decodeEnqueueRequest)
    #expect(error?.field == test.field)
    #expect(error?.kind == .invalid)
    #expect(error?.rule.isEmpty == false)
  }

  @Test(arguments: accepted.indices) func isAccepted(_ index: Int) throws {
    let codec = Codec(bounds: Bounds(payload: 1_000))
    _ = try codec.enqueue(Raw.message(1, Self.accepted[index]).bytes)
  }

  @Test func textOfARefusal() {
    let codec = Codec()
    let error = codec.refusal(Raw.message(1, Self.name + .text(2, "a b")).bytes, codec.decodeEnqueueRequest)
    #expect(error?.description == "job.queue: at most 128 characters of [A-Za-z0-9_.:-]")
    #expect(codec.refusal([], codec.decodeEnqueueRequest)?.description == "job: required")
    #expect(codec.refusal([0xFF], codec.decodeEnqueueRequest)?.field == "")
    let durability = Raw.message(1, Self.name) + .number(2, 9)
    #expect(codec.refusal(durability.bytes, codec.decodeEnqueueRequest)?.field == "durability")
  }

  @Test func otherRequests() {
    let codec = Codec()
    #expect(codec.refusal([], codec.decodeJobIDRequest)?.field == "job_id")
    #expect(codec.refusal(Raw.bytes(1, [0]).bytes, codec.decodeJobIDRequest)?.field == "job_id")
    for token in ["x", "-1", "01", "+1", "99999999999999999999"] {
      #expect(codec.refusal(Raw.text(6, token).bytes, codec.decodeListJobsRequest)?.field == "page_token")
      #expect(codec.refusal(Raw.text(1, token).bytes, codec.decodeStreamEventsRequest)?.field == "after_cursor")
    }
    #expect(codec.refusal(Raw.number(2, 0).bytes, codec.decodeListJobsRequest)?.field == "states")
    #expect(codec.refusal(Raw.number(2, 10).bytes, codec.decodeListJobsRequest)?.field == "states")
    #expect(codec.refusal(Raw.number(5, 13).bytes, codec.decodeStreamEventsRequest)?.field == "types")
    let running = Raw.text(1, "q") + .number(2, 3)
    #expect(codec.refusal(running.bytes, codec.decodePurgeQueueRequest)?.field == "states")
    #expect(codec.refusal(running.bytes, codec.decodeRetryJobsRequest)?.field == "states")
    #expect(codec.refusal([], codec.decodePurgeQueueRequest)?.field == "queue")
    #expect(codec.refusal([], codec.decodeQueueRequest)?.field == "queue")
    #expect(codec.refusal([], codec.decodeFetchRequest)?.field == "worker_id")
    let lease = Raw.text(1, "w") + .time(6, 0)
    #expect(codec.refusal(lease.bytes, codec.decodeFetchRequest)?.field == "lease")
    let jobs = (0..<1_001).reduce(Raw()) { sum, _ in sum + .message(1, .message(1, Self.name)) }
    #expect(
      codec.refusal(jobs.bytes) { bytes throws(WireError) in try codec.decodeEnqueueBatchRequest(bytes, now: now) }?
        .field == "jobs")
  }

  @Test func workerMessages() {
    let codec = Codec()
    func field(_ request: Raw) -> String? { codec.refusal(request.bytes, codec.decodeWorkRequest)?.field }
    #expect(field(.message(1, .message(2, .text(1, "a**")))) == "hello.queues")
    #expect(field(.message(1, .bytes(1, [0x61, 0]))) == "hello.worker_id")
    #expect(field(.message(1, .time(6, -1))) == "hello.resume_window")
    #expect(field(.message(1, .message(2, .text(1, "a.*")) + .message(2, .text(1, "*")))) == nil)
  }

  /// Each costs itself only.
  @Test func outcomesThatCannotBeTaken() throws {
    let codec = Codec(bounds: Bounds(payload: 10))
    let lease = Raw.message(1, .text(1, "j") + .number(2, 5))
    let success = Raw.message(2, Raw())
    let bad: [(Raw, String)] = [
      (lease, "how: required"), (success, "lease.job_id"), (.message(1, Raw()) + success, "lease.job_id"),
      (.message(1, .text(1, "a b")) + success, "lease.job_id"),
      (.message(1, .bytes(1, [0x61, 0])) + success, "lease.job_id"),
      (.message(1, .text(1, Self.long)) + success, "lease.job_id"),
      (lease + .message(2, .bytes(1, [UInt8](repeating: 1, count: 11))), "success.result: 11 bytes"),
    ]
    let all = bad.reduce(Raw()) { $0 + .message(4, $1.0) } + .message(4, lease + success)
    let outcomes = try codec.decodeWorkRequest(all.bytes.span.bytes).message.outcomes
    #expect(outcomes.count == bad.count + 1)
    for (outcome, expected) in zip(outcomes, bad) {
      guard case .refused(let rule) = outcome.how else {
        Issue.record("taken: \(outcome)")
        continue
      }
      #expect(rule.hasPrefix(expected.1))
    }
    guard case .success = outcomes.last?.how else { throw WireErrorExpected() }
    let report = try codec.decodeReportRequest((Raw.message(4, Raw()) + .message(4, .text(1, "j"))).bytes.span.bytes)
    #expect(report.extend == [Lease(jobID: "", token: 0), Lease(jobID: "j", token: 0)])
  }

  @Test func whatIsClamped() throws {
    let codec = Codec()
    let lease = Raw.message(1, .text(1, "j") + .number(2, 5))
    func release(_ delay: Raw) throws -> Interval? {
      let outcome = Raw.message(4, lease + .message(4, delay))
      guard case .release(let delay) = try codec.decodeWorkRequest(outcome.bytes.span.bytes).message.outcomes[0].how
      else { throw WireErrorExpected() }
      return delay
    }
    #expect(try release(Raw()) == nil)
    #expect(try release(.time(1, -1)) == .zero)
    #expect(try release(.time(1, .min, .min)) == .zero)
    #expect(try release(.time(1, 1, -1)) == .microseconds(1_000_000))
    #expect(try release(.time(1, .max, .max))?.seconds ?? 0 > 3e9)
    #expect(try release(.time(1, 1, 1)) == .microseconds(1_000_001))
    let progress =
      Raw.message(5, lease) + .message(5, .message(2, .number(1, 7)))
      + .message(5, lease + .message(2, .number(1, 101) + .bytes(2, [0x61, 0, 0x62])))
    let reports = try codec.decodeWorkRequest(progress.bytes.span.bytes).message.progress
    #expect(reports.count == 1)
    #expect(reports.first?.progress.percent == 100)
    #expect(reports.first?.progress.message == "a\u{FFFD}b")
    let hello = Raw.message(
      1, .number(4, 4_000_000_000) + .time(6, 0) + .message(8, .bytes(1, [0xFF])) + .message(8, Raw()))
    let words = try codec.decodeWorkRequest(hello.bytes.span.bytes)
    #expect(words.hello?.maxInFlight == 10_000)
    #expect(words.hello?.resumeWindow == .zero)
    #expect(words.hello?.held.count == 2)
    #expect(
      try codec.decodeWorkRequest(Raw.message(1, .time(6, 9_999)).bytes.span.bytes).hello?.resumeWindow == .minutes(10))
    #expect(try codec.decodeWorkRequest(Raw.message(3, .number(1, 10_001)).bytes.span.bytes).message.capacity == 10_000)
    let fetch = Raw.text(1, "w") + .number(4, 4_000_000_000) + .time(5, 3_600)
    #expect(try codec.decodeFetchRequest(fetch.bytes.span.bytes).maxJobs == 1_000)
    #expect(try codec.decodeFetchRequest(fetch.bytes.span.bytes).maxWait == .seconds(60))
    #expect(try codec.decodeListJobsRequest(Raw.number(5, 4_000_000_000).bytes.span.bytes).limit == 1_000)
    #expect(try codec.decodeListQueuesRequest(Raw.number(2, 10_001).bytes.span.bytes).limit == 10_000)
    #expect(try codec.decodeListQueuesRequest([UInt8]().span.bytes).limit == 1_000)
    #expect(try codec.decodeListWorkersRequest(Raw.number(2, 1_001).bytes.span.bytes).limit == 1_000)
    #expect(try codec.decodeListWorkersRequest([UInt8]().span.bytes).limit == 100)
    #expect(codec.refusal(Raw.text(3, "x").bytes, codec.decodeListQueuesRequest)?.field == "page_token")
    #expect(codec.refusal(Raw.text(3, "x").bytes, codec.decodeListWorkersRequest)?.field == "page_token")
    for action in [0, 5, 99] as [UInt64] {
      #expect(codec.refusal(Raw.number(1, action).bytes, codec.decodeChangeJobsRequest)?.field == "action")
    }
  }

  @Test func dependencies() throws {
    let codec = Codec(bounds: Bounds(takesDependencies: true))
    func job(_ spec: Raw) throws -> NewJob { try codec.enqueue(Raw.message(1, Self.name + spec).bytes).0 }
    func field(_ spec: Raw) -> String? {
      codec.refusal(Raw.message(1, Self.name + spec).bytes, codec.decodeEnqueueRequest)?.field
    }
    let hundred = (0..<100).reduce(Raw()) { $0 + .text(15, "j\($1)") }
    #expect(try job(hundred + hundred).options.dependsOn.count == 100)
    #expect(field(hundred + .text(15, "one-more")) == "job.depends_on")
    #expect(try job(.text(15, "b") + .text(15, "a") + .text(15, "b")).options.dependsOn == ["b", "a"])
    for wrong in ["", "a b", Self.long] { #expect(field(.text(15, wrong)) == "job.depends_on") }
    #expect(field(.text(1, "me") + .text(15, "other") + .text(15, "me")) == "job.depends_on")
    #expect(try job(.text(15, "b") + .number(17, 2)).options.onDependencyFailure == .run)
    #expect(try job(.text(15, "b")).options.onDependencyFailure == .cancel)
  }

  @Test func aJobThatNoMessageHolds() throws {
    let codec = Codec(bounds: Bounds(payload: 64 << 20))
    func field(_ size: Int) -> String? {
      codec.refusal(
        Raw.message(1, Self.name + .bytes(4, [UInt8](repeating: 0, count: size))).bytes, codec.decodeEnqueueRequest)?
        .field
    }
    #expect(field(4 << 20) == "job")
    #expect(field(4_100_000) == nil)
  }

  /// A report is never lost for its length.
  @Test func longFailuresAreCut() throws {
    let codec = Codec(bounds: Bounds(payload: 10))
    let lease = Raw.message(1, .text(1, "j") + .number(2, 5))
    let text = String(repeating: "é", count: 40_000)
    let outcome = Raw.message(4, lease + .message(3, .text(1, text) + .text(2, text) + .text(3, text)))
    guard case .failure(let failure) = try codec.decodeWorkRequest(outcome.bytes.span.bytes).message.outcomes[0].how
    else { throw WireErrorExpected() }
    #expect(failure.type.utf8.count == 1 << 10)
    #expect(failure.message.utf8.count == 8 << 10)
    #expect(failure.backtrace.utf8.count == 32 << 10)
    #expect(failure.message.allSatisfy { $0 == "é" })
    #expect(!failure.retryable)
    let success = Raw.message(4, lease + .message(2, .bytes(1, [UInt8](repeating: 1, count: 11))))
    guard case .refused = try codec.decodeWorkRequest(success.bytes.span.bytes).message.outcomes[0].how
    else { throw WireErrorExpected() }
  }

  struct WireErrorExpected: Error {}

  /// Two bytes each on the wire, a hundred each in memory.
  @Test func emptySubmessagesDoNotFillTheMemory() {
    let codec = Codec()
    let flood = [UInt8]((0..<1_000_000).flatMap { _ in [0x0A, 0x00] as [UInt8] })
    let error = codec.refusal(flood) { bytes throws(WireError) in try codec.decodeEnqueueBatchRequest(bytes, now: now) }
    #expect(error != nil)
    // And the codec goes on.
    #expect(codec.refusal(Raw.text(1, "j").bytes, codec.decodeJobIDRequest) == nil)
  }
}
