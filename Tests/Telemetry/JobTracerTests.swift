import Jobs
import Testing
import Wire

@testable import Telemetry

private let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
private let t0 = Timestamp(seconds: 1_000)

private func at(_ milliseconds: Int64) -> Timestamp { t0 + .milliseconds(milliseconds) }

private func body(_ traceparent: String?) -> [UInt8] {
  Codec.body(payload: [1, 2, 3], contentType: "", metadata: traceparent.map { [("traceparent", $0)] } ?? [])
}

private func enqueued(_ id: String, _ traceparent: String?, at time: Timestamp = t0) -> JobTracer.Step {
  var set = ChangeSet(number: 1, now: time, durability: .synced)
  let head = JobHead(seq: 1, job: NewJob(id: id, queue: "q", name: "n"), isChosen: true, createdAt: time)
  set.jobs = [
    JobChange(head: head, standing: JobStanding(state: .ready, runAt: time), isNew: true, body: body(traceparent))
  ]
  set.events = [Event(cursor: 1, kind: .enqueued, at: time, jobID: id, queue: "q", name: "n")]
  return .stored([set], at: time + .milliseconds(2))
}

private func assigned(_ id: String, _ traceparent: String?, readyAt: Timestamp = t0) -> JobTracer.Step {
  .assigned([
    ClaimedJob(
      lease: Lease(jobID: id, token: 7), worker: 0, attempt: 1,
      job: NewJob(id: id, queue: "q", name: "n", body: body(traceparent)), createdAt: t0, readyAt: readyAt,
      deadline: nil)
  ])
}

private func happened(_ events: [Event]) -> JobTracer.Step {
  var set = ChangeSet(number: 2, now: events[0].at, durability: .synced)
  set.events = events
  return .stored([set], at: events[0].at)
}

private func event(
  _ kind: Event.Kind, _ id: String, _ time: Timestamp, attempt: UInt32 = 1, worker: String = "w",
  detail: Event.Detail = .none
) -> Event {
  Event(
    cursor: 2, kind: kind, at: time, jobID: id, queue: "q", name: "n", attempt: attempt, workerID: worker,
    detail: detail)
}

@Suite struct JobTracerTests {
  private var tracer = JobTracer(ratio: 0)

  private mutating func take(_ step: JobTracer.Step) -> (spans: [Span], unknown: [Event]) {
    var spans: [Span] = []
    let unknown = tracer.take(step, into: &spans)
    return (spans, unknown)
  }

  @Test mutating func aSampledJobHasASpanForEachStep() throws {
    let enqueue = try #require(take(enqueued("j", parent)).spans.first)
    #expect(enqueue.name == "enqueue n" && enqueue.kind == .server)
    #expect(enqueue.traceHigh == 0x0AF7_6519_16CD_43DD && enqueue.traceLow == 0x8448_EB21_1C80_319C)
    #expect(enqueue.parent == 0xB7AD_6B71_6920_3331)
    #expect(enqueue.start == t0 && enqueue.end == at(2))

    #expect(take(assigned("j", parent)).spans.isEmpty)
    let wait = try #require(take(happened([event(.started, "j", at(50))])).spans.first)
    #expect(wait.name == "wait n" && wait.parent == enqueue.id && wait.traceLow == enqueue.traceLow)
    #expect(wait.start == t0 && wait.end == at(50))

    let attempt = try #require(take(happened([event(.succeeded, "j", at(80))])).spans.first)
    #expect(attempt.name == "attempt n" && attempt.kind == .consumer && attempt.parent == enqueue.id)
    #expect(attempt.start == at(50) && attempt.end == at(80) && attempt.failure == nil)
    #expect(Set([enqueue.id, wait.id, attempt.id]).count == 3)
    #expect(attempt.texts.contains { $0 == ("gkick.job.outcome", "succeeded") })
    #expect(attempt.texts.contains { $0 == ("gkick.worker.id", "w") })
  }

  @Test mutating func theProducersFlagDecides() {
    let unsampled = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
    for said in [unsampled, nil, "garbage"] {
      #expect(take(enqueued("j", said)).spans.isEmpty)
      _ = take(assigned("j", said))
      #expect(take(happened([event(.started, "j", at(1))])).spans.isEmpty)
      let end = take(happened([event(.succeeded, "j", at(2))]))
      // What is known not to be sampled is not looked up either.
      #expect(end.spans.isEmpty && end.unknown.isEmpty)
    }
    tracer = JobTracer(ratio: 1)
    #expect(take(enqueued("j", unsampled)).spans.isEmpty)
    #expect(take(enqueued("j", nil)).spans.first?.parent == 0)
  }

  @Test func theRatioIsKeptAndEveryServerDecidesAlike() {
    let ids = (0..<20_000).map { "01920000-0000-7000-8000-\($0)" }
    let sampled = ids.filter { JobTrace(jobID: $0, body: [], ratio: 0.1) != nil }
    #expect((1_700...2_300).contains(sampled.count))
    #expect(sampled == ids.filter { JobTrace(jobID: $0, body: [], ratio: 0.1) != nil })
    // Whoever samples more samples these too.
    #expect(sampled.allSatisfy { JobTrace(jobID: $0, body: [], ratio: 0.2) != nil })
    #expect(ids.allSatisfy { JobTrace(jobID: $0, body: [], ratio: 0) == nil })
    #expect(Set(ids.map { JobTrace.hash($0, salt: 3) }).count == ids.count)
  }

