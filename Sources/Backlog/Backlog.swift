public import Jobs

/// All jobs that are not over, in memory, with every transition of a job's life: the one place where it is decided what becomes of a job.
/// No clock, no threads, no randomness: the same calls in the same order give the same state and the same changes.
///
/// A tick is: verbs (`settle`, `enqueue`, `control`, `promote`, `reclaim`, `claim` ...), then `takeChanges`, whose change set the owner has
/// stored, then, once it is stored, `confirm`. Verbs may go on before that: what was changed is at hand until then. There is no way back: when
/// a write fails or is in doubt, or a verb throws, the state is loaded anew from the storage.
///
/// What waits costs an entry of 16 bytes in an order. Records are read back through `RowSource`, in one batch per verb, when a verb
/// needs them; a job that is enqueued and claimed soon after is never read.
public final class Backlog {
  let terms: StoreConfiguration
  let rows: any RowSource

  // What is kept over loads, so that nothing is given out twice
  public private(set) var epoch = Epoch(0)
  var tokens: UInt64 = 0
  var nextSeq: Int64 = 1
  private var cursor: Int64 = 0
  /// Of the newest event that may have been shown.
  private var shown: Int64 = 0

  var salt: UInt32 = 0
  /// Someone chose an id that looks like ours: those that are made must not be one of them.
  var hasLookalikes = false

  var queues = QueueTable()
  private var latestQueue: Queue?
  /// The orders over several queues, by what they hold.
  var scopes: [Scope.Key: Scope] = [:]
  /// Scheduled and retrying jobs by run_at, waiting jobs by start_before: wall clock.
  var due = Order()
  var expiries = Order()
  /// Running jobs by the end of their lease: steady clock.
  var lapses = Order()

  /// Jobs at hand, by seq.
  var known = NumberTable<LiveJob>()
  /// Chosen ids, also of final jobs.
  var ids: HashIndex
  /// Unique keys: of all unfinished jobs that have one, and of final ones that still hold theirs.
  var keys: HashIndex
  /// Final jobs whose key is held until then.
  var holds = NumberTable<Timestamp>()
  /// Limits, batches, recurring jobs ... as they were loaded, until all are there.
  var documents: [Document] = []

  /// What was taken out of the storage's inbox in this tick.
  var taken: [TakenItem] = []

  // What is more than one job's, see Flow
  var limits = LimitBook()
  /// Concurrency keys that may be out of use.
  var idleKeys: [ConcurrencyKey] = []
  /// Some job has, or had, a fairness or a concurrency key, or some queue a limit.
  var usesKeys = false
  /// Of the claim that is being dealt.
  var claimTime = Timestamp.distantPast
  var graph = DependencyGraph()
  var cascades: [Cascade] = []
  /// While those that depend on a failed job are canceled: who began it.
  var cascadeRoot: String?
  /// Deleted jobs that did not succeed, by id, whose waiters are not all told: who began it.
  var gone: [String: String] = [:]
  var goneIDs: [(seq: Int64, id: String)] = []
  /// Loaded jobs that waited for some that are over.
  var doubtful: [Int64] = []
  var batches = BatchBook()
  var recurrings = RecurringBook()
  /// Recurring jobs whose times passed before the load, by number.
  var missedAtLoad: [Int64] = []
  /// By worker: what ran when the state was loaded, until the worker has said what it holds.
  var loadedRuns: [String: [Lease]] = [:]
  /// For recurring jobs that are loaded.
  public var zones: any TimeZoneSource = UTCOnly()
  /// When the next final job's retention is over, as far as is known.
  var nextExpiry = Timestamp.distantPast
  /// Something was due that is not at hand: `promote` is to be called once more.
  public internal(set) var lacksDue = false
  /// Read for `forget`.
  var expiredPage: (jobs: [StoredJob], next: Timestamp?)?
  /// See `readingInLine`.
  var readsInLine = false

  /// Rows are read by the owner (`takeReadings`, `lay`), so that no verb waits for them. Else each verb reads what it needs, in line.
  public var readsAside = false
  var readings = Readings()

  // Of this tick
  var touched: [LiveJob] = []
  var borrowed: [LiveJob] = []
  var touchedQueues: [Queue] = []
  var forgottenQueues: [String] = []
  var events: [Event] = []
  var readied: [Readied] = []
  var changedDocuments: [Document] = []

  /// Change sets that are not confirmed yet, the oldest first.
  private var sent: [(number: UInt64, cursor: Int64, jobs: [LiveJob])] = []
  /// Of the latest change set.
  public private(set) var number: UInt64 = 0
  var kept = KeptJobs()
  /// Jobs that are forgotten, which the storage may not know yet.
  var unconfirmedForgotten = 0
  /// Where the look for unused queues goes on.
  var idleAfter = ""

