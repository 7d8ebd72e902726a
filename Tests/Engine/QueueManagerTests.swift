import Engine
import Jobs
import Testing

/// What people ask: sweeps, pauses, figures, and why a job does not run.
struct QueueManagerTests {
  private func swept(_ rig: Rig, _ sweep: Sweep) -> UInt64? {
    let route = rig.route()
    rig.tick([.sweep(sweep, route)])
    guard case .swept(let count)? = rig.reply(to: route, in: rig.effects + rig.run(for: .zero)) else { return nil }
    return count
  }

  @Test func aPurgeIsDoneInSlicesAndTellsTheTotal() {
    let rig = Rig()
    for _ in 0..<7 {
      rig.tick([.enqueue(EnqueueGroup(jobs: (0..<100).map { _ in NewJob(name: "n") }), .relaxed, rig.route())])
    }
    #expect(swept(rig, Sweep(action: .delete, queue: "default", states: [.ready])) == 700)
  }

  @Test func othersAreServedWhileASweepRuns() {
    let rig = Rig()
    for _ in 0..<10 {
      rig.tick([
        .enqueue(EnqueueGroup(jobs: (0..<100).map { _ in NewJob(queue: "a", name: "n") }), .relaxed, rig.route())
      ])
    }
    let worker = rig.connect("w", queues: ["b"])
    let route = rig.route()
    rig.tick([.sweep(Sweep(action: .delete, queue: "a", states: [.ready]), route)])
    rig.enqueue(NewJob(queue: "b", name: "n"))
    #expect(rig.jobs(worker).count == 1)
    #expect(rig.reply(to: route) == nil)
  }

  @Test func aBulkRetryMakesDeadJobsReadyForWorkers() {
    let rig = Rig()
    let worker = rig.connect("w", most: 5)
    let once = JobOptions(retry: RetryPolicy(maxAttempts: 1))
    rig.tick([.enqueue(EnqueueGroup(jobs: (0..<5).map { _ in NewJob(name: "n", options: once) }), nil, rig.route())])
    let jobs = rig.jobs(worker)
    rig.say(
      worker,
      WorkerMessage(outcomes: jobs.map { .init(lease: $0.lease, how: .failure(Failure(type: "t", message: ""))) }))
    #expect(rig.state(jobs[0].lease.jobID) == .dead)
    let route = rig.route()
    rig.tick([.sweep(Sweep(action: .retry(resetAttempts: true), queue: "default", states: [.dead]), route)])
    #expect(rig.jobs(worker).count == 5)
    guard case .swept(5)? = rig.reply(to: route) else {
      Issue.record("wrong count")
      return
    }
  }

  @Test func whatIsRetriedInBulkIsLookedAtInSlicesAndChangedFromTheOldestOn() {
    let rig = Rig()
    var last = rig.enqueue()
    let root = last
    var ids: [String] = []
    for _ in 0..<700 {
      last = rig.enqueue(NewJob(name: "n", options: JobOptions(dependsOn: [last])))
      ids.append(last)
    }
    rig.tick([.control(.cancel(jobID: root, reason: ""), rig.route())])
    rig.run(for: .zero)
    #expect(rig.state(last) == .canceled)
    #expect(swept(rig, Sweep(action: .retry(resetAttempts: true), queue: "", states: [.canceled])) == 701)
    #expect(rig.state(root) == .ready)
    #expect(ids.allSatisfy { rig.state($0) == .blocked })
  }

  @Test func aJobThatIsRetriedByHandIsGivenOut() {
    let rig = Rig()
    let id = rig.enqueue()
    rig.tick([.control(.cancel(jobID: id, reason: ""), rig.route())])
    let worker = rig.connect("w")
    #expect(rig.jobs(worker).isEmpty)
    rig.tick([.control(.retry(jobID: id, resetAttempts: false), rig.route())])
    #expect(rig.jobs(worker).count == 1)
  }

  private func explain(_ rig: Rig, _ id: String) -> Explanation? {
    guard let record = rig.record(id) else { return nil }
    let route = rig.route()
    rig.tick([.explain(record, route)])
    guard case .explained(let explanation)? = rig.reply(to: route) else { return nil }
    return explanation
  }

  private func annotation(_ rig: Rig, _ id: String) -> Annotation? {
    guard let record = rig.record(id) else { return nil }
    let route = rig.route()
    rig.tick([.annotate([record], route)])
    guard case .annotated(let annotations)? = rig.reply(to: route) else { return nil }
    return annotations.first
  }

  @Test func aJobWhoseTimeHasNotCome() {
    let rig = Rig()
    rig.connect("w")
    let due = rig.now + .seconds(60)
    let id = rig.enqueue(NewJob(name: "n", runAt: due))
    let reasons = explain(rig, id)?.reasons
    #expect(reasons?.map(\.hindrance) == [.notDue])
    #expect(reasons?.first?.notBefore == due)
    #expect(annotation(rig, id)?.waitingReason == "waits for its time")
  }

  @Test func aPausedQueue() {
    let rig = Rig()
    rig.connect("w")
    rig.tick([.pause(queue: "default", true, rig.route())])
    let id = rig.enqueue()
    #expect(explain(rig, id)?.reasons.map(\.hindrance) == [.queuePaused])
    #expect(annotation(rig, id)?.waitingReason == "queue paused")
  }

