import Backlog
import Jobs
import Testing

@testable import Engine

/// What a rate has let start leaves when it is stored: a start that a crash forgets would be made again, one too many.
struct RatedStartTests {
  private func rated(_ scope: Limit.Scope = .queue("default"), _ count: UInt32 = 2) -> Rig {
    let rig = Rig()
    let limit = Limit(scope, rate: .init(count: count, period: .seconds(60)))
    rig.tick([.flow(.putLimit(limit), rig.route())])
    return rig
  }

  private func fetch(_ rig: Rig, _ route: Route) {
    rig.tick([
      .fetch(
        Fetch(
          workerID: "p", subscriptions: [Subscription(pattern: QueuePattern("default"))], maxJobs: 1,
          maxWait: .zero, lease: nil, address: "a"), route)
    ])
  }

  /// nil: it was not answered with jobs.
  private func fetched(_ rig: Rig, _ route: Route) -> [ClaimedJob]? {
    guard case .fetched(let jobs, _)? = rig.reply(to: route) else { return nil }
    return jobs
  }

  @Test(arguments: [Limit.Scope.queue("default"), .key("k"), .keyPrefix("k")])
  func aStreamIsToldWhenItIsStored(_ scope: Limit.Scope) {
    let rig = rated(scope)
    let worker = rig.connect("w", most: 5)
    rig.isSlow = true
    let route = rig.route()
    let job = NewJob(name: "n", options: JobOptions(concurrencyKey: "k"))
    rig.tick([.enqueue(EnqueueGroup(jobs: [job]), nil, route)])
    #expect(rig.jobs(worker).isEmpty)
    // The next tick does not take it along.
    rig.tick([.enqueue(EnqueueGroup(jobs: [job]), nil, route)])
    #expect(rig.jobs(worker).isEmpty)
    rig.store(1)
    #expect(rig.jobs(worker).count == 1)
    rig.store()
    #expect(rig.jobs(worker).count == 1)
    #expect(rig.worker("w")?.running == 2)
  }

  @Test func withoutARateNobodyWaits() {
    let rig = Rig()
    rig.tick([.flow(.putLimit(Limit(.queue("default"), maxRunning: 3)), rig.route())])
    let worker = rig.connect("w", most: 5)
    rig.isSlow = true
    rig.tick([.enqueue(EnqueueGroup(jobs: [NewJob(name: "n")]), nil, rig.route())])
    #expect(rig.jobs(worker).count == 1)
  }

  @Test func aFetchIsAnsweredWhenItIsStored() {
    let rig = rated()
    rig.enqueue()
    rig.isSlow = true
    let route = rig.route()
    fetch(rig, route)
    #expect(rig.reply(to: route) == nil)
    rig.store()
    #expect(fetched(rig, route)?.count == 1)
  }

  @Test func whatAFetchCouldNotBeGivenIsGivenToTheNext() {
    let rig = rated()
    rig.enqueue()
    rig.fail([.write])
    let first = rig.route()
    fetch(rig, first)
    let reply = rig.reply(to: first)
    guard case .failed? = reply else {
      Issue.record("not failed but \(reply.map { "\($0)" } ?? "not answered")")
      return
    }
    rig.fail([])
    rig.recover()
    let second = rig.route()
    fetch(rig, second)
    #expect(fetched(rig, second)?.map(\.attempt) == [1])
  }

  @Test func whoHasGoneBeforeItIsStoredIsNotAnsweredAndWhatItWasGivenGoesBack() {
    let rig = rated(.queue("default"), 2)
    rig.enqueue()
    rig.isSlow = true
    let first = rig.route()
    fetch(rig, first)
    rig.tick([.forget(first)])
    #expect(rig.reply(to: first, in: rig.store()) == nil)
    rig.isSlow = false
    rig.run(for: .seconds(1))
    let second = rig.route()
    fetch(rig, second)
    #expect(fetched(rig, second)?.count == 1)
  }

  @Test func whatAStreamCouldNotBeGivenIsGivenOnceItCanBeStored() {
    let rig = rated()
    for _ in 1...3 { rig.enqueue() }
    rig.fail([.write])
    let worker = rig.connect("w", most: 5)
    #expect(rig.jobs(worker).isEmpty)
    rig.fail([])
    #expect(rig.jobs(worker, in: rig.recover()).map(\.attempt) == [1, 1])
  }

  @Test func whoLowersItsCapacityGivesBackWhatItHasNotHeardOf() {
    let rig = rated(.queue("default"), 5)
    let worker = rig.connect("w", most: 5)
    rig.isSlow = true
    rig.tick([.enqueue(EnqueueGroup(jobs: [NewJob(name: "n"), NewJob(name: "n")]), nil, rig.route())])
    rig.say(worker, WorkerMessage(capacity: 1))
    rig.isSlow = false
    #expect(rig.jobs(worker, in: rig.store()).count == 1)
    rig.run(for: .seconds(1))
    #expect(rig.worker("w")?.running == 1)
  }
}
