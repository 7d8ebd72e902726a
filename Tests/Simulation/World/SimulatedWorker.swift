import Engine
import Jobs

/// A worker on a stream that runs jobs, and crashes, hangs, is cut off, repeats itself, lies about old leases and comes back.
final class SimulatedWorker {
  private let world: World
  private let id: String
  private let takesAll: Bool
  private let window: Interval?
  private let queues: [String]
  private var most: UInt32
  private var route: Route?
  /// Rises with every stream: what belongs to an old one is ignored.
  private var stream = 0
  private var isCutOff = false
  private var seq: UInt64 = 0
  private var running: [Lease] = []
  private var unanswered: [WorkerOutcome] = []
  private var old: [Lease] = []

  init(_ world: World, id: String, takesAll: Bool = false) {
    self.world = world
    self.id = id
    self.takesAll = takesAll
    most = takesAll ? 50 : UInt32.random(in: 1...6, using: &world.random)
    window = world.chance(60) ? world.between(1_000, 40_000) : nil
    queues =
      takesAll
      ? ["*"]
      : [["a", "b"], ["*"], ["c"], ["b*", "a"]][Int.random(in: 0..<4, using: &world.random)]
    if !takesAll { scheduleTrouble() }
  }

  func connect() {
    guard route == nil else { return }
    stream += 1
    let mine = stream
    seq = 0
    isCutOff = false
    let route = world.open { effect in if self.stream == mine, !self.isCutOff { self.hear(effect) }
    }
    self.route = route
    let weights = !takesAll && world.chance(30)
    world.send(
      .connect(
        WorkerHello(
          workerID: id,
          subscriptions: queues.enumerated().map {
            Subscription(pattern: QueuePattern($1), weight: weights ? UInt32($0 + 1) : 0)
          }, maxInFlight: most, maxInFlightBytes: !takesAll && world.chance(20) ? 3_000 : 0,
          resumeWindow: window,
          held: running + unanswered.map(\.lease)), address: "sim", route), on: route)
    if !unanswered.isEmpty { say(WorkerMessage(outcomes: unanswered)) }
    beat(mine)
  }

  private func say(_ message: WorkerMessage) {
    guard let route, !isCutOff else { return }
    var message = message
    message.ackSeq = seq
    world.send(.work(message, route), on: route)
  }

  private func beat(_ mine: Int) {
    world.after(world.between(500, 3_000)) { [self] in
      guard stream == mine else { return }
      say(WorkerMessage())
      beat(mine)
    }
  }

  private func hear(_ effect: Effect) {
    switch effect {
    case .toWorker(_, let update):
      seq = update.seq
      for lease in update.welcome?.lost ?? [] { forget(lease) }
      for job in update.jobs { run(job) }
      for result in update.results { answered(result) }
      for notice in update.cancellations { stop(notice) }
      if !update.jobs.isEmpty, world.chance(80) { say(WorkerMessage()) }
      // As its loop would, once this has left.
      if update.isEnough { say(WorkerMessage(capacity: most)) }
    case .endSession:
      leave(tell: false)
      reconnectLater()
    case .reply: break
    }
  }

  private func run(_ job: ClaimedJob) {
    running.append(job.lease)
    let isSlow = !world.isCalm && world.chance(3)
    world.after(isSlow ? world.between(5_000, 60_000) : world.between(1, 3_000)) { [self] in
      guard running.contains(job.lease) else { return }
      let how: WorkerOutcome.How =
        switch Int.random(in: 0..<100, using: &world.random) {
        case 0..<70: .success(result: [1])
        case 70..<85: .failure(Failure(type: "t", message: "m", retryable: world.chance(80)))
        case 85..<95: .release(delay: world.chance(50) ? nil : world.between(-100, 5_000))
        default: .canceled
        }
      finish(job.lease, how)
    }
    if world.chance(20) {
      world.after(world.between(1, 1_000)) { [self] in
        guard running.contains(job.lease) else { return }
        say(
          WorkerMessage(progress: [
            ProgressReport(lease: job.lease, progress: Progress(percent: 50, message: "p"))
          ]))
      }
    }
  }

  private func finish(_ lease: Lease, _ how: WorkerOutcome.How) {
    running.removeAll { $0 == lease }
    let outcome = WorkerOutcome(lease: lease, how: how)
    unanswered.append(outcome)
    old.append(lease)
    if old.count > 20 { old.removeFirst() }
    var outcomes = [outcome]
    // Some say it twice, or say something about a lease of long ago.
    if world.chance(3) { outcomes.append(outcome) }
    if world.chance(3), let stale = old.first, stale != lease {
      outcomes.append(WorkerOutcome(lease: stale, how: .success(result: [])))
    }
    say(WorkerMessage(outcomes: outcomes))
  }

