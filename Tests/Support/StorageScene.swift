import Jobs
import Testing

/// One storage, what was written to it, and short words for what tests do with them.
public final class StorageScene {
  public let harness: any StorageHarness
  public private(set) var storage: any Storage
  public var now = Timestamp(seconds: 1_700_000_000)
  public private(set) var epoch: Epoch
  public private(set) var number: UInt64 = 0
  public var nextSeq: Int64 = 1
  public private(set) var lastCursor: Int64 = 0
  /// Every job as it is to be.
  public private(set) var jobs: [Int64: StoredJob] = [:]
  /// All events written.
  public private(set) var events: [Event] = []
  public let salt: UInt32 = 0x123_4567

  public init(_ harness: any StorageHarness, retention: EventRetention = EventRetention()) throws {
    self.harness = harness
    storage = try harness.open(retention, salt: salt)
    epoch = Epoch(0)
    epoch = try lead(storage)
    _ = try load()
  }

  deinit { harness.clean(storage) }

  private func lead(_ storage: any Storage) throws -> Epoch {
    guard let leadership = storage.leadership else { return try storage.beginEpoch() }
    while true {
      if case .here(let epoch) = try leadership.seek("scene", term: .seconds(5)) { return epoch }
      try harness.pass(.seconds(5))
    }
  }

  /// False: this kind of storage cannot.
  public func reopen(crash: Bool) throws -> Bool {
    guard let storage = try harness.reopen(storage, crash: crash) else { return false }
    self.storage = storage
    epoch = try lead(storage)
    number = 0
    _ = try load()
    return true
  }

  public func load() throws -> LoadedState {
    let state = LoadedState()
    try storage.load(epoch, into: state)
    return state
  }

  /// A new head with the next seq, whose id is made unless `job` has one.
  public func head(_ job: NewJob) -> JobHead {
    let isChosen = !job.id.isEmpty
    var job = job
    job.body = []
    job.runAt = job.runAt ?? now
    if !isChosen { job.id = JobID.make(seq: nextSeq, at: now, salt: salt) }
    defer { nextSeq += 1 }
    return JobHead(seq: nextSeq, job: job, isChosen: isChosen, createdAt: now)
  }

  public func change(_ durability: Durability = .synced) -> ChangeSet {
    number += 1
    var change = ChangeSet(number: number, now: now, durability: durability)
    change.nextSeq = nextSeq
    return change
  }

  /// Puts a new job into the change set.
  @discardableResult
  public func add(
    _ job: NewJob, to change: inout ChangeSet, standing: JobStanding? = nil, carried: JobCarried? = nil
  ) -> JobHead {
    let head = head(job)
    change.jobs.append(
      JobChange(head: head, standing: standing ?? head.untouched, isNew: true, body: job.body, carried: carried))
    change.nextSeq = nextSeq
    return head
  }

  /// Puts a job that is stored into the change set as it is to stand.
  public func move(
    _ head: JobHead, to standing: JobStanding, carried: JobCarried? = nil, in change: inout ChangeSet
  ) {
    change.jobs.append(JobChange(head: head, standing: standing, isNew: false, carried: carried))
  }

  /// Numbers an event and puts it into the change set.
  public func tell(_ kind: Event.Kind, _ head: JobHead, detail: Event.Detail = .none, in change: inout ChangeSet) {
    tell(
      Event(
        kind: kind, at: now, jobID: head.job.id, queue: head.job.queue, name: head.job.name,
        batchID: head.job.options.batchID, detail: detail),
      in: &change)
  }

  public func tell(_ event: Event, in change: inout ChangeSet) {
    lastCursor += 1
    var event = event
    event.cursor = lastCursor
    change.events.append(event)
  }

  public func write(_ changes: ChangeSet...) throws { try write(changes) }

  public func write(_ changes: [ChangeSet]) throws {
    try storage.write(changes, epoch: epoch)
    for change in changes { note(change) }
  }