  @Test func nobodyTakesTheQueueOrTheName() {
    let rig = Rig()
    let id = rig.enqueue()
    #expect(explain(rig, id)?.reasons.map(\.hindrance) == [.noWorker])
    #expect(annotation(rig, id)?.waitingReason == "no worker takes this queue")
    rig.connect("w", names: ["other"])
    #expect(explain(rig, id)?.reasons.map(\.hindrance) == [.noWorker])
    #expect(annotation(rig, id)?.waitingReason == "no worker takes this name")
  }

  @Test func whoTakesItIsDraining() {
    let rig = Rig()
    rig.connect("w1", names: ["n"])
    rig.connect("w2", names: ["other"])
    rig.enqueue()
    rig.tick([.drainWorker(id: "w1", rig.route())])
    let id = rig.enqueue()
    let reasons = explain(rig, id)?.reasons
    #expect(reasons?.map(\.hindrance) == [.noWorker])
    #expect(reasons?.first?.text == "the only worker that takes it is draining: w1")
  }

  @Test func allWorkersAreBusyAndJobsAreAhead() {
    let rig = Rig()
    let worker = rig.connect("w1")
    let running = rig.enqueue()
    #expect(rig.jobs(worker).count == 1)
    let next = rig.enqueue()
    let id = rig.enqueue()
    let explanation = explain(rig, id)
    #expect(explanation?.reasons.map(\.hindrance) == [.workersBusy, .jobsAhead])
    #expect(explanation?.reasons.first?.jobIDs == [running])
    #expect(explanation?.reasons.first?.text.contains("w1 (1 of 1)") == true)
    #expect(explanation?.reasons.last?.jobIDs == [next])
    #expect(explanation?.jobsAhead == 1)
    #expect(annotation(rig, id)?.waitingReason == "all workers busy")
    #expect(explain(rig, running)?.reasons.isEmpty == true)
  }

  @Test func whoFetchesHasNoNumberOfSlots() {
    let rig = Rig()
    func fetch() {
      let fetch = Fetch(
        workerID: "p", subscriptions: [Subscription(pattern: QueuePattern("default"))], maxJobs: 1, maxWait: .zero,
        lease: nil, address: "a")
      rig.tick([.fetch(fetch, rig.route())])
    }
    fetch()
    let running = rig.enqueue()
    let text = { explain(rig, $0)?.reasons.first?.text }
    #expect(text(running) == "the only worker that takes it is between two fetches: p (runs 0)")
    fetch()
    #expect(text(rig.enqueue()) == "the only worker that takes it is busy: p (runs 1)")
  }

  @Test func aRunningJobsLeaseIsShownAsItIsRenewed() {
    let rig = Rig()
    let id = rig.enqueue()
    let worker = rig.connect("w1")
    rig.run(for: .seconds(5))
    rig.say(worker)
    #expect(annotation(rig, id)?.leaseUntil == rig.now + .seconds(30))
    #expect(annotation(rig, id)?.waitingReason == "")
  }

  @Test func queuesTellTheirWorkersAndAge() {
    let rig = Rig()
    rig.enqueue(NewJob(queue: "a", name: "n"))
    rig.connect("w1", queues: ["a"], most: 0)
    rig.connect("w2", queues: ["b"], most: 0)
    rig.connect("w3", queues: ["*"], most: 0)
    rig.run(for: .seconds(3))
    let route = rig.route()
    rig.tick([.queues(route)])
    guard case .queues(let views)? = rig.reply(to: route), let view = views.first else {
      Issue.record("no queues")
      return
    }
    #expect(view.statistics.name == "a")
    #expect(view.statistics.ready == 1)
    #expect(view.workers == 2)
    #expect(view.oldestReadyAge == .seconds(3))
  }

  @Test func figuresByQueue() {
    let rig = Rig()
    let id = rig.enqueue(NewJob(queue: "a", name: "n"))
    rig.run(for: .milliseconds(20))
    let worker = rig.connect("w")
    rig.run(for: .milliseconds(200))
    rig.succeed(worker, [rig.lease(of: id)].compactMap { $0 })
    let route = rig.route()
    rig.tick([.statistics(route)])
    guard case .statistics(let statistics)? = rig.reply(to: route), let queue = statistics.queues["a"] else {
      Issue.record("no figures")
      return
    }
    #expect(queue.enqueued == 1)
    #expect(queue.started == 1)
    #expect(queue.succeeded == 1)
    #expect(queue.wait.counts[4] == 1)
    #expect(queue.run.counts[7] == 1)
    #expect(statistics.workers == 1)
  }

  @Test func figuresAreBoundedWhateverTheQueuesAreCalled() {
    let rig = Rig()
    for start in stride(from: 0, to: 3_000, by: 100) {
      rig.tick([
        .enqueue(
          EnqueueGroup(jobs: (start..<start + 100).map { NewJob(queue: "q\($0)", name: "n") }), .relaxed, rig.route())
      ])
    }
    let worker = rig.connect("w", queues: ["q2999"])
    #expect(rig.jobs(worker).count == 1)
    let route = rig.route()
    rig.tick([.statistics(route)])
    guard case .statistics(let statistics)? = rig.reply(to: route) else { return }
    #expect(statistics.queues.count == 1_001)
    #expect(statistics.queues["(other)"]?.enqueued == 2_000)
    // A worker of a queue that is counted with the others still gets its jobs.
    rig.succeed(worker, rig.jobs(worker).map(\.lease))
    rig.enqueue(NewJob(queue: "q2999", name: "n"))
    #expect(rig.worker("w")?.running == 1)
  }
}
