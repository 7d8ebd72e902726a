import Engine
import Jobs
import Testing

/// Workers without a stream.
struct FetchTests {
  private func fetch(
    _ rig: Rig, _ id: String = "f", most: UInt32 = 1, wait: Interval = .zero, lease: Interval? = nil
  ) -> Route {
    let route = rig.route()
    rig.tick([
      .fetch(
        Fetch(
          workerID: id, subscriptions: [Subscription(pattern: QueuePattern("*"))], maxJobs: most, maxWait: wait,
          lease: lease, address: "a"), route)
    ])
    return route
  }

  private func fetched(_ rig: Rig, _ route: Route, in effects: [Effect]? = nil) -> [ClaimedJob]? {
    guard case .fetched(let jobs, _)? = rig.reply(to: route, in: effects) else { return nil }
    return jobs
  }

  private func report(_ rig: Rig, _ report: Report) -> ([LeaseResult], [CancelNotice]) {
    let route = rig.route()
    rig.tick([.report(report, route)])
    guard case .reported(let results, let notices)? = rig.reply(to: route) else { return ([], []) }
    return (results, notices)
  }

  @Test func takesWhatIsReadyAtOnce() {
    let rig = Rig()
    for _ in 0..<3 { rig.enqueue() }
    #expect(fetched(rig, fetch(rig, most: 2))?.count == 2)
    #expect(fetched(rig, fetch(rig, most: 2))?.count == 1)
    #expect(fetched(rig, fetch(rig))?.isEmpty == true)
  }

  @Test func waitsAndWakesWithTheJob() {
    let rig = Rig()
    let route = fetch(rig, wait: .seconds(10))
    #expect(rig.reply(to: route) == nil)
    rig.run(for: .seconds(3))
    rig.enqueue()
    #expect(fetched(rig, route)?.count == 1)
    rig.enqueue()
    #expect(rig.reply(to: route) == nil)
  }

  @Test func isAnsweredEmptyWhenItsWaitIsOver() {
    let rig = Rig()
    let route = fetch(rig, wait: .milliseconds(1_500))
    #expect(fetched(rig, route, in: rig.run(for: .microseconds(1_499_999))) == nil)
    #expect(fetched(rig, route, in: rig.run(for: .microseconds(1)))?.isEmpty == true)
  }

  @Test func anAbsurdWaitIsCut() {
    let rig = Rig { $0.longestWait = .seconds(5) }
    let route = fetch(rig, wait: Interval(microseconds: .max))
    #expect(fetched(rig, route, in: rig.run(for: .seconds(5)))?.isEmpty == true)
  }

  @Test func whoHasGoneIsGivenNothing() {
    let rig = Rig()
    let route = fetch(rig, wait: .seconds(10))
    rig.tick([.forget(route)])
    let id = rig.enqueue()
    #expect(rig.state(id) == .ready)
  }

  @Test func reportsAnswerOutcomesFirstThenExtensions() {
    let rig = Rig()
    for _ in 0..<2 { rig.enqueue() }
    let leases = (fetched(rig, fetch(rig, most: 2)) ?? []).map(\.lease)
    guard leases.count == 2 else { return }
    let (results, notices) = report(
      rig,
      Report(
        workerID: "f", outcomes: [.init(lease: leases[0], how: .success(result: []))],
        extend: [leases[1], Lease(jobID: "x", token: 99)]))
    #expect(results.map(\.lease) == [leases[0], leases[1], Lease(jobID: "x", token: 99)])
    #expect(results.map(\.isStored) == [true, true, false])
    #expect(notices.isEmpty)
    #expect(rig.state(leases[0].jobID) == .succeeded)
  }

  @Test func leasesAreKeptByExtendAndLostWithoutIt() {
    let rig = Rig()
    rig.enqueue()
    let route = fetch(rig, lease: .seconds(2))
    guard case .fetched(let jobs, .seconds(2))? = rig.reply(to: route), let job = jobs.first else {
      Issue.record("no job with a lease of two seconds")
      return
    }
    for _ in 0..<5 {
      rig.run(for: .milliseconds(1_500))
      #expect(report(rig, Report(workerID: "f", extend: [job.lease])).0.map(\.isStored) == [true])
    }
    rig.run(for: .milliseconds(2_001))
    #expect(report(rig, Report(workerID: "f", extend: [job.lease])).0.map(\.isNotHeld) == [true])
    #expect(rig.record(job.lease.jobID)?.lost == 1)
  }

