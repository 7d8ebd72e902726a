import Jobs
import MemoryStore
import Testing

/// Runs the same random commands on the reference store and on another one, and compares all they say.
final class StoreDifferential {
  private let harness: any StoreHarness
  private let reference: MemoryStore
  private var subject: any JobStore
  private var random: SeededGenerator
  private let label: String
  private var now = Timestamp(seconds: 1_700_000_000)
  private var ids: [String] = ["unknown"]
  /// Leases that are or were held: the reference's and the subject's.
  private var leases: [(Lease, Lease)] = []
  private var tokens: Set<UInt64> = []
  private var chosenIDs = 0
  private let queues = ["a", "b", "mail.1", "mail.2", "mail.3"]
  private let names = ["send", "hash", "resize"]
  private let keys = ["k1", "k2", "k3", "k4"]
  private let configuration: StoreConfiguration

  init(_ harness: any StoreHarness, seed: UInt64) throws {
    self.harness = harness
    label = "seed \(seed)"
    random = SeededGenerator(seed: seed)
    var configuration = StoreConfiguration()
    configuration.retention = .seconds(30)
    configuration.deadRetention = .seconds(90)
    configuration.eventRetention = .seconds(200)
    configuration.lease = .seconds(10)
    configuration.timeoutGrace = .seconds(2)
    self.configuration = configuration
    reference = MemoryStore(configuration: configuration, salt: 77)
    subject = try harness.open(configuration, salt: 77, now: now)
  }

  deinit { harness.clean(subject) }

  func run(ticks: Int, crashes: Bool) throws {
    for tick in 0..<ticks {
      now = now + .microseconds(Int64.random(in: 0...3_000_000, using: &random))
      // The tick's own order, so that a store may expire what a claim meets or leave it to promote.
      for _ in 0..<Int.random(in: 0...5, using: &random) { try step() }
      try promoteAll()
      if random.chance(70) { try claim() }
      for _ in 0..<Int.random(in: 0...2, using: &random) { try step() }
      if harness.isTransactional, random.chance(10) {
        reference.rollback()
        subject.rollback()
      }
      try commit(at: tick)
      if crashes, random.chance(8), try !reopen() { return }
    }
    try compareAll(at: ticks)
  }

  private func expect<T: Equatable>(_ subject: T, _ reference: T, _ what: String) throws {
    if subject != reference {
      throw Difference("\(label): \(what)\n  store:     \(subject)\n  reference: \(reference)")
    }
  }