  /// - Parameter seed: of the tables by text; no decision depends on it.
  public init(rows: any RowSource, terms: StoreConfiguration = StoreConfiguration(), seed: UInt64) {
    self.rows = rows
    self.terms = terms
    ids = HashIndex(seed: seed)
    keys = HashIndex(seed: ~seed)
  }

  // MARK: Numbers

  func makeToken() throws(StoreError) -> UInt64 {
    // Four billion claims without a restart: the epoch's numbers are used up.
    guard tokens < UInt64(UInt32.max) else {
      throw StoreError(.unavailable, "this epoch's tokens are used up: the state must be loaded in a new one")
    }
    tokens += 1
    return UInt64(epoch.number) << 32 | tokens
  }

  /// The cursor of the newest event; 0: none yet.
  public var lastCursor: Int64 { cursor }

  /// Of the newest event that the storage had when the state was loaded: those between it and the first one since do not exist.
  public private(set) var loadedCursor: Int64 = 0

  // MARK: Loading

  /// Takes in what the storage holds; all that was here before is dropped. What was given out before (seqs, tokens, cursors) is not given
  /// out again, whatever the storage has forgotten of it.
  public func load(_ storage: any Storage, _ epoch: Epoch, now: Moment) throws(StoreError) {
    let before = (epoch: self.epoch, tokens: tokens)
    let isNewEpoch = epoch != before.epoch
    if isNewEpoch { tokens = 0 }
    self.epoch = epoch
    reset()
    let loader = Loader(self, now: now, isNewEpoch: isNewEpoch)
    do throws(StoreError) {
      try storage.load(epoch, into: loader)
      try loader.finish()
      if readsAside { try readRunning() }
    } catch {
      // Tried again, the epoch is as new as it was.
      (self.epoch, tokens) = before
      throw error
    }
  }

  /// What running jobs carry is added to when their attempts end: it is at hand before anything waits for it.
  private func readRunning() throws(StoreError) {
    var seqs: [Int64] = []
    known.forEach { job in if job.carried == nil { seqs.append(job.seq) } }
    seqs.sort()
    var rest = seqs[...]
    while !rest.isEmpty {
      let slice = rest.prefix(512)
      rest = rest.dropFirst(512)
      for case let stored? in try rows.jobs(Array(slice), bodies: false) { lay(stored, bodies: false) }
    }
  }

  private func reset() {
    queues = QueueTable()
    latestQueue = nil
    scopes = [:]
    due = Order()
    expiries = Order()
    lapses = Order()
    known = NumberTable()
    ids = HashIndex(seed: ids.seed)
    keys = HashIndex(seed: keys.seed)
    holds = NumberTable()
    loadedRuns = [:]
    documents = []
    resetFlow()
    resetReadings()
    expiredPage = nil
    lacksDue = false
    nextExpiry = .distantPast
    touched = []
    borrowed = []
    touchedQueues = []
    forgottenQueues = []
    events = []
    readied = []
    changedDocuments = []
    taken = []
    sent = []
    kept = KeptJobs()
    unconfirmedForgotten = 0
    idleAfter = ""
  }

  /// A cursor that was shown is never another event's, also when a power loss took the event it was shown for. Within an epoch cursors have
  /// no gap; a new one begins at the next multiple of this, which no epoch gets near to between two syncs.
  static let cursorsPerEpoch: Int64 = 1 << 24
  /// Storages that servers share give epochs by the seconds since 2023: from here on, which was in 2026. Others count them from one.
  static let firstTimedEpoch: UInt32 = 1 << 26
  /// Otherwise in tests only.
  var cursorsPerEpoch = Backlog.cursorsPerEpoch

  func begin(salt: UInt32, nextSeq: Int64, lastCursor: Int64, lastNumber: UInt64, isNewEpoch: Bool) {
    self.salt = salt
    self.nextSeq = max(self.nextSeq, nextSeq)
    number = lastNumber
    var last = lastCursor
    if isNewEpoch, epoch.number > 1, cursorsPerEpoch > 0 {
      // Of a storage that may have forgotten whole epochs with their events: cursors go with the time, a million a second, which is more
      // than there are events, and each epoch has its own. Else the next round number could be that of an epoch that is forgotten.
      let timed = epoch.number >= Backlog.firstTimedEpoch ? Int64(epoch.number) << 20 : 0
      last = timed > last ? timed : (last / cursorsPerEpoch + 1) * cursorsPerEpoch
    }
    loadedCursor = lastCursor
    cursor = max(shown, last)
    // Where an epoch begins is told to watchers before it has an event: a load after its first write has failed must not go back.
    if isNewEpoch { shown = cursor }
  }

  // MARK: Queues

