import Engine
import Jobs
import Unsteady

/// Everybody who calls the server.
final class Actors {
  static let queues = ["a", "b", "c"]

  let world: World
  private var workers: [SimulatedWorker] = []
  private var known: [String] = []
  /// Those that nobody depends on having: not of batches and the like.
  private var plain: [String] = []
  private let flow: FlowActors

  init(_ world: World) {
    self.world = world
    flow = FlowActors(world)
  }

  func start() {
    Watcher(world).start()
    flow.start()
    for _ in 0..<world.plan.producers { produce() }
    for number in 0..<world.plan.workers {
      let worker = SimulatedWorker(world, id: "w\(number)")
      workers.append(worker)
      worker.connect()
    }
    for number in 0..<world.plan.pollers { SimulatedPoller(world, id: "p\(number)").start() }
    operate()
  }

  /// One worker that takes everything makes sure that all jobs end, and nothing stays paused.
  func calmDown() {
    for queue in Self.queues { resume(queue) }
    flow.calmDown()
    SimulatedWorker(world, id: "last", takesAll: true).connect()
  }

  private func resume(_ queue: String) {
    let route = world.open { [self] effect in
      if case .reply(_, .done) = effect { return }
      world.after(.seconds(1)) { self.resume(queue) }
    }
    world.send(.pause(queue: queue, false, route))
  }

  // MARK: Producers

  private func produce() {
    let pause = world.between(0, 2 * world.plan.pause.microseconds / 1_000)
    world.after(pause) { [self] in
      guard !world.isCalm else { return }
      let burst = world.chance(5) ? 40 : Int.random(in: 1...4, using: &world.random)
      enqueue(
        EnqueueGroup(jobs: (0..<burst).map { _ in job() }, allOrNothing: world.chance(10)), tries: 3
      )
      produce()
    }
  }

  /// Says it again when the answer did not come: the ids make that harmless.
  private func enqueue(_ group: EnqueueGroup, tries: Int) {
    world.oracle.enqueuesUnderWay += 1
    var isDone = false
    let finish = { [self] (again: Bool) in
      guard !isDone else { return }
      isDone = true
      world.oracle.enqueuesUnderWay -= 1
      if again, tries > 0 {
        world.after(world.between(10, 2_000)) { self.enqueue(group, tries: tries - 1) }
      }
    }
    let route = world.open { effect in
      if case .reply(_, .enqueued) = effect { finish(false) } else { finish(true) }
    }
    let durability: Durability? = world.chance(50) ? nil : world.chance(50) ? .relaxed : .synced
    world.send(.enqueue(group, durability, route))
    world.after(.seconds(5)) { finish(true) }
  }

  private func job() -> NewJob {
    let id = "j\(known.count)"
    if flow.isReady, world.chance(40) {
      let retry = RetryPolicy(
        maxAttempts: UInt32.random(in: 1...5, using: &world.random), initialBackoff: .seconds(1),
        maxBackoff: .seconds(30))
      let job = flow.job(id, retry: retry, others: known)
      known.append(id)
      world.oracle.asked(job)
      return job
    }
    let late: Int64 = world.plan.isLong ? 20 * 86_400_000 : 60_000
    let runAt = world.chance(30) ? world.clock + world.between(-1_000, late) : nil
    let unique =
      world.chance(15)
      ? Uniqueness(
        key: "k\(Int.random(in: 0..<5, using: &world.random))",
        holdFor: world.chance(30) ? world.between(1_000, 30_000) : nil,
        onConflict: [.keep, .reject, .replace][Int.random(in: 0..<3, using: &world.random)]) : nil
    let options = JobOptions(
      retry: RetryPolicy(
        maxAttempts: UInt32.random(in: 1...5, using: &world.random), initialBackoff: .seconds(1),
        maxBackoff: .seconds(30),
        maxLost: UInt32.random(in: 1...4, using: &world.random)),
      timeout: world.chance(20) ? world.between(200, 8_000) : nil,
      startBefore: world.chance(5) ? (runAt ?? world.clock) + world.between(1, 20_000) : nil,
      unique: unique)
    let queue = Self.queues[Int.random(in: 0..<3, using: &world.random)]
    let job = NewJob(
      id: id, queue: queue, name: world.chance(50) ? "n" : "m",
      priority: Int8.random(in: -2...2, using: &world.random),
      runAt: runAt, options: options, payloadSize: Int.random(in: 0..<2_000, using: &world.random))
    known.append(id)
    plain.append(id)
    world.oracle.asked(job)
    return job
  }

  // MARK: Operators

  private func operate() {
    let longest: Int64 = world.plan.isLong ? 43_200_000 : 20_000
    world.after(world.between(500, longest)) { [self] in
      guard !world.isCalm else { return }
      let route = world.open { _ in }
      let id = known.randomElement(using: &world.random) ?? "none"
      let queue = Self.queues[Int.random(in: 0..<3, using: &world.random)]
      switch Int.random(in: 0..<10, using: &world.random) {
      case 0...2: world.send(.control(.cancel(jobID: id, reason: ""), route))
      case 3, 4:
        world.oracle.asked(toRetry: id)
        world.send(.control(.retry(jobID: id, resetAttempts: world.chance(50)), route))
      case 5:
        let id = plain.randomElement(using: &world.random) ?? "none"
        world.oracle.asked(toDelete: id)
        world.send(.control(.delete(jobID: id), route))
      case 6:
        world.send(.pause(queue: queue, true, route))
        world.after(world.between(100, 30_000)) { self.resume(queue) }
      case 7:
        world.oracle.sweepsRetry = true
        world.send(
          .sweep(Sweep(action: .retry(resetAttempts: true), queue: queue, states: [.dead]), route))
      case 8: world.send(.drainWorker(id: "w0", route))
      default: world.send(.queues(route))
      }
      operate()
    }
  }
}

/// Reads every event, from memory or from the store, comes back at the cursor it had.
final class Watcher {
  private let world: World
  private var cursor: Int64 = 0
  private var asked: UInt64 = 0

  init(_ world: World) { self.world = world }

  func start() { pull() }

  private func pull() {
    asked += 1
    let mine = asked
    let route = world.open { effect in if self.asked == mine { self.answered(effect) } }
    world.send(.pullEvents(EventPull(filter: EventFilter(), after: cursor, limit: 50), route))
    // An answer may be lost with the server.
    world.after(.seconds(20)) { if self.asked == mine { self.pull() } }
  }

  private func answered(_ effect: Effect) {
    switch effect {
    case .reply(_, .events(.events(let events, let next))):
      world.oracle.saw(events)
      if let last = events.last, last.cursor > next {
        world.oracle.fault("the cursor lies before the events")
      }
      cursor = next
    case .reply(_, .events(.readFromStore(let after, let end))):
      // Beyond its own place only over a gap without events: the oracle sees at the end whether any was left out.
      if after < cursor {
        world.oracle.fault("sent back to \(after) in the store, was at \(cursor)")
      }
      do {
        guard case .events(let events, let next) = try world.reader.events(after: after, limit: 100)
        else {
          return world.oracle.fault("events are trimmed")
        }
        world.oracle.saw(events.filter { $0.cursor <= end })
        cursor = events.isEmpty ? end : min(next, end)
      } catch {
        world.oracle.fault("cannot read events: \(error)")
      }
    default: break
    }
    // Mostly quick, at times very late.
    asked += 1
    world.after(!world.isCalm && world.chance(3) ? world.between(1_000, 60_000) : world.between(0, 20)) {
      self.pull()
    }
  }
}
