import Engine
import Jobs
import Support
import Testing

/// What becomes of attempts: fencing, cancellation, time-outs, progress.
@Suite(.aside) struct OutcomeTests {
  @Test func anOldTokenChangesNothingAndSaysSo() {
    let rig = Rig()
    let id = rig.enqueue()
    let first = rig.connect("w1")
    let old = rig.jobs(first).map(\.lease)
    rig.tick([.disconnect(first)])
    let second = rig.connect("w1")
    let new = rig.jobs(second).map(\.lease)
    #expect(new.first?.jobID == id)
    rig.succeed(second, old)
    #expect(rig.results(second).map(\.isNotHeld) == [true])
    #expect(rig.state(id) == .running)
    rig.succeed(second, new)
    #expect(rig.results(second).map(\.isStored) == [true])
  }

  @Test func twoOutcomesOfOneLeaseInOneMessage() {
    let rig = Rig()
    rig.enqueue()
    let worker = rig.connect("w1")
    let lease = rig.jobs(worker)[0].lease
    rig.succeed(worker, [lease, lease])
    #expect(rig.results(worker).map(\.isStored) == [true, false])
    #expect(rig.worker("w1")?.running == 0)
  }

  @Test func anOutcomeNamingAnotherJobWithTheTokenChangesNothing() {
    let rig = Rig()
    let id = rig.enqueue()
    let worker = rig.connect("w1")
    let lease = rig.jobs(worker)[0].lease
    rig.succeed(worker, [Lease(jobID: "other", token: lease.token)])
    #expect(rig.results(worker).map(\.isNotHeld) == [true])
    #expect(rig.state(id) == .running)
    #expect(rig.worker("w1")?.running == 1)
  }

  @Test func theHolderOfACanceledJobIsToldAndItEndsCanceled() {
    let rig = Rig()
    let id = rig.enqueue()
    let worker = rig.connect("w1")
    let lease = rig.jobs(worker)[0].lease
    let route = rig.route()
    rig.tick([.control(.cancel(jobID: id, reason: "why"), route)])
    guard case .canceled("why")? = rig.notices(worker).first?.reason,
      case .controlled(.running)? = rig.reply(to: route)
    else {
      Issue.record("not told")
      return
    }
    rig.say(worker, WorkerMessage(outcomes: [.init(lease: lease, how: .canceled)]))
    #expect(rig.state(id) == .canceled)
  }

  @Test func successAfterACancellationStaysSuccess() {
    let rig = Rig()
    let id = rig.enqueue()
    let worker = rig.connect("w1")
    let lease = rig.jobs(worker)[0].lease
    rig.tick([.control(.cancel(jobID: id, reason: ""), rig.route())])
    rig.succeed(worker, [lease])
    #expect(rig.state(id) == .succeeded)
  }

  private func timed() -> NewJob {
    NewJob(
      name: "n",
      options: JobOptions(
        retry: RetryPolicy(initialBackoff: .seconds(1), jitter: 0), timeout: .milliseconds(700)))
  }

  /// How it ended is the worker's to say: it may have failed by itself just then.
  @Test(arguments: [
    (WorkerOutcome.How.canceled, JobState.retrying, "timeout"),
    (.failure(Failure(type: "Interrupted", message: "m", retryable: true)), .retrying, "Interrupted"),
    (.failure(Failure(type: "Invalid", message: "m", retryable: false)), .dead, "Invalid"),
  ])
  func anAttemptThatTakesTooLongIsToldAndEndsAsItsWorkerSays(
    _ how: WorkerOutcome.How, _ state: JobState, _ type: String
  ) {
    let rig = Rig()
    let id = rig.enqueue(timed())
    let worker = rig.connect("w1")
    let job = rig.jobs(worker)[0]
    #expect(job.deadline == rig.now + .milliseconds(700))
    #expect(rig.notices(worker, in: rig.run(for: .milliseconds(699))).isEmpty)
    #expect(rig.notices(worker, in: rig.run(for: .milliseconds(1))).map(\.isTimeout) == [true])
    rig.say(worker, WorkerMessage(outcomes: [.init(lease: job.lease, how: how)]))
    #expect(rig.state(id) == state)
    #expect(rig.record(id)?.failures.last?.type == type)
    #expect(rig.record(id)?.failures.last?.workerID == "w1")
  }