  func queue(_ name: String, _ now: Timestamp) -> Queue {
    if let latestQueue, latestQueue.name == name { return latestQueue }
    if let known = queues[name] {
      latestQueue = known
      return known
    }
    let queue = Queue(name: name, usedAt: now)
    queue.gate = limits.entries.isEmpty ? nil : limits.entries[.queue(name)]?.gates[name]
    queues.insert(queue)
    for scope in scopes.values where queue.name.hasPrefix(scope.key.prefix) { scope.join(queue) }
    latestQueue = queue
    return queue
  }

  @inline(__always)
  func touch(_ queue: Queue, _ now: Timestamp) {
    queue.lastUsedAt = now
    if !queue.isTouched {
      queue.isTouched = true
      touchedQueues.append(queue)
    }
  }

  func drop(_ queue: Queue) {
    queues.remove(queue)
    if latestQueue === queue { latestQueue = nil }
  }

  // MARK: Changes

  @inline(__always)
  func touch(_ job: LiveJob) {
    guard !job.isTouched else { return }
    job.isTouched = true
    touched.append(job)
    kept.drop(job)
  }

  func note(
    _ kind: Event.Kind, _ job: LiveJob, _ now: Timestamp, detail: Event.Detail = .none, by worker: String = ""
  ) {
    cursor += 1
    events.append(
      Event(
        cursor: cursor, kind: kind, at: now, jobID: job.head.job.id, queue: job.head.job.queue,
        name: job.head.job.name, attempt: job.standing.attempt, workerID: worker,
        batchID: job.head.job.options.batchID, detail: detail))
  }

  /// Adds events that are no job's (workers coming and going). Their cursors are ignored.
  public func record(_ events: [Event]) {
    for event in events {
      cursor += 1
      var numbered = event
      numbered.cursor = cursor
      self.events.append(numbered)
    }
  }

  /// Jobs of the queue became ready, or were freed by what held them back: the one place where it is said.
  @inline(__always)
  func ready(_ queue: Queue, _ count: Int = 1) {
    if let last = readied.indices.last, readied[last].queue == queue.name {
      readied[last].count += count
    } else {
      readied.append(Readied(queue: queue.name, count: count))
    }
  }

  /// What became ready or was freed since this was asked last, by queue, in the order in which it did.
  public func takeReadied() -> [Readied] {
    guard !readied.isEmpty else { return [] }
    defer { readied.removeAll(keepingCapacity: true) }
    return readied
  }

  /// Ends the tick: all that it changed, each job once. nil: nothing.
  /// - Parameter durability: what the owner wants for it.
  public func takeChanges(_ durability: Durability, now: Moment) -> ChangeSet? {
    giveBack()
    var changes = ChangeSet(number: number + 1, now: now.wall, durability: durability)
    changes.jobs.reserveCapacity(touched.count)
    for job in touched { add(job, to: &changes) }
    for queue in touchedQueues {
      queue.isTouched = false
      guard queue.stored != queue.kept, queue.stored != nil || queue.kept != Queue.Kept() else { continue }
      queue.stored = queue.kept
      changes.queues.append(queue.asStored)
    }
    touchedQueues.removeAll(keepingCapacity: true)
    swap(&changes.forgottenQueues, &forgottenQueues)
    storeFlow(now.wall)
    swap(&changes.documents, &changedDocuments)
    swap(&changes.events, &events)
    swap(&changes.taken, &taken)
    changes.nextSeq = nextSeq
    guard !changes.isEmpty else {
      touched.removeAll(keepingCapacity: true)
      return nil
    }
    number += 1
    sent.append((number, cursor, touched))
    touched = []
    events.reserveCapacity(min(changes.events.count, 1_024))
    return changes
  }

  private func add(_ job: LiveJob, to changes: inout ChangeSet) {
    job.isTouched = false
    if job.isForgotten {
      if let state = job.storedState {
        changes.forgotten.append(ForgottenJob(head: job.head, state: state, isReplaced: job.hasNewBody))
        job.changedIn = changes.number
        job.storedState = nil
      } else {
        unconfirmedForgotten -= 1
        known.remove(job.seq)
      }
      return
    }
    let isNew = job.storedState == nil
    let hasBody = isNew || job.hasNewBody
    // Made in its place: to copy it costs more than all else here.
    changes.jobs.append(
      JobChange(
        head: job.head, standing: job.standing, isNew: isNew, body: hasBody ? job.body ?? [] : nil,
        carried: job.hasNewCarried ? job.carried : nil))
    if hasBody { job.bodyIn = changes.number }
    job.hasNewBody = false
    job.hasNewCarried = false
    job.storedState = job.standing.state
    job.changedIn = changes.number
  }

  /// What was only read for this tick is let go.
  private func giveBack() {
    for job in borrowed where !job.isTouched && job.changedIn == 0 && !job.isKept && job.standing.state != .running {
      known.remove(job.seq)
    }
    borrowed.removeAll(keepingCapacity: true)
    if !readings.absent.isEmpty { readings.absent.removeAll(keepingCapacity: true) }
  }

