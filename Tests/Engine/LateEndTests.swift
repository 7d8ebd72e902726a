import Engine
import Jobs
import Testing

/// What ends by itself when somebody does not do their part, and what must not be made of those who have gone.
struct LateEndTests {
  /// Cancels the job of a worker that beats on and does not stop; seconds until the lease was taken from it.
  private func stubborn(_ rig: Rig, _ id: String, _ worker: Route) -> Int? {
    rig.tick([.control(.cancel(jobID: id, reason: ""), rig.route())])
    for second in 1...120 {
      var heard: [Effect] = []
      for _ in 0..<2 { heard += rig.run(for: .milliseconds(500)) + rig.tick([.work(WorkerMessage(), worker)]) }
      if rig.notices(worker, in: heard).contains(where: \.isLost) { return second }
    }
    return nil
  }

  @Test func aCanceledJobThatDoesNotStopEndsAfterHalfAMinute() throws {
    let rig = Rig()
    let id = rig.enqueue()
    let worker = rig.connect("w")
    let seconds = try #require(stubborn(rig, id, worker))
    #expect((30...31).contains(seconds))
    #expect(rig.state(id) == .canceled)
    // Its outcome is too late.
    let lease = try #require(rig.lease(of: id))
    let heard = rig.tick([.work(WorkerMessage(outcomes: [.init(lease: lease, how: .success(result: []))]), worker)])
    guard case .notHeld? = rig.results(worker, in: heard + rig.run(for: .seconds(1))).first?.code else {
      Issue.record("taken")
      return
    }
    #expect(rig.state(id) == .canceled)
  }

  @Test func orWhenItsTimeIsOverIfThatIsSooner() throws {
    let rig = Rig()
    let id = rig.enqueue(NewJob(name: "n", options: JobOptions(timeout: .seconds(7))))
    let worker = rig.connect("w")
    let seconds = try #require(stubborn(rig, id, worker))
    #expect((7...8).contains(seconds))
    #expect(rig.state(id) == .canceled)
  }

  @Test func aWorkerThatPolledAndIsGoneIsNotWaitedFor() throws {
    let rig = Rig()
    let fetch = rig.route()
    rig.tick([
      .fetch(
        Fetch(
          workerID: "f", subscriptions: [Subscription(pattern: QueuePattern("*"))], maxJobs: 1, maxWait: .zero,
          lease: nil,
          address: "a"), fetch)
    ])
    rig.run(for: .seconds(600))
    let id = rig.enqueue()
    let record = try #require(rig.record(id))
    let route = rig.route()
    rig.tick([.explain(record, route)])
    guard case .explained(let explanation)? = rig.reply(to: route) else {
      Issue.record("no answer")
      return
    }
    #expect(explanation.reasons.map(\.hindrance) == [.noWorker])
    #expect(!explanation.reasons.contains { $0.text.contains("0 of 0") })
  }

  @Test func aQueueIsForgottenADayAfterItsLastStep() throws {
    let rig = Rig()
    let worker = rig.connect("w", most: 10)
    let id = rig.enqueue(NewJob(queue: "short", name: "n", options: JobOptions(retention: .seconds(60))))
    let paused = "paused"
    rig.tick([.pause(queue: paused, true, rig.route())])
    rig.succeed(worker, [try #require(rig.lease(of: id))])
    func known() -> Set<String> {
      let route = rig.route()
      rig.tick([.queues(route)])
      guard case .queues(let views)? = rig.reply(to: route) else { return [] }
      return Set(views.map(\.statistics.name))
    }
    func pass(hours: Int) {
      for _ in 0..<hours * 2 {
        rig.pass(.seconds(1_800))
        rig.tick()
        rig.run(for: .seconds(3))
        rig.say(worker)
      }
    }
    pass(hours: 23)
    #expect(known() == ["short", paused])
    pass(hours: 2)
    // What somebody has set stays.
    #expect(known() == [paused])
    // A job brings it back.
    rig.enqueue(NewJob(queue: "short", name: "n"))
    #expect(known() == ["short", paused])
  }
}
