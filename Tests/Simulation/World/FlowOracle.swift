import Backlog
import Engine
import Jobs

/// Goes through all that happened as it is stored, once all is over: limits, turns, dependencies, batches, recurring jobs, and again each
/// job's life, of which nothing is uncertain any more.
final class FlowOracle {
  private unowned let oracle: Oracle
  var limits: [Limit] = []
  var batches: [String] = []
  /// When by the world's clock an event was decided that is, or would be, the one with this cursor.
  private var decidedAt: [Int64: Timestamp] = [:]
  /// By how much the clock of whoever led was set forward, when.
  private var stepsForward: [(at: Timestamp, by: Interval)] = []
  private var leaderSkew = Interval.zero
  /// Nobody remembers after these cursors whose turn it was.
  private var loads: Set<Int64> = []

  private struct Life {
    var last: Event.Kind?
    var isRunning = false
    var isReady = false
    var hasSucceeded = false
    var wasStarted = false
  }
  private var lives: [String: Life] = [:]
  private var running: [Limit.Scope: Int] = [:]
  private var starts: [Limit.Scope: [Timestamp]] = [:]
  /// Of each tenant with ready jobs: how often each other one was started since it had its last turn.
  private var passed: [String: [String: Int]] = [:]
  private var ready: [String: Int] = [:]
  private var openInBatch: [String: Int] = [:]
  private var finishedBatches: [String: Int] = [:]
  private var keyHolders: [String: String] = [:]

  init(_ oracle: Oracle) { self.oracle = oracle }

  func decided(_ events: [Event], at time: Timestamp) {
    for event in events { decidedAt[event.cursor] = time }
  }
  func stepped(at time: Timestamp, by interval: Interval) {
    leaderSkew = leaderSkew + interval
    if interval > .zero { stepsForward.append((time, interval)) }
  }
  /// A server leads from now on, with a clock of its own.
  func led(skew: Interval, at time: Timestamp) {
    stepped(at: time, by: Interval(microseconds: skew.microseconds - leaderSkew.microseconds))
  }
  func loaded(_ lastCursor: Int64) { loads.insert(lastCursor) }

  /// Nobody hears of a start that a rate has counted before it is stored.
  func said(_ effect: Effect, _ reader: any JobReader) {
    let jobs =
      switch effect {
      case .toWorker(_, let update): update.jobs
      case .reply(_, .fetched(let jobs, _)): jobs
      default: [ClaimedJob]()
      }
    for job in jobs where scopes(job.job.queue, job.job.options.concurrencyKey).contains(where: { $1.rate != nil }) {
      guard let record = try? reader.job(id: job.job.id), record.attempt < job.attempt else { continue }
      oracle.fault("job \(job.job.id) is given out before its start is stored, which a rate has counted")
    }
  }

  // MARK: Events

  func finish(_ reader: any JobReader, _ backlog: Backlog) {
    var after: Int64 = 0
    var afterLoad = loads.sorted()[...]
    while case .events(let events, let next)? = try? reader.events(after: after, limit: 1_000),
      !events.isEmpty
    {
      for event in events {
        while let load = afterLoad.first, load < event.cursor {
          passed = [:]
          afterLoad.removeFirst()
        }
        if event.kind == .batchFinished { finished(event.batchID) }
        if !event.jobID.isEmpty { happened(event) }
      }
      after = next
    }
    if !oracle.forgets {
      for id in batches { checkBatch(id, reader, backlog) }
      checkRecurring(reader)
    }
    checkStates(reader, backlog)
  }

  private func happened(_ event: Event) {
    let id = event.jobID
    var life = lives[id] ?? Life()
    let isAnew = oracle.mayComeAnew(id) && Oracle.follows(event.kind, nil)
    if !Oracle.follows(event.kind, life.last), !isAnew,
      !oracle.mayBeReplaced(id, life.last, event.kind)
    {
      oracle.fault(
        "stored of job \(id): \(event.kind) after \(life.last.map { "\($0)" } ?? "nothing")")
    }
    let job = oracle.jobs[id]
    let scopes = scopes(event.queue, job?.options.concurrencyKey ?? "")
    let wasOpen = life.last.map { !Oracle.isFinal($0) } ?? false
    let isOpen = !Oracle.isFinal(event.kind)
    if wasOpen != isOpen { openInBatch[event.batchID, default: 0] += isOpen ? 1 : -1 }
    let tenant = event.queue == "fair" ? job?.options.fairnessKey ?? "" : nil
    if let tenant, life.isReady { leaveTurn(tenant) }
    life.isReady = false
    switch event.kind {
    case .started:
      if life.isRunning { oracle.fault("job \(id) is started while it runs") }
      for (subject, limit) in scopes { count(subject, limit, event) }
      if let job, !life.wasStarted { checkDependencies(job) }
      if let tenant { tookTurn(tenant) }
      life.isRunning = true
      life.wasStarted = true
    case .progress: break
    default:
      if life.isRunning { for (subject, _) in scopes { running[subject, default: 0] -= 1 } }
      life.isRunning = false
      if event.kind == .succeeded { life.hasSucceeded = true }
      if event.kind == .enqueued {
        life.isReady = true
        if let tenant { awaitTurn(tenant) }
      }
    }
    life.last = event.kind
    lives[id] = life
    if let unique = job?.options.unique { checkKey(event.queue + "/" + unique.key, id, isOpen) }
  }