  private func answered(_ result: LeaseResult) {
    if case .failed = result.code {
      let again = unanswered.filter { $0.lease == result.lease }
      world.after(.seconds(1)) { self.say(WorkerMessage(outcomes: again)) }
    } else {
      unanswered.removeAll { $0.lease == result.lease }
    }
  }

  private func stop(_ notice: CancelNotice) {
    switch notice.reason {
    case .leaseLost: forget(notice.lease)
    case .canceled, .timeout:
      guard world.chance(80) else { return }
      world.after(world.between(1, 500)) { [self] in
        if running.contains(notice.lease) { finish(notice.lease, .canceled) }
      }
    }
  }

  private func forget(_ lease: Lease) {
    running.removeAll { $0 == lease }
    unanswered.removeAll { $0.lease == lease }
  }

  private func leave(tell: Bool) {
    guard let route else { return }
    self.route = nil
    stream += 1
    world.close(route, tell ? .disconnect(route) : nil)
  }

  private func reconnectLater() { world.after(world.between(10, 4_000)) { self.connect() } }

  private func scheduleTrouble() {
    world.after(world.between(5_000, 120_000)) { [self] in
      guard !world.isCalm else {
        if isCutOff {
          leave(tell: true)
          connect()
        }
        return
      }
      switch Int.random(in: 0..<7, using: &world.random) {
      case 0:
        // Killed: nothing of it is left; the server may hear of it, or not for long.
        running = []
        unanswered = []
        leave(tell: world.chance(60))
        reconnectLater()
      case 1:
        // The stream breaks, the jobs run on.
        leave(tell: world.chance(70))
        reconnectLater()
      case 2:
        // Nothing comes through any more; it gives up after a while.
        isCutOff = true
        let mine = stream
        world.after(world.between(1_000, 40_000)) { [self] in
          guard stream == mine else { return }
          leave(tell: world.chance(70))
          connect()
        }
      case 3:
        most = UInt32.random(in: 0...6, using: &world.random)
        say(WorkerMessage(capacity: most))
        if most == 0 { most = 1 }
      case 4: say(WorkerMessage(drain: true))
      default: break
      }
      scheduleTrouble()
    }
  }
}

/// A worker that calls Fetch and Report.
final class SimulatedPoller {
  private let world: World
  private let id: String

  init(_ world: World, id: String) {
    self.world = world
    self.id = id
  }

  func start() { fetch() }

  private func fetch() {
    guard !world.isCalm else { return }
    var isDone = false
    // Over a long time they look seldom while there is nothing.
    var rest: Int64 = world.plan.isLong ? 1_800_000 : 3_000
    let next = { [self] in
      guard !isDone else { return }
      isDone = true
      world.after(world.between(10, rest)) { self.fetch() }
    }
    let route = world.open { [self] effect in
      if case .reply(_, .fetched(let jobs, _)) = effect, !isDone {
        for job in jobs { run(job.lease) }
        if !jobs.isEmpty { rest = 3_000 }
      }
      next()
    }
    world.send(
      .fetch(
        Fetch(
          workerID: id, subscriptions: [Subscription(pattern: QueuePattern("*"))],
          maxJobs: UInt32.random(in: 1...3, using: &world.random), maxWait: world.between(0, 5_000),
          lease: world.chance(50) ? .seconds(5) : nil, address: "sim"), route))
    world.after(.seconds(10)) { [self] in
      if !isDone, world.chance(50) { world.send(.forget(route)) }
      next()
    }
  }

  private func run(_ lease: Lease) {
    // One in ten is forgotten.
    guard world.chance(90) else { return }
    world.after(world.between(1, 4_000)) { [self] in
      if world.chance(20) {
        report(Report(workerID: id, extend: [lease]))
        world.after(world.between(1, 3_000)) { self.finish(lease) }
      } else {
        finish(lease)
      }
    }
  }

  private func finish(_ lease: Lease) {
    let how: WorkerOutcome.How =
      world.chance(80) ? .success(result: []) : .failure(Failure(type: "t", message: ""))
    report(Report(workerID: id, outcomes: [WorkerOutcome(lease: lease, how: how)]))
  }

  private func report(_ report: Report) {
    let route = world.open { _ in }
    world.send(.report(report, route))
  }
}