  private func note(_ change: ChangeSet) {
    for job in change.jobs {
      var stored = jobs[job.head.seq] ?? StoredJob(head: job.head, standing: job.standing)
      if job.isNew || job.body != nil { stored.head = job.head }
      stored.standing = job.standing
      if let body = job.body { stored.body = body }
      if let carried = job.carried { stored.carried = carried }
      jobs[job.head.seq] = stored
    }
    for job in change.forgotten { jobs[job.head.seq] = nil }
    events += change.events
  }

  /// One new job, written at once.
  @discardableResult
  public func put(_ job: NewJob, standing: JobStanding? = nil, carried: JobCarried? = nil) throws -> JobHead {
    var change = change()
    let head = add(job, to: &change, standing: standing, carried: carried)
    try write(change)
    return head
  }

  public func final(_ state: JobState = .succeeded, expires: Timestamp? = nil) -> JobStanding {
    var standing = JobStanding(state: state, runAt: now)
    standing.finishedAt = now
    standing.expires = expires ?? now + .hours(1)
    return standing
  }

  /// All that a reader lists, over as many pages as it takes.
  public func list(_ query: JobQuery = JobQuery()) throws -> [JobRecord] {
    var query = query
    var records: [JobRecord] = []
    while true {
      let page = try storage.reader.jobs(query)
      #expect(page.jobs.count <= query.limit)
      records += page.jobs
      guard let next = page.next else { return records }
      #expect(next < query.before ?? .max, "pages go down")
      query.before = next
    }
  }

  public func events(after cursor: Int64, limit: Int = 1_000) throws -> [Event] {
    guard case .events(let events, let next) = try storage.reader.events(after: cursor, limit: limit) else {
      Issue.record("trimmed at \(cursor)")
      return []
    }
    #expect(next == events.last?.cursor ?? cursor)
    return events
  }

  public func kind(_ body: () throws -> Void) -> StoreError.Kind? {
    do {
      try body()
      return nil
    } catch {
      return (error as? StoreError)?.kind
    }
  }

  /// Checks that the storage holds exactly what was written: rows, records, and what it loads.
  public func check() throws {
    let seqs = jobs.keys.sorted()
    let found = try storage.rows.jobs(seqs, bodies: true)
    #expect(found.map { $0.map(describe) } == seqs.map { jobs[$0].map(describe) })
    var query = JobQuery()
    query.limit = 1_000
    #expect(try list(query).map(describe) == seqs.reversed().compactMap { jobs[$0]?.record }.map(describe))
    let state = try load()
    #expect(state.salt == salt)
    #expect(state.nextSeq == nextSeq)
    #expect(state.lastNumber == number)
    #expect(state.lastCursor >= lastCursor)
    let unfinished = seqs.compactMap { jobs[$0] }.filter { !$0.standing.state.isFinal }
    #expect(state.jobs.map(describe) == unfinished.map { describe(LoadedJob($0)) })
    let chosen = jobs.values.filter(\.head.isChosen).map { ($0.head.job.id, $0.seq) }
    #expect(state.chosen == Dictionary(uniqueKeysWithValues: chosen))
  }
}

/// A stored job in words, all of it.
public func describe(_ job: StoredJob) -> String {
  var lines = [describe(job.record)]
  lines.append("\(job.standing) chosen \(job.head.isChosen) damaged \(job.isDamaged)")
  lines.append("reason \(job.carried.cancelReason)")
  return lines.joined(separator: "\n")
}

public func describe(_ job: LoadedJob) -> String {
  let record = JobRecord(
    seq: job.seq,
    job: NewJob(
      id: job.chosenID ?? "", queue: job.queue, name: job.name, priority: job.priority, runAt: job.runAt,
      options: job.options, payloadSize: job.payloadSize),
    state: job.standing?.state ?? .ready, createdAt: job.createdAt, runAt: job.runAt)
  return describe(record) + "\n\(job.standing.map { "\($0)" } ?? "untouched")"
}