  private func checkKey(_ key: String, _ id: String, _ isOpen: Bool) {
    guard isOpen else {
      if keyHolders[key] == id { keyHolders[key] = nil }
      return
    }
    // One that was deleted ends without a word.
    if let holder = keyHolders[key], holder != id, !oracle.mayComeAnew(holder) {
      oracle.fault("stored: jobs \(holder) and \(id) have the key \(key) at once")
    }
    keyHolders[key] = id
  }

  // MARK: Limits

  /// What a job is counted in: for a prefix each key by itself.
  private func scopes(_ queue: String, _ key: String) -> [(Limit.Scope, Limit)] {
    limits.compactMap { limit in
      switch limit.scope {
      case .queue(let name): name == queue ? (limit.scope, limit) : nil
      case .key(let name): name == key ? (limit.scope, limit) : nil
      case .keyPrefix(let prefix):
        key.hasPrefix(prefix) && !key.isEmpty ? (.keyPrefix(key), limit) : nil
      }
    }
  }

  private func count(_ subject: Limit.Scope, _ limit: Limit, _ event: Event) {
    running[subject, default: 0] += 1
    if limit.maxRunning > 0, running[subject, default: 0] > Int(limit.maxRunning) {
      oracle.fault("\(subject): \(running[subject, default: 0]) run, \(limit.maxRunning) may")
    }
    guard let rate = limit.rate, let at = decidedAt[event.cursor] else { return }
    var times = starts[subject] ?? []
    times.append(at)
    starts[subject] = times
    guard times.count > Int(rate.count) else { return }
    let first = times[times.count - 1 - Int(rate.count)]
    // When the clock is set forward it cannot be told from having slept.
    var passed = at - first
    for step in stepsForward where first <= step.at && step.at <= at { passed = passed + step.by }
    if passed < rate.period {
      oracle.fault(
        "\(subject): \(rate.count + 1) started within \((at - first).seconds) s at cursor \(event.cursor)"
      )
    }
  }

  // MARK: Turns

  private func awaitTurn(_ tenant: String) {
    ready[tenant, default: 0] += 1
    if ready[tenant] == 1 { passed[tenant] = [:] }
  }

  private func leaveTurn(_ tenant: String) {
    ready[tenant, default: 0] -= 1
    if ready[tenant] == 0 { passed[tenant] = nil }
  }

  private func tookTurn(_ tenant: String) {
    if passed[tenant] != nil { passed[tenant] = [:] }
    for (other, count) in ready where other != tenant && count > 0 {
      guard passed[other] != nil else { continue }
      passed[other]?[tenant, default: 0] += 1
      if passed[other]?[tenant] == 3 {
        oracle.fault("tenant \(other) waits while \(tenant) is started thrice")
      }
    }
  }

  // MARK: Dependencies

  private func checkDependencies(_ job: NewJob) {
    guard !oracle.wasRetried(job.id) else { return }
    for id in job.options.dependsOn {
      let other = lives[id]
      switch job.options.onDependencyFailure {
      case .cancel:
        if other?.hasSucceeded != true {
          oracle.fault("job \(job.id) is started before \(id), which it needs, has succeeded")
        }
      case .run:
        if let last = other?.last, !Oracle.isFinal(last), !oracle.mayComeAnew(id),
          !oracle.wasRetried(id),
          !oracle.sweepsRetry
        {
          oracle.fault("job \(job.id) is started before \(id) is over")
        }
      }
    }
  }

  // MARK: Batches

  private func finished(_ id: String) {
    finishedBatches[id, default: 0] += 1
    if openInBatch[id, default: 0] != 0 {
      oracle.fault("batch \(id) is finished with \(openInBatch[id, default: 0]) jobs open")
    }
  }