  @Test func aWorkerThatIgnoresTheDeadlineLosesTheLeaseThoughItBeats() {
    let rig = Rig()
    let id = rig.enqueue(timed())
    let worker = rig.connect("w1")
    var heard: [Effect] = []
    for _ in 0..<120 { heard += rig.run(for: .milliseconds(100)) + rig.tick([.work(WorkerMessage(), worker)]) }
    #expect(rig.notices(worker, in: heard).map(\.isLost).contains(true))
    #expect(rig.record(id)?.failures.first?.type == "timeout")
  }

  @Test func endedAttemptsLeaveNoDeadlinesBehind() {
    let rig = Rig()
    let worker = rig.connect("w1", most: 100)
    for _ in 0..<200 {
      rig.tick([.enqueue(EnqueueGroup(jobs: (0..<100).map { _ in timed() }), .relaxed, rig.route())])
      rig.succeed(worker, rig.jobs(worker).map(\.lease))
    }
    #expect(rig.notices(worker, in: rig.run(for: .seconds(2))).isEmpty)
  }

  @Test func progressIsStoredAndProvesThatTheWorkerHasTheJob() {
    let rig = Rig()
    let id = rig.enqueue()
    let worker = rig.connect("w1", window: .seconds(10))
    let lease = rig.jobs(worker)[0].lease
    rig.say(worker, WorkerMessage(progress: [.init(lease: lease, progress: Progress(percent: 40, message: "m"))]))
    #expect(rig.record(id)?.progress?.percent == 40)
    #expect(rig.record(id)?.progress?.at == rig.now)
    rig.tick([.disconnect(worker)])
    rig.tick()
    #expect(rig.state(id) == .running)
  }

  @Test func progressOfALeaseThatIsGoneIsAnsweredSo() {
    let rig = Rig()
    let worker = rig.connect("w1")
    rig.say(
      worker,
      WorkerMessage(progress: [.init(lease: Lease(jobID: "x", token: 9), progress: Progress(percent: 1, message: ""))]))
    #expect(rig.notices(worker).map(\.isLost) == [true])
  }

  @Test func aReleasedJobIsReadyAtOnceAndCountsNoAttempt() {
    let rig = Rig()
    let id = rig.enqueue()
    let worker = rig.connect("w1")
    let lease = rig.jobs(worker)[0].lease
    rig.say(worker, WorkerMessage(outcomes: [.init(lease: lease, how: .release(delay: nil))]))
    #expect(rig.jobs(worker).first?.lease.jobID == id)
    #expect(rig.jobs(worker).first?.attempt == 1)
  }

  @Test func anOutcomeOfAJobThatTheSessionDoesNotKnowIsTheStoresToJudge() {
    let rig = Rig()
    let id = rig.enqueue()
    let first = rig.connect("w1")
    let lease = rig.jobs(first).map(\.lease)
    // A worker that comes back to a restarted server and forgets to say what it holds.
    let next = Rig(storage: rig.storage, start: rig.now)
    let second = next.connect("w1")
    next.succeed(second, lease)
    #expect(next.results(second).map(\.isStored) == [true])
    #expect(next.state(id) == .succeeded)
  }

  @Test func aRetryWaitsAsLongAsItsPolicySays() {
    let rig = Rig()
    rig.enqueue(NewJob(name: "n", options: JobOptions(retry: RetryPolicy(initialBackoff: .seconds(2), jitter: 0))))
    let worker = rig.connect("w1")
    rig.say(
      worker,
      WorkerMessage(outcomes: [.init(lease: rig.jobs(worker)[0].lease, how: .failure(Failure(type: "t", message: "")))])
    )
    #expect(rig.jobs(worker, in: rig.run(for: .microseconds(1_999_999))).isEmpty)
    #expect(rig.jobs(worker, in: rig.run(for: .microseconds(1))).first?.attempt == 2)
  }
}
