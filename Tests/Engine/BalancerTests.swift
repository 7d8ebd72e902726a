import Backlog
import Jobs
import MemoryStorage
import Testing

@testable import Engine

/// Who gets the next job.
struct BalancerTests {
  @Test func fewJobsSpreadOverAllWorkers() {
    let rig = Rig()
    let workers = (0..<4).map { rig.connect("w\($0)", most: 10) }
    rig.tick([.enqueue(EnqueueGroup(jobs: (0..<4).map { _ in NewJob(name: "n") }), nil, rig.route())])
    #expect(workers.map { rig.jobs($0).count } == [1, 1, 1, 1])
  }

  @Test func manyJobsFillAllWorkers() {
    let rig = Rig()
    let workers = (0..<4).map { rig.connect("w\($0)", most: 10) }
    rig.tick([.enqueue(EnqueueGroup(jobs: (0..<100).map { _ in NewJob(name: "n") }), nil, rig.route())])
    #expect(workers.map { rig.jobs($0).count } == [10, 10, 10, 10])
  }

  @Test func amongEqualsTheTurnMovesOnFromTickToTick() {
    let rig = Rig()
    let workers = (0..<4).map { rig.connect("w\($0)", most: 10) }
    var got = [0, 0, 0, 0]
    for _ in 0..<8 {
      rig.enqueue()
      let said = rig.effects
      for (index, worker) in workers.enumerated() {
        let jobs = rig.jobs(worker, in: said)
        got[index] += jobs.count
        if !jobs.isEmpty { rig.succeed(worker, jobs.map(\.lease)) }
      }
    }
    #expect(got == [2, 2, 2, 2])
  }

  @Test func theLargestFreeShareIsNext() {
    let rig = Rig()
    let big = rig.connect("big", most: 8)
    let small = rig.connect("small", most: 2)
    rig.tick([.enqueue(EnqueueGroup(jobs: (0..<5).map { _ in NewJob(name: "n") }), nil, rig.route())])
    #expect(rig.jobs(big).count == 4)
    #expect(rig.jobs(small).count == 1)
  }

  @Test func sharesCountAcrossDifferentSubscriptions() {
    let rig = Rig()
    let a = rig.connect("a", queues: ["default"], most: 10)
    let b = rig.connect("b", queues: ["*"], most: 10)
    let c = rig.connect("c", queues: ["def*"], names: ["n"], most: 10)
    rig.tick([.enqueue(EnqueueGroup(jobs: (0..<9).map { _ in NewJob(name: "n") }), nil, rig.route())])
    #expect([a, b, c].map { rig.jobs($0).count } == [3, 3, 3])
  }

  @Test func strictOrderEmptiesTheFirstQueueFirst() {
    let rig = Rig()
    for queue in ["b", "a", "b", "a"] { rig.enqueue(NewJob(queue: queue, name: "n")) }
    let worker = rig.connect("w", queues: ["a", "b"], most: 3)
    #expect(rig.jobs(worker).map(\.job.queue) == ["a", "a", "b"])
  }

  private func weighted(_ rig: Rig, _ weights: [(String, UInt32)], most: UInt32 = 1) -> Route {
    let route = rig.route()
    rig.tick([
      .connect(
        WorkerHello(
          workerID: "w", subscriptions: weights.map { Subscription(pattern: QueuePattern($0.0), weight: $0.1) },
          maxInFlight: most), address: "", route)
    ])
    return route
  }

  @Test(arguments: [UInt32(1), 7, 70]) func weightedQueuesGetTheirShares(_ most: UInt32) {
    let rig = Rig()
    for queue in ["a", "b", "c"] {
      rig.tick([
        .enqueue(EnqueueGroup(jobs: (0..<100).map { _ in NewJob(queue: queue, name: "n") }), .relaxed, rig.route())
      ])
    }
    let worker = weighted(rig, [("a", 4), ("b", 2), ("c", 1)], most: most)
    var got: [String: Int] = [:]
    var jobs = rig.jobs(worker)
    for _ in 0..<(70 / most) {
      for job in jobs { got[job.job.queue, default: 0] += 1 }
      rig.succeed(worker, jobs.map(\.lease))
      jobs = rig.jobs(worker)
    }
    #expect(got == ["a": 40, "b": 20, "c": 10])
  }

  @Test func theShareOfAnEmptyQueueGoesToTheOthersInProportion() {
    let rig = Rig()
    for queue in ["b", "c"] {
      rig.tick([
        .enqueue(EnqueueGroup(jobs: (0..<100).map { _ in NewJob(queue: queue, name: "n") }), .relaxed, rig.route())
      ])
    }
    let worker = weighted(rig, [("a", 10), ("b", 2), ("c", 1)], most: 30)
    var got: [String: Int] = [:]
    for job in rig.jobs(worker) { got[job.job.queue, default: 0] += 1 }
    #expect(got == ["b": 20, "c": 10])
  }