  @Test mutating func failuresAndRetriesAreSpansOfTheirOwn() throws {
    _ = take(assigned("j", parent))
    _ = take(happened([event(.started, "j", at(10))]))
    let failure = Failure(type: "Boom", message: "no", backtrace: "line 1", at: at(20), attempt: 1)
    let first = try #require(
      take(happened([event(.failed, "j", at(20), detail: .retry(failure, nextRunAt: at(100)))])).spans.first)
    #expect(first.failure == failure)
    _ = take(assigned("j", parent, readyAt: at(100)))
    let wait = try #require(take(happened([event(.started, "j", at(130), attempt: 2)])).spans.first)
    #expect(wait.start == at(100) && wait.end == at(130))
    // Lost for the last time: two ends in one set, one span.
    let end = take(
      happened([
        event(.leaseLost, "j", at(150), attempt: 2, detail: .failure(failure)),
        event(.dead, "j", at(150), attempt: 2, detail: .failure(failure)),
      ]))
    #expect(end.spans.count == 1 && end.unknown.isEmpty)
    #expect(end.spans[0].texts.contains { $0 == ("gkick.job.outcome", "lost") } && end.spans[0].id != first.id)
  }

  @Test mutating func aReleasedAttemptEnds() throws {
    _ = take(assigned("j", parent))
    _ = take(happened([event(.started, "j", at(10))]))
    let span = try #require(take(happened([event(.enqueued, "j", at(20), attempt: 0, worker: "")])).spans.first)
    #expect(span.texts.contains { $0 == ("gkick.job.outcome", "released") } && span.failure == nil)
    #expect(take(happened([event(.enqueued, "other", at(20))])).spans.isEmpty)
  }

  @Test mutating func oneTickMayEndAnAttemptAndBeginTheNext() {
    _ = take(assigned("j", parent))
    _ = take(happened([event(.started, "j", at(10))]))
    // The engine tells of the assignment before the storage tells what was stored.
    _ = take(assigned("j", parent, readyAt: at(20)))
    let both = take(
      happened([event(.enqueued, "j", at(20), attempt: 0, worker: ""), event(.started, "j", at(20))]))
    #expect(both.spans.map(\.name) == ["attempt n", "wait n"] && both.unknown.isEmpty)
    #expect(take(happened([event(.succeeded, "j", at(30))])).spans.map(\.start) == [at(20)])
  }

  /// Given back and assigned again before the storage told of the first start.
  @Test mutating func anAssignmentBeforeTheLastStartIsToldIsKept() {
    _ = take(assigned("j", parent))
    _ = take(assigned("j", parent, readyAt: at(20)))
    let all = take(
      happened([
        event(.started, "j", at(10)), event(.enqueued, "j", at(20), attempt: 0, worker: ""),
        event(.started, "j", at(21)),
      ]))
    #expect(all.spans.map(\.name) == ["wait n", "attempt n", "wait n"] && all.unknown.isEmpty)
    #expect(all.spans.last?.start == at(20))
    // What is final has nothing after it: an assignment that was never stored is forgotten.
    _ = take(assigned("j", parent, readyAt: at(30)))
    #expect(take(happened([event(.succeeded, "j", at(40))])).spans.count == 1)
    #expect(take(happened([event(.started, "j", at(50))])).spans.isEmpty)
  }

  @Test mutating func whatBeganBeforeIsAskedOfTheStore() throws {
    let end = event(.succeeded, "j", at(80))
    let asked = take(happened([end]))
    #expect(asked.spans.isEmpty && asked.unknown == [end])
    var record = JobRecord(
      seq: 1, job: NewJob(id: "j", queue: "q", name: "n", body: body(parent)), state: .succeeded, createdAt: t0,
      runAt: t0)
    record.startedAt = at(30)
    let span = try #require(tracer.finish(end, record))
    #expect(span.name == "attempt n" && span.start == at(30) && span.end == at(80))
    record.job.body = body(nil)
    #expect(tracer.finish(end, record) == nil)
  }

  @Test func whatEndsWhileItWaitsHasAWait() throws {
    var record = JobRecord(
      seq: 1, job: NewJob(id: "j", queue: "q", name: "n", body: body(parent)), state: .canceled, createdAt: t0,
      runAt: at(40))
    let never = try #require(tracer.finish(event(.canceled, "j", at(90), attempt: 0, worker: ""), record))
    #expect(never.name == "wait n" && never.start == at(40) && never.end == at(90) && never.failure == nil)
    // Canceled between two attempts: the first was told when it failed.
    record.startedAt = at(10)
    record.failures = [Failure(type: "x", message: "", at: at(20), attempt: 1)]
    #expect(try #require(tracer.finish(event(.canceled, "j", at(90)), record)).name == "wait n")
  }

  @Test mutating func whatIsRememberedIsBounded() {
    tracer = JobTracer(ratio: 0, maxAttempts: 2)
    for id in ["a", "b", "c"] {
      _ = take(assigned(id, parent))
      _ = take(happened([event(.started, id, at(1))]))
    }
    #expect(take(happened([event(.succeeded, "b", at(2))])).spans.count == 1)
    #expect(take(happened([event(.succeeded, "c", at(2))])).unknown.count == 1)
  }
}

@Suite struct TraceParentTests {
  @Test func whatIsOne() {
    let one = TraceParent(parent)
    #expect(one?.isSampled == true && one?.traceID == "0af7651916cd43dd8448eb211c80319c")
    #expect(TraceParent("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more")?.isSampled == true)
    #expect(TraceParent("00-00000000000000000000000000000001-0000000000000001-00")?.isSampled == false)
  }

  @Test(arguments: [
    "", "00", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
    "00-" + String(repeating: "0", count: 32) + "-b7ad6b7169203331-01",
    "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
    "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1g", "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
  ])
  func whatIsNone(_ text: String) { #expect(TraceParent(text) == nil) }
}