  /// The change sets up to this one are stored.
  public func confirm(_ number: UInt64) {
    while let first = sent.first, first.number <= number {
      for job in first.jobs {
        if job.bodyIn == first.number { job.bodyReading = readings.last }
        if job.standing.state == .running, job.bodyIn <= number { job.body = nil }
        guard job.changedIn == first.number, !job.isTouched else { continue }
        if readings.open.isEmpty { release(job) } else { readings.keep(job, first.number) }
      }
      shown = first.cursor
      sent.removeFirst()
    }
  }

  /// Jobs of which the storage may not know the latest yet.
  var unstored: [LiveJob] { sent.flatMap(\.jobs) + touched }
  /// Jobs of which rows that are being read may not know the latest.
  var unread: [LiveJob] { readings.waiting + unstored }

  /// Makes the next change set one that is not empty: whoever stores it takes writes.
  public func probe(_ now: Moment) {
    var bytes: [UInt8] = []
    var rest = UInt64(bitPattern: now.wall.microseconds)
    for _ in 0..<8 {
      bytes.append(UInt8(truncatingIfNeeded: rest))
      rest >>= 8
    }
    changedDocuments.append(Document(kind: .setting, key: "probed", bytes: bytes))
  }

  /// All that was changed is stored.
  public func confirmAll() { confirm(number) }

  /// Final jobs that what was read of the storage may not know as such.
  func unconfirmedFinals() -> [LiveJob] {
    unread.filter { !$0.isForgotten && $0.standing.state.isFinal }
  }

  /// The storage knows all of the job.
  func release(_ job: LiveJob) {
    job.changedIn = 0
    if job.isForgotten { unconfirmedForgotten -= 1 }
    if job.standing.state == .running, !job.isForgotten { return }
    if !job.isForgotten, keep(job) { return }
    if known[job.seq] === job { known.remove(job.seq) }
  }

  // MARK: Reading

  /// Brings jobs at hand that are not, in one batch.
  /// - Parameter bodies: also what only the worker reads.
  func read(_ seqs: [Int64], bodies: Bool) throws(StoreError) {
    guard !seqs.isEmpty else { return }
    if readsAside, !readsInLine {
      let lacking = lacking(seqs, bodies: bodies)
      if lacking.isEmpty { return }
      throw want(.jobs(lacking, bodies: bodies, isAhead: false))
    }
    for case let stored? in try rows.jobs(seqs, bodies: bodies) { lay(stored, bodies: bodies) }
  }

  /// Lays a row that was read out as a job at hand, for this tick.
  @discardableResult
  func take(_ stored: StoredJob, bodies: Bool) -> LiveJob {
    let job = LiveJob(
      head: stored.head, standing: stored.standing, queue: queue(stored.head.job.queue, stored.head.createdAt))
    if bodies {
      job.body = stored.body
      job.isDamaged = stored.isDamaged
    }
    job.storedState = stored.standing.state
    known.insert(job.seq, job)
    borrowed.append(job)
    return job
  }

  /// Which jobs may have this id.
  func gather(_ id: String, into seqs: inout [Int64]) {
    if let seq = JobID.seq(of: id, salt: salt), seq > 0, seq < nextSeq, known[seq] == nil { seqs.append(seq) }
    guard ids.count > 0 else { return }
    ids.search(ids.hash(id)) { seq in
      if known[seq] == nil { seqs.append(seq) }
      return false
    }
  }

  /// The job with this id, among those at hand.
  func find(_ id: String) -> LiveJob? {
    if let seq = JobID.seq(of: id, salt: salt), let job = known[seq], job.head.job.id == id {
      return job.isForgotten ? nil : job
    }
    guard ids.count > 0 else { return nil }
    var found: LiveJob?
    ids.search(ids.hash(id)) { seq in
      guard let job = known[seq], !job.isForgotten, job.head.job.id == id else { return false }
      found = job
      return true
    }
    return found
  }

  /// Of a job at hand, also of one that was just forgotten; nil: it is not at hand.
  public func queue(ofJob id: String) -> String? {
    if let job = find(id) { return job.head.job.queue }
    if let seq = JobID.seq(of: id, salt: salt), let job = known[seq], job.head.job.id == id {
      return job.head.job.queue
    }
    return nil
  }

  /// nil: there is none, or its jobs are not all of one queue.
  public func queue(ofBatch id: String) -> String? {
    batches.byID[id].flatMap { $0.queues.count == 1 ? $0.queues.first : nil }
  }

  func damaged(_ seq: Int64) -> StoreError {
    StoreError(.unusable, "the store is damaged: job number \(seq) cannot be read")
  }
}

/// Jobs of a queue that became ready, or that are no longer held back.
public struct Readied: Hashable, Sendable {
  public var queue: String
  public var count: Int
}