  @Test func strictQueuesComeBeforeWeightedOnes() {
    let rig = Rig()
    for queue in ["a", "s", "b", "s"] { rig.enqueue(NewJob(queue: queue, name: "n")) }
    let worker = weighted(rig, [("a", 1), ("s", 0), ("b", 1)], most: 3)
    #expect(rig.jobs(worker).prefix(2).map(\.job.queue) == ["s", "s"])
  }

  @Test func aNameThatNobodyTakesWaitsWithoutBeingAskedForAgainAndAgain() {
    let rig = Rig()
    rig.connect("w", names: ["x"])
    rig.enqueue(NewJob(name: "y"))
    let before = rig.engine.balancer.claims
    rig.run(for: .seconds(8))
    #expect((rig.engine.balancer.claims) - before <= 1)
    let worker = rig.connect("v", names: ["y"])
    #expect(rig.jobs(worker).count == 1)
  }

  @Test func lightLoadDealsOnlyAsManySlotsAsThereAreJobs() {
    let rig = Rig()
    let workers = (0..<8).map { rig.connect("w\($0)", most: 100) }
    let before = rig.engine.balancer.slotsDealt
    for _ in 0..<100 {
      rig.enqueue()
      for worker in workers where !rig.jobs(worker).isEmpty { rig.succeed(worker, rig.jobs(worker).map(\.lease)) }
    }
    #expect(rig.engine.balancer.slotsDealt - before == 100)
  }

  @Test func aBacklogLargerThanOneTickIsGivenOutTickByTick() {
    let rig = Rig { $0.claimsPerTick = 10 }
    let worker = rig.connect("w", most: 100)
    rig.tick([.enqueue(EnqueueGroup(jobs: (0..<35).map { _ in NewJob(name: "n") }), nil, rig.route())])
    #expect(rig.jobs(worker).count == 10)
    #expect(rig.engine.nextWake == rig.elapsed)
    #expect(rig.jobs(worker, in: rig.run(for: .zero)).count == 25)
  }

  @Test func whatBecameReadyWhileAllWereBusyIsGivenWhenOneIsFree() {
    let rig = Rig()
    let worker = rig.connect("w")
    rig.enqueue()
    let lease = rig.jobs(worker).map(\.lease)
    rig.enqueue(NewJob(name: "n", runAt: rig.now + .seconds(1)))
    rig.run(for: .seconds(2))
    rig.succeed(worker, lease)
    #expect(rig.jobs(worker).count == 1)
  }

  @Test func aPausedQueueIsGivenOutWhenItIsResumed() {
    let rig = Rig()
    let worker = rig.connect("w")
    rig.tick([.pause(queue: "default", true, rig.route())])
    rig.enqueue()
    #expect(rig.jobs(worker).isEmpty)
    rig.tick([.pause(queue: "default", false, rig.route())])
    #expect(rig.jobs(worker).count == 1)
  }

  @Test func idleFilterGroupsAreForgottenInTime() {
    let rig = Rig()
    for number in 0..<(LoadBalancer.idleGroups + 200) {
      let route = rig.connect("w\(number)", queues: ["q\(number)"])
      rig.tick([.disconnect(route)])
    }
    rig.enqueue(NewJob(queue: "q5", name: "n"))
    #expect(rig.jobs(rig.connect("w", queues: ["q5"])).count == 1)
  }

  @Test func whoSaysTheSameInAnotherOrderIsOfTheSameGroup() throws {
    let backlog = Backlog(rows: MemoryStorage().rows, seed: 1)
    let balancer = LoadBalancer(configuration: EngineConfiguration(), backlog: backlog)
    let weighted = (0..<1_000).map { Subscription(pattern: QueuePattern("q\($0)"), weight: UInt32($0 % 7 + 1)) }
    let first = balancer.group(subscriptions: weighted, names: ["a", "b"])
    for _ in 0..<20 {
      #expect(balancer.group(subscriptions: weighted.shuffled(), names: ["b", "a", "b"]) === first)
    }
    // One list of queues for all of its filters, of which there are as many as queues.
    #expect(first.filters.count == 1_000)
    let lists = Set(first.filters.map { filter in filter.queues.withUnsafeBufferPointer { $0.baseAddress } })
    #expect(lists.count == 1)
    // The order of those without a weight does say something.
    let strict = [Subscription(pattern: QueuePattern("a")), Subscription(pattern: QueuePattern("b"))]
    #expect(
      balancer.group(subscriptions: strict, names: [])
        !== balancer.group(subscriptions: strict.reversed(), names: []))
    // Nobody is in them: they go.
    for number in 0..<5_000 {
      _ = balancer.group(subscriptions: [Subscription(pattern: QueuePattern("idle\(number)"))], names: [])
    }
    #expect(balancer.groups.count <= LoadBalancer.idleGroups)
  }

  @Test func turnsOfWeightsAreSmooth() {
    let group = FilterGroup(
      key: FilterKey(
        subscriptions: [
          .init(pattern: .init("a"), weight: 5), .init(pattern: .init("b"), weight: 1),
          .init(pattern: .init("c"), weight: 1),
        ], names: []))
    #expect((0..<7).map { _ in group.nextFilter() } == [0, 0, 1, 0, 2, 0, 0])
  }
}