  private struct Difference: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
  }

  // MARK: Steps

  private func step() throws {
    switch Int.random(in: 0..<100, using: &random) {
    case 0..<40: try enqueue()
    case 40..<65: try settle()
    case 65..<72: try extend()
    case 72..<80: try reclaim()
    case 80..<90: try control()
    case 90..<92: try sweep()
    case 92..<95: try pause()
    case 95..<98: try prune()
    default: try recordEvents()
    }
  }

  private func pick<T>(_ values: [T]) -> T { values[Int.random(in: 0..<values.count, using: &random)] }

  private func makeJob() -> NewJob {
    var id = ""
    if random.chance(15) {
      chosenIDs += 1
      id = random.chance(30) ? pick(ids) : "chosen-\(chosenIDs)"
    }
    var options = JobOptions.standard
    if random.chance(50) {
      let unique =
        random.chance(50)
        ? Uniqueness(
          key: pick(keys), holdFor: random.chance(30) ? .seconds(20) : nil,
          onConflict: pick([.keep, .reject, .replace]))
        : nil
      options = JobOptions(
        retry: RetryPolicy(
          maxAttempts: UInt32.random(in: 1...4, using: &random), initialBackoff: .milliseconds(700),
          maxBackoff: .seconds(5), multiplier: pick([1, 1.7, 2]), jitter: pick([0, 0.3]),
          maxLost: UInt32.random(in: 1...3, using: &random)),
        timeout: random.chance(20) ? .seconds(4) : nil,
        startBefore: random.chance(20) ? now + .milliseconds(Int64.random(in: -500...9000, using: &random)) : nil,
        retention: random.chance(20) ? pick([.zero, .seconds(3)]) : nil, unique: unique,
        concurrencyKey: random.chance(10) ? "c" : "", fairnessKey: random.chance(10) ? "tenant" : "",
        batchID: random.chance(10) ? "batch" : "")
    }
    let size = Int.random(in: 0...40, using: &random)
    return NewJob(
      id: id, queue: pick(queues), name: pick(names), priority: random.chance(30) ? pick([-100, -1, 1, 100]) : 0,
      runAt: random.chance(30) ? now + .milliseconds(Int64.random(in: -3000...12_000, using: &random)) : nil,
      options: options, payloadSize: size, body: (0..<size).map { _ in UInt8.random(in: 0...255, using: &random) })
  }

  private func enqueue() throws {
    let groups = (0..<Int.random(in: 1...3, using: &random)).map { _ in
      EnqueueGroup(
        jobs: (0..<Int.random(in: 1...4, using: &random)).map { _ in makeJob() }, allOrNothing: random.chance(40))
    }
    let expected = reference.enqueue(groups, now: now)
    try expect(try subject.enqueue(groups, now: now), expected, "enqueue \(groups)")
    for case .stored(let id, _, _) in expected { ids.append(id) }
  }

  private func claim() throws {
    let filters = (0..<3).map { _ in
      ClaimFilter(
        queues: (0..<Int.random(in: 1...3, using: &random)).map { _ in QueuePattern(pick(queues + ["mail.*", "*"])) },
        names: random.chance(40) ? [pick(names), pick(names)] : [])
    }
    let workers = (0..<3).map { index in
      ClaimRequest.Worker(
        id: "w\(index)", leaseUntil: now + .seconds(Int64.random(in: 1...12, using: &random)),
        byteBudget: random.chance(30) ? 60 : .max, holdsNothing: random.chance(50))
    }
    let slots = (0..<Int.random(in: 1...8, using: &random)).map { _ in
      ClaimRequest.Slot(worker: Int.random(in: 0..<3, using: &random), filter: Int.random(in: 0..<3, using: &random))
    }
    let may = filters.map { subject.mayHaveReady($0) }
    let request = ClaimRequest(filters: filters, workers: workers, slots: slots)
    let expected = reference.claim(request, now: now)
    let got = try subject.claim(request, now: now)
    try expect(got.jobs.map(claimed), expected.jobs.map(claimed), "claim \(request)")
    try expect(got.dry, expected.dry, "dry \(request)")
    if !expected.jobs.isEmpty, !may.contains(true) { throw Difference("\(label): mayHaveReady said no in vain") }
    for (mine, theirs) in zip(expected.jobs, got.jobs) {
      leases.append((mine.lease, theirs.lease))
      if !tokens.insert(theirs.lease.token).inserted { throw Difference("\(label): a token was given twice") }
    }
  }

  private func claimed(_ job: ClaimedJob) -> String {
    var record = JobRecord(
      seq: 0, job: job.job, state: .running, createdAt: job.createdAt, runAt: job.readyAt)
    record.attempt = job.attempt
    return "\(job.lease.jobID) worker \(job.worker) deadline \(job.deadline?.microseconds ?? -1)\n" + describe(record)
  }

  private func settle() throws {
    guard !leases.isEmpty else { return }
    var mine: [Settlement] = []
    var theirs: [Settlement] = []
    for _ in 0..<Int.random(in: 1...4, using: &random) {
      // Mostly recent ones, which are likely to be held.
      let lease =
        random.chance(80) ? leases[max(0, leases.count - 1 - Int.random(in: 0..<8, using: &random))] : pick(leases)
      let draw = Double.random(in: 0..<1, using: &random)
      let outcome: Settlement.Outcome =
        switch Int.random(in: 0..<10, using: &random) {
        case 0..<4: .succeeded(result: random.chance(50) ? [1, 2, 3] : [])
        case 4..<6: .failed(Failure(type: "E", message: "m", backtrace: "b", retryable: random.chance(80)), draw: draw)
        case 6: .released(delay: random.chance(50) ? .seconds(2) : nil)
        case 7: .canceled(draw: draw)
        case 8: .unconfirmed
        default: .lost
        }
      mine.append(Settlement(lease: lease.0, outcome: outcome))
      theirs.append(Settlement(lease: lease.1, outcome: outcome))
    }
    let expected = reference.settle(mine, now: now)
    try expect(try subject.settle(theirs, now: now), expected, "settle \(mine)")
  }

  private func extend() throws {
    guard !leases.isEmpty else { return }
    let lease = leases[max(0, leases.count - 1 - Int.random(in: 0..<8, using: &random))]
    let until = now + .seconds(Int64.random(in: 1...15, using: &random))
    let progress = random.chance(50) ? Progress(percent: 50, message: "half") : nil
    let expected = reference.extend([Extension(lease: lease.0, until: until, progress: progress)], now: now)
    let got = try subject.extend([Extension(lease: lease.1, until: until, progress: progress)], now: now)
    try expect(got.map(held), expected.map(held), "extend \(lease.0)")
  }

  private func held(_ result: ExtendResult) -> String {
    guard case .extended(let job) = result else { return "not held" }
    return words(job)
  }

  private func words(_ job: HeldJob) -> String {
    var job = job
    job.lease.token = 0
    return "\(job)"
  }

  private func promoteAll() throws {
    var limit = random.chance(50) ? 2 : 100
    while true {
      let count = reference.promote(now: now, limit: limit)
      try expect(try subject.promote(now: now, limit: limit), count, "promote \(limit)")
      if count < limit { return }
      limit = 100
    }
  }

  private func reclaim() throws {
    let limit = pick([1, 3, 100])
    let expected = reference.reclaim(now: now, limit: limit)
    let got = try subject.reclaim(now: now, limit: limit)
    func words(_ lapsed: LapsedLease) -> String { "\(lapsed.lease.jobID) \(lapsed.workerID) \(lapsed.state)" }
    try expect(got.map(words), expected.map(words), "reclaim")
  }

  private func control() throws {
    let id = random.chance(70) ? pick(ids.suffix(20)) : pick(ids)
    let control: Control =
      switch Int.random(in: 0..<4, using: &random) {
      case 0: .cancel(jobID: id, reason: random.chance(50) ? "why" : "")
      case 1, 2: .retry(jobID: id, resetAttempts: random.chance(50))
      default: .delete(jobID: id)
      }
    func said(_ result: ControlResult) -> String {
      if case .running(let held) = result { "running " + words(held) } else { "\(result)" }
    }
    let expected = reference.control([control], now: now)
    try expect(try subject.control([control], now: now).map(said), expected.map(said), "\(control)")
  }

  private func sweep() throws {
    let states: Set<JobState> = Set(
      (0..<3).map { _ in pick([.scheduled, .ready, .retrying, .succeeded, .dead, .canceled, .expired]) })
    let sweep = Sweep(
      action: random.chance(30) ? .delete : .retry(resetAttempts: random.chance(50)), queue: pick(queues),
      states: states, name: random.chance(30) ? pick(names) : "")
    let limit = pick([5, 50, 1000])
    func total(_ store: any JobStore) throws -> Int {
      var count = 0
      var cursor: Int64?
      repeat {
        let slice = try store.sweep(sweep, from: cursor, limit: limit, now: now)
        count += slice.count
        cursor = slice.next
      } while cursor != nil
      return count
    }
    let expected = try total(reference)
    try expect(try total(subject), expected, "\(sweep)")
  }

  private func pause() throws {
    let queue = pick(queues)
    let paused = random.chance(40)
    reference.setPaused(paused, queue: queue, now: now)
    try subject.setPaused(paused, queue: queue, now: now)
  }

  private func prune() throws {
    while reference.prune(now: now, limit: 1000) <= now {}
    while try subject.prune(now: now, limit: 1000) <= now {}
  }

  private func recordEvents() throws {
    let event = Event(kind: pick([.workerConnected, .workerDisconnected]), at: now, workerID: "w0")
    reference.record([event])
    try subject.record([event])
  }

  // MARK: Comparing

  private func commit(at tick: Int) throws {
    let expected = reference.commit(.synced)
    let got = try subject.commit(pick([.synced, .relaxed]))
    try expect(got.count, expected.count, "number of events of tick \(tick)")
    for (mine, theirs) in zip(expected, got) { try expect(theirs, mine, "event of tick \(tick)") }
    try expect(subject.lastEventCursor, reference.lastEventCursor, "last cursor after tick \(tick)")
    try expect(subject.nextDue, reference.nextDue, "next due after tick \(tick)")
    try expect(try subject.queues(now: now), reference.queues(now: now), "queues after tick \(tick)")
    let queue = pick(queues)
    let place = Place(priority: pick([-100, 0, 1]), readyAt: now - .seconds(2), seq: 50)
    try expect(
      try subject.jobsAhead(of: place, queue: queue), reference.jobsAhead(of: place, queue: queue),
      "jobs ahead after tick \(tick)")
    try expect(
      try subject.idsAhead(of: place, queue: queue, most: 3), reference.idsAhead(of: place, queue: queue, most: 3),
      "ids ahead after tick \(tick)")
    let id = pick(ids)
    try expect(
      try subject.reader.job(id: id).map(describe), try reference.reader.job(id: id).map(describe),
      "job after tick \(tick)")
    if tick % 40 == 0 { try compareAll(at: tick) }
  }

  private func compareAll(at tick: Int) throws {
    var queries: [JobQuery] = [JobQuery()]
    var query = JobQuery()
    query.queue = pick(queues)
    query.limit = 7
    queries.append(query)
    query.states = [pick(JobState.allCases), pick(JobState.allCases)]
    queries.append(query)
    query.queue = ""
    query.name = pick(names)
    queries.append(query)
    for query in queries {
      let expected = try all(query, reference.reader)
      let got = try all(query, subject.reader)
      try expect(got.count, expected.count, "jobs of \(query) at tick \(tick)")
      for (mine, theirs) in zip(expected, got) { try expect(theirs, mine, "job of \(query) at tick \(tick)") }
    }
    try expect(try events(subject.reader), try events(reference.reader), "stored events at tick \(tick)")
  }

  private func all(_ query: JobQuery, _ reader: any JobReader) throws -> [String] {
    var query = query
    var words: [String] = []
    repeat {
      let page = try reader.jobs(query)
      words += page.jobs.map(describe)
      query.before = page.next
    } while query.before != nil
    return words
  }

  private func events(_ reader: any JobReader) throws -> [Event] {
    var events: [Event] = []
    var cursor: Int64 = 0
    while case .events(let page, let next) = try reader.events(after: cursor, limit: 100), !page.isEmpty {
      events += page
      cursor = next
    }
    return events
  }

  /// Ends the subject, sometimes in the middle of a tick, and goes on with what it left behind.
  private func reopen() throws -> Bool {
    let crash = random.chance(60)
    if crash, harness.isTransactional, random.chance(50) {
      try step()
      try promoteAll()
      try claim()
      reference.rollback()
    }
    guard let store = try harness.reopen(subject, crash: crash, now: now) else { return false }
    subject = store
    if harness.renewsLeasesAtOpen {
      _ = reference.extend(leases.map { Extension(lease: $0.0, until: now + configuration.lease) }, now: now)
      _ = reference.commit(.synced)
    }
    try compareAll(at: -1)
    return true
  }
}

extension StoreConformance {
  static let differentialCases: [StoreCase] =
    (1...5).map { seed in
      StoreCase("random commands give what the reference gives, seed \(seed)") { harness in
        try StoreDifferential(harness, seed: UInt64(seed)).run(ticks: 150, crashes: false)
      }
    }
    + (101...104).map { seed in
      StoreCase("random commands with ends and crashes give what the reference gives, seed \(seed)") { harness in
        try StoreDifferential(harness, seed: UInt64(seed)).run(ticks: 120, crashes: true)
      }
    }
}