  /// It may have been started anew under the same id and know nothing of them.
  @Test func callsDoNotKeepWhatTheyDoNotName() {
    let rig = Rig()
    for _ in 0..<3 { rig.enqueue() }
    let route = fetch(rig, most: 3, lease: .seconds(2))
    guard let leases = fetched(rig, route)?.map(\.lease), leases.count == 3 else {
      Issue.record("no jobs")
      return
    }
    for _ in 0..<4 {
      rig.run(for: .seconds(1))
      let progress = ProgressReport(lease: leases[1], progress: Progress(percent: 1, message: ""))
      _ = report(rig, Report(workerID: "f", progress: [progress], extend: [leases[0]]))
    }
    #expect(leases.map { rig.record($0.jobID)?.lost } == [0, 0, 1])
    #expect(rig.worker("f")?.running == 2)
    #expect(rig.worker("f")?.lostTotal == 1)
    #expect(fetched(rig, fetch(rig, lease: .seconds(2)))?.map(\.lease.jobID) == [leases[2].jobID])
  }

  @Test func isToldToStopWithEveryReportUntilItDoes() {
    let rig = Rig()
    let id = rig.enqueue()
    guard let lease = fetched(rig, fetch(rig))?.first?.lease else { return }
    rig.tick([.control(.cancel(jobID: id, reason: "r"), rig.route())])
    for _ in 0..<2 { #expect(report(rig, Report(workerID: "f", extend: [lease])).1.map(\.isCanceled) == [true]) }
    let (results, notices) = report(rig, Report(workerID: "f", outcomes: [.init(lease: lease, how: .canceled)]))
    #expect(results.map(\.isStored) == [true])
    #expect(notices.isEmpty)
    #expect(rig.state(id) == .canceled)
  }

  @Test func isListedWhileItIsActive() {
    let rig = Rig()
    rig.enqueue()
    guard let lease = fetched(rig, fetch(rig))?.first?.lease else { return }
    #expect(rig.worker("f")?.running == 1)
    _ = report(rig, Report(workerID: "f", outcomes: [.init(lease: lease, how: .success(result: []))]))
    #expect(rig.worker("f")?.succeededTotal == 1)
    rig.run(for: .seconds(100))
    #expect(rig.worker("f") == nil)
  }

  @Test func isListedWithWhatItAsksForNow() {
    let rig = Rig()
    rig.enqueue()
    #expect(fetched(rig, fetch(rig))?.count == 1)
    #expect(rig.worker("f")?.queues == ["*"])
    let pattern = Subscription(pattern: QueuePattern("mail.*"))
    rig.tick([.fetch(Fetch(workerID: "f", subscriptions: [pattern], maxJobs: 1), rig.route())])
    #expect(rig.worker("f")?.queues == ["mail.*"])
  }

  @Test func reportsAreKnownAfterARestart() {
    let rig = Rig()
    let id = rig.enqueue()
    guard let lease = fetched(rig, fetch(rig))?.first?.lease else { return }
    let next = Rig(storage: rig.storage, start: rig.now)
    #expect(report(next, Report(workerID: "f", extend: [lease])).0.map(\.isStored) == [true])
    let (results, _) = report(next, Report(workerID: "f", outcomes: [.init(lease: lease, how: .success(result: []))]))
    #expect(results.map(\.isStored) == [true])
    #expect(next.state(id) == .succeeded)
  }

  @Test func anAnswerHoldsWhatFitsIntoFourMebibytes() {
    let rig = Rig()
    for _ in 0..<6 {
      rig.enqueue(NewJob(name: "n", payloadSize: 1_000_000, body: [UInt8](repeating: 1, count: 1_000_000)))
    }
    #expect(fetched(rig, fetch(rig, most: 1_000))?.count == 4)
    #expect(fetched(rig, fetch(rig, most: 1_000))?.count == 2)
  }

  @Test func whoAsksForMoreThanOneClaimHoldsIsGivenIt() {
    let rig = Rig { $0.claimsPerTick = 10 }
    for _ in 0..<18 { rig.enqueue() }
    #expect(fetched(rig, fetch(rig, most: 15))?.count == 15)
    #expect(fetched(rig, fetch(rig, most: 15))?.count == 3)
    #expect(rig.worker("f")?.running == 18)
  }

  @Test func whatTwoClaimsCannotHoldIsLeftForTheNext() {
    let rig = Rig { $0.claimsPerTick = 10 }
    for _ in 0..<30 { rig.enqueue() }
    #expect(fetched(rig, fetch(rig, most: 25))?.count == 20)
    #expect(fetched(rig, fetch(rig, most: 25))?.count == 10)
    // Nobody asks any more: the next jobs wait.
    let id = rig.enqueue()
    #expect(rig.state(id) == .ready)
  }

  @Test func aSecondClaimKeepsToTheBytesOfTheAnswer() {
    let rig = Rig { $0.claimsPerTick = 3 }
    for _ in 0..<6 {
      rig.enqueue(NewJob(name: "n", payloadSize: 1_000_000, body: [UInt8](repeating: 1, count: 1_000_000)))
    }
    #expect(fetched(rig, fetch(rig, most: 6))?.count == 4)
    #expect(fetched(rig, fetch(rig, most: 6))?.count == 2)
  }

  @Test func fetchesAndStreamsShareInTurn() {
    let rig = Rig()
    let stream = rig.connect("w", most: 1)
    let fetching = fetch(rig, wait: .seconds(10))
    rig.tick([.enqueue(EnqueueGroup(jobs: [NewJob(name: "n"), NewJob(name: "n")]), nil, rig.route())])
    #expect(rig.jobs(stream).count == 1)
    #expect(fetched(rig, fetching)?.count == 1)
  }

  @Test func aFetchThatFoundNothingIsStillGivenWhatComesLater() {
    let rig = Rig()
    rig.enqueue(NewJob(queue: "other", name: "n"))
    let route = rig.route()
    rig.tick([
      .fetch(
        Fetch(
          workerID: "f", subscriptions: [Subscription(pattern: QueuePattern("*"))], names: ["m"], maxJobs: 10,
          maxWait: .seconds(10)), route)
    ])
    #expect(rig.reply(to: route) == nil)
    rig.enqueue(NewJob(name: "m"))
    #expect(fetched(rig, route)?.count == 1)
  }

  /// An answer is measured whole: a body may be mostly metadata. What does not fit is given back as if nobody had been given it.
  @Test func isAnsweredWithNoMoreThanAMessageHolds() {
    let rig = Rig()
    for _ in 0..<300 { rig.enqueue(NewJob(name: "n", payloadSize: 1, body: [UInt8](repeating: 0, count: 16_000))) }
    var seen: Set<String> = []
    for round in 0..<10 where seen.count < 300 {
      let jobs = fetched(rig, fetch(rig, "f\(round)", most: 1_000)) ?? []
      #expect(!jobs.isEmpty)
      #expect(jobs.reduce(0) { $0 + $1.messageSize } < 4 << 20)
      #expect(jobs.allSatisfy { $0.attempt == 1 })
      #expect(seen.isDisjoint(with: jobs.map(\.lease.jobID)))
      seen.formUnion(jobs.map(\.lease.jobID))
      rig.tick()
    }
    #expect(seen.count == 300)
  }

  @Test func whatCannotBeTakenIsAnsweredInItsPlace() {
    let rig = Rig()
    for _ in 0..<2 { rig.enqueue() }
    let leases = (fetched(rig, fetch(rig, most: 2)) ?? []).map(\.lease)
    guard leases.count == 2 else { return }
    let (results, _) = report(
      rig,
      Report(
        workerID: "f",
        outcomes: [.init(lease: leases[0], how: .refused("why")), .init(lease: leases[1], how: .success(result: []))],
        extend: [Lease(jobID: "", token: 0), leases[0]]))
    let codes = results.map { result in
      switch result.code {
      case .stored: "stored"
      case .refused: "refused"
      case .notHeld, .failed: "other"
      }
    }
    #expect(codes == ["refused", "stored", "refused", "stored"])
    #expect(rig.state(leases[0].jobID) == .running)
  }
}