  private func checkBatch(_ id: String, _ reader: any JobReader, _ backlog: Backlog) {
    guard let view = backlog.batch(id) else { return oracle.fault("batch \(id) is gone") }
    guard view.terms.isClosed else { return oracle.fault("batch \(id) was not closed") }
    var counts = BatchCounts()
    for job in all(reader, { $0.batchID = id }) {
      switch job.state {
      case .succeeded: counts.succeeded += 1
      case .dead: counts.dead += 1
      case .canceled, .expired: counts.canceled += 1
      case .running: counts.running += 1
      case .scheduled, .ready, .retrying, .blocked: counts.waiting += 1
      }
    }
    if counts != view.counts { oracle.fault("batch \(id) says \(view.counts), has \(counts)") }
    if view.finishedAt == nil { oracle.fault("batch \(id) is never finished") }
    if finishedBatches[id] != 1 {
      oracle.fault("batch \(id) was finished \(finishedBatches[id] ?? 0) times")
    }
    let done = all(reader) { $0.name = "done-" + id }.count
    if done != 1 { oracle.fault("batch \(id): \(done) jobs for its end") }
    let good = all(reader) { $0.name = "good-" + id }.count
    let isGood = counts.succeeded == counts.jobs
    if good > 1 || (isGood && good != 1) || (good == 1) != !view.onSucceededJobID.isEmpty {
      oracle.fault("batch \(id): \(good) jobs for its success, \(counts)")
    }
  }

  // MARK: Recurring jobs

  /// The time that one is for is in its id.
  private func checkRecurring(_ reader: any JobReader) {
    for id in FlowActors.recurring {
      let times = all(reader) { $0.recurringJobID = id }.compactMap { Self.minute($0.job.id) }
        .sorted()
      guard id == FlowActors.recurring[0], let first = times.first, let last = times.last else {
        continue
      }
      if last - first + 1 != times.count || Set(times).count != times.count {
        oracle.fault("\(id) made \(times.count) jobs for \(last - first + 1) minutes")
      }
    }
  }

  /// "every-minute:20231114T221400Z", in minutes.
  private static func minute(_ id: String) -> Int? {
    let digits = id.drop { $0 != ":" }.filter(\.isNumber).compactMap(\.wholeNumberValue)
    guard digits.count >= 14 else { return nil }
    func number(_ from: Int, _ count: Int) -> Int {
      digits[from..<from + count].reduce(0) { $0 * 10 + $1 }
    }
    let days = CivilCalendar.days(year: number(0, 4), month: number(4, 2), day: number(6, 2))
    return days * 1_440 + number(8, 2) * 60 + number(10, 2)
  }

  // MARK: What is stored

  private func all(_ reader: any JobReader, _ set: (inout JobQuery) -> Void) -> [JobRecord] {
    var query = JobQuery()
    set(&query)
    query.limit = 1_000
    var found: [JobRecord] = []
    while let page = try? reader.jobs(query) {
      found += page.jobs
      guard let next = page.next else { break }
      query.before = next
    }
    return found
  }

  /// The last event says where a job stands, and the queues' figures are those of their jobs.
  private func checkStates(_ reader: any JobReader, _ backlog: Backlog) {
    var counts: [String: [JobState: UInt64]] = [:]
    for job in all(reader, { _ in }) {
      counts[job.job.queue, default: [:]][job.state, default: 0] += 1
      guard let last = lives[job.job.id]?.last else {
        oracle.fault("no event tells of job \(job.job.id)")
        continue
      }
      if !Self.says(last, job.state) {
        oracle.fault("job \(job.job.id) is \(job.state), its last event is \(last)")
      }
    }
    for queue in backlog.queues() {
      let count = counts[queue.name] ?? [:]
      let scheduled = (count[.scheduled] ?? 0) + (count[.retrying] ?? 0)
      if queue.ready != count[.ready] ?? 0 || queue.scheduled != scheduled
        || queue.running != count[.running] ?? 0
        || queue.blocked != count[.blocked] ?? 0 || queue.dead != count[.dead] ?? 0
      {
        oracle.fault("queue \(queue.name) says \(queue), has \(count)")
      }
    }
  }

  private static func says(_ kind: Event.Kind, _ state: JobState) -> Bool {
    switch state {
    case .succeeded: kind == .succeeded
    case .dead: kind == .dead
    case .canceled: kind == .canceled
    case .expired: kind == .expired
    case .running: kind == .started || kind == .progress
    case .ready: kind == .enqueued
    case .scheduled: kind == .scheduled
    case .retrying: kind == .failed
    case .blocked: kind == .blocked
    }
  }
}
