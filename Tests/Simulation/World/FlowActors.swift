import Engine
import Jobs

/// Those who use limits, fairness, dependencies, batches and recurring jobs.
final class FlowActors {
  static let limits = [
    Limit(.queue("limited"), maxRunning: 3), Limit(.keyPrefix("k-"), maxRunning: 2),
    Limit(.key("rate"), rate: Limit.Rate(count: 5, period: .seconds(20))),
    Limit(.key("k-0"), rate: Limit.Rate(count: 40, period: .seconds(60))),
    Limit(.queue("rated"), maxRunning: 50, rate: Limit.Rate(count: 300, period: .minutes(10))),
  ]
  /// Made at every minute, however late; and of each time-out only the latest, never two at once.
  static let recurring = ["every-minute", "seldom"]

  let world: World
  /// Until then nothing asks for it.
  private(set) var isReady = false
  private var batches = 0
  private var missing = FlowActors.limits.count

  init(_ world: World) { self.world = world }

  func start() {
    for limit in Self.limits {
      world.insist {
        .flow(.putLimit(limit), $0)
      } then: { [self] in
        missing -= 1
        isReady = missing == 0
        if isReady { world.oracle.flow.limits = Self.limits }
      }
    }
    // Over a long time at every hour, and every other one.
    let texts = world.plan.isLong ? ["0 * * * *", "0 */2 * * *"] : ["* * * * *", "*/20 * * * * *"]
    guard let minutely = try? Cron(texts[0]), let often = try? Cron(texts[1]) else { return }
    for (id, cron) in [(Self.recurring[0], minutely), (Self.recurring[1], often)] {
      let isAll = id == Self.recurring[0]
      let job = RecurringJob(
        id: id, schedule: .cron(cron, .utc),
        job: NewJob(
          queue: "a", name: "again", options: JobOptions(retry: RetryPolicy(maxAttempts: 2))),
        missedRuns: isAll ? .all : .one, overlap: isAll ? .allow : .skip)
      world.insist {
        .flow(.putRecurring(job), $0)
      } then: {
      }
    }
    world.after(.seconds(20)) { self.makeBatches() }
  }

  /// Nothing is made by itself any more, so that there is an end.
  func calmDown() {
    for id in Self.recurring {
      world.insist {
        .flow(.deleteRecurring(id), $0)
      } then: {
      }
    }
  }

  // MARK: Batches

  private func makeBatches() {
    let longest: Int64 = world.plan.isLong ? 86_400_000 : 90_000
    world.after(world.between(5_000, longest)) { [self] in
      guard !world.isCalm else { return }
      makeBatch()
      makeBatches()
    }
  }

  private func makeBatch() {
    let id = "batch-\(batches)"
    batches += 1
    let terms = BatchTerms(
      id: id, onFinished: NewJob(queue: "a", name: "done-" + id),
      onSucceeded: NewJob(queue: "b", name: "good-" + id))
    world.oracle.flow.batches.append(id)
    world.insist {
      .flow(.putBatch(terms), $0)
    } then: { [self] in
      fill(id, 0, groups: Int.random(in: 1...3, using: &world.random))
    }
  }

  private func fill(_ id: String, _ group: Int, groups: Int) {
    guard group < groups else {
      return world.insist {
        .flow(.putBatch(BatchTerms(id: id, isClosed: true)), $0)
      } then: {
      }
    }
    let jobs = (0..<Int.random(in: 1...6, using: &world.random)).map { number in
      NewJob(
        id: "\(id)-\(group)-\(number)", queue: world.chance(70) ? "a" : "limited", name: "n",
        runAt: world.chance(10) ? world.clock + world.between(0, 60_000) : nil,
        options: JobOptions(
          retry: RetryPolicy(
            maxAttempts: 20, initialBackoff: .seconds(1), maxBackoff: .seconds(5), maxLost: 20),
          batchID: id))
    }
    for job in jobs { world.oracle.asked(job) }
    world.insist {
      .enqueue(EnqueueGroup(jobs: jobs), .synced, $0)
    } then: { [self] in
      world.after(world.between(0, 5_000)) { self.fill(id, group + 1, groups: groups) }
    }
  }

  // MARK: Jobs

  /// - Parameter others: ids that it may depend on.
  func job(_ id: String, retry: RetryPolicy, others: [String]) -> NewJob {
    let size = Int.random(in: 0..<500, using: &world.random)
    func job(_ queue: String, _ options: JobOptions, runAt: Timestamp? = nil) -> NewJob {
      NewJob(id: id, queue: queue, name: "n", runAt: runAt, options: options, payloadSize: size)
    }
    switch Int.random(in: 0..<5, using: &world.random) {
    case 0: return job(world.chance(50) ? "limited" : "rated", JobOptions(retry: retry))
    case 1:
      let key = world.chance(20) ? "rate" : "k-\(Int.random(in: 0..<3, using: &world.random))"
      return job(
        Actors.queues[Int.random(in: 0..<3, using: &world.random)],
        JobOptions(retry: retry, concurrencyKey: key))
    case 2, 3:
      let tenant = world.chance(50) ? 0 : Int.random(in: 1..<6, using: &world.random)
      return job("fair", JobOptions(retry: retry, fairnessKey: "t\(tenant)"))
    default:
      var dependsOn: [String] = []
      for _ in 0..<Int.random(in: 1...3, using: &world.random) {
        if let other = others.suffix(30).randomElement(using: &world.random),
          !dependsOn.contains(other)
        {
          dependsOn.append(other)
        }
      }
      return job(
        "b",
        JobOptions(
          retry: retry, dependsOn: dependsOn, onDependencyFailure: world.chance(50) ? .run : .cancel
        ),
        runAt: world.chance(20) ? world.clock + world.between(0, 30_000) : nil)
    }
  }
}

extension World {
  /// Says it again until it is done.
  func insist(_ command: @escaping (Route) -> Command, then: @escaping () -> Void) {
    var isOver = false
    let again = { [self] in
      guard !isOver else { return }
      isOver = true
      after(between(100, 2_000)) { self.insist(command, then: then) }
    }
    let route = open { effect in
      guard !isOver else { return }
      switch effect {
      case .reply(_, .failed), .endSession, .toWorker: again()
      case .reply:
        isOver = true
        then()
      }
    }
    send(command(route))
    after(.seconds(15), again)
  }
}
