import Jobs

/// What is remembered, and the look-ups in it.
struct Tables: Sendable {
  struct DocumentKey: Hashable {
    var kind: Document.Kind
    var key: String
  }

  /// How a row was before a change that was not synced.
  private enum Undo: Sendable {
    case job(seq: Int64, StoredJob?)
    case queue(name: String, StoredQueue?)
    case document(DocumentKey, [UInt8]?)
    case counters(nextSeq: Int64, number: UInt64, lastCursor: Int64, events: Int)
  }

  private(set) var epoch = Epoch(0)
  private var number: UInt64 = 0
  private var nextSeq: Int64 = 1
  var rows: [Int64: StoredJob] = [:]
  private(set) var chosen: [String: Int64] = [:]
  private var queues: [String: StoredQueue] = [:]
  private var documents: [DocumentKey: [UInt8]] = [:]

  private var postings: [Posting: SortedList<Int64>] = [:]
  private var ends = SortedList<End>()

  private var events: [Event] = []
  /// Of the events that are gone.
  private var trimmed: Int64 = 0
  /// Of the newest event.
  private var lastCursor: Int64 = 0
  private var eventBytes: Int64 = 0

  private let remembersUnsynced: Bool
  private var undo: [Undo] = []

  init(remembersUnsynced: Bool, before epoch: Epoch) {
    self.remembersUnsynced = remembersUnsynced
    self.epoch = epoch
  }

  // MARK: Writing

  mutating func beginEpoch() -> Epoch {
    epoch = Epoch(epoch.number + 1)
    number = 0
    return epoch
  }

  /// The fence.
  func admits(_ changes: [ChangeSet], _ epoch: Epoch) -> Bool {
    guard epoch == self.epoch else { return false }
    return changes.indices.allSatisfy { changes[$0].number == number + UInt64($0) + 1 }
  }

  mutating func apply(_ change: ChangeSet) {
    note(.counters(nextSeq: nextSeq, number: number, lastCursor: lastCursor, events: events.count))
    number = change.number
    nextSeq = change.nextSeq
    for job in change.forgotten { setJob(job.head.seq, nil) }
    for job in change.jobs { apply(job) }
    for queue in change.queues { setQueue(queue.name, queue) }
    for name in change.forgottenQueues { setQueue(name, nil) }
    for document in change.documents {
      setDocument(DocumentKey(kind: document.kind, key: document.key), document.bytes)
    }
    for event in change.events { eventBytes += event.roughSize }
    events += change.events
    lastCursor = max(lastCursor, change.events.last?.cursor ?? 0)
  }

  private mutating func apply(_ change: JobChange) {
    let seq = change.head.seq
    guard !change.isNew, var job = rows[seq] else {
      setJob(
        seq,
        StoredJob(
          head: change.head, standing: change.standing, carried: change.carried ?? .nothing, body: change.body ?? []))
      return
    }
    job.standing = change.standing
    if let carried = change.carried { job.carried = carried }
    if let body = change.body {
      job.head = change.head
      job.body = body
      job.isDamaged = false
    }
    setJob(seq, job)
  }

  private mutating func note(_ undo: Undo) {
    if remembersUnsynced { self.undo.append(undo) }
  }

  private mutating func setJob(_ seq: Int64, _ job: StoredJob?) {
    let old = rows[seq]
    note(.job(seq: seq, old))
    rows[seq] = job
    if let old, job == nil, old.head.isChosen, chosen[old.head.job.id] == seq { chosen[old.head.job.id] = nil }
    // What it leaves stays behind in the lists and is passed over.
    let had = Set(old?.postings ?? [])
    let has = Set(job?.postings ?? [])
    for posting in has.subtracting(had) { postings[posting, default: SortedList()].insert(seq) }
    for posting in had.subtracting(has) {
      postings[posting]?.noteStale()
      if postings[posting]?.isMostlyStale == true { clean(posting) }
    }
    guard let job else { return }
    if job.head.isChosen { chosen[job.head.job.id] = seq }
    if job.standing.state.isFinal { ends.insert(End(at: job.standing.expires, seq: seq)) }
  }

  private mutating func clean(_ posting: Posting) {
    let rows = rows
    postings[posting]?.clean { rows[$0]?.postings.contains(posting) == true }
    if postings[posting]?.elements.isEmpty == true { postings[posting] = nil }
  }

  private mutating func setQueue(_ name: String, _ queue: StoredQueue?) {
    note(.queue(name: name, queues[name]))
    queues[name] = queue
  }

  private mutating func setDocument(_ key: DocumentKey, _ bytes: [UInt8]?) {
    note(.document(key, documents[key]))
    documents[key] = bytes
  }

  mutating func sync() { undo.removeAll() }

  mutating func losePower() -> ClosedRange<Int64>? {
    let undo = self.undo
    let last = events.last?.cursor ?? trimmed
    for step in undo.reversed() {
      switch step {
      case .job(let seq, let job): setJob(seq, job)
      case .queue(let name, let queue): setQueue(name, queue)
      case .document(let key, let bytes): setDocument(key, bytes)
      case .counters(let nextSeq, let number, let lastCursor, let count):
        self.nextSeq = nextSeq
        self.number = number
        self.lastCursor = lastCursor
        let lost = max(0, events.count - count)
        for event in events.suffix(lost) { eventBytes -= event.roughSize }
        events.removeLast(lost)
      }
    }
    self.undo.removeAll()
    let left = events.last?.cursor ?? trimmed
    return left < last ? left + 1...last : nil
  }

  mutating func trimEvents(_ retention: EventRetention, now: Timestamp) {
    var count = 0
    while count < events.count, events[count].at + retention.age <= now || eventBytes > retention.bytes {
      eventBytes -= events[count].roughSize
      trimmed = events[count].cursor
      count += 1
    }
    guard count > 0 else { return }
    events.removeFirst(count)
    // What is gone for its age does not come back after a power failure either.
    undo = undo.map { step in
      guard case .counters(let nextSeq, let number, let lastCursor, let events) = step else { return step }
      return .counters(
        nextSeq: nextSeq, number: number, lastCursor: max(lastCursor, trimmed), events: max(0, events - count))
    }
  }

  // MARK: Loading

  struct Loaded: Sendable {
    var nextSeq: Int64
    var lastCursor: Int64
    var number: UInt64
    var queues: [StoredQueue]
    var documents: [Document]
    var jobs: [StoredJob]
    var chosen: [String: Int64]
    var holds: [StoredJob]

    func give(to loader: any StateLoader, salt: UInt32) {
      loader.begin(salt: salt, nextSeq: nextSeq, lastCursor: lastCursor, lastNumber: number)
      for queue in queues { loader.add(queue) }
      for document in documents { loader.add(document) }
      for job in jobs { loader.add(LoadedJob(job)) }
      for (id, seq) in chosen { loader.addChosen(id: id, seq: seq) }
      for job in holds {
        guard let unique = job.head.job.options.unique, let until = job.head.holdsUntil else { continue }
        loader.addHold(queue: job.head.job.queue, key: unique.key, seq: job.seq, until: until)
      }
    }
  }

  func loaded() -> Loaded {
    let all = rows.values.sorted { $0.seq < $1.seq }.map(\.decisive)
    return Loaded(
      nextSeq: nextSeq, lastCursor: lastCursor, number: number, queues: queues.values.sorted { $0.name < $1.name },
      documents: documents.map { Document(kind: $0.kind, key: $0.key, bytes: $1) }.sorted {
        ($0.kind.rawValue, $0.key) < ($1.kind.rawValue, $1.key)
      },
      jobs: all.filter { !$0.standing.state.isFinal }, chosen: chosen,
      holds: all.filter { $0.standing.state.isFinal && $0.head.holdsUntil != nil })
  }

  // MARK: Looking up

  mutating func expired(by time: Timestamp, limit: Int) -> (jobs: [StoredJob], next: Timestamp?) {
    var jobs: [StoredJob] = []
    while let first = ends.first, !isEnd(first) { ends.removeFirst() }
    for end in ends.elements where isEnd(end) {
      guard end.at <= time, jobs.count < limit else { return (jobs, end.at) }
      if let job = rows[end.seq] { jobs.append(job.decisive) }
    }
    return (jobs, nil)
  }

  private func isEnd(_ end: End) -> Bool {
    guard let job = rows[end.seq] else { return false }
    return job.standing.state.isFinal && job.standing.expires == end.at
  }

  /// One call looks at no more.
  private static let rowsPerCall = 5_000

  func matching(_ query: JobQuery) -> (jobs: [StoredJob], next: Int64?) {
    // The narrowest of the choices that hold all of them.
    let choices = query.choices.map { $0.compactMap { postings[$0] } }
    let size = { (lists: [SortedList<Int64>]) in lists.reduce(0) { $0 + $1.elements.count } }
    guard var lists = choices.min(by: { size($0) < size($1) }) else { return ([], nil) }
    let limit = min(max(query.limit, 1), 1_000)
    var jobs: [StoredJob] = []
    var looked = 0
    var last = query.before ?? .max
    for index in lists.indices { lists[index].cut(from: last) }
    while let seq = lists.compactMap(\.elements.last).max() {
      if jobs.count == limit || looked == Self.rowsPerCall { return (jobs, last) }
      looked += 1
      last = seq
      for index in lists.indices where lists[index].elements.last == seq { lists[index].cut(from: seq) }
      if let job = rows[seq], query.takes(job.head, job.standing.state) { jobs.append(job) }
    }
    return (jobs, nil)
  }

  func events(after cursor: Int64, limit: Int) -> EventPage {
    if cursor > 0, cursor < trimmed { return .trimmed(oldest: trimmed) }
    var low = 0
    var high = events.count
    while low < high {
      let middle = (low + high) / 2
      if events[middle].cursor <= cursor { low = middle + 1 } else { high = middle }
    }
    let page = Array(events[low...].prefix(limit))
    return .events(page, next: page.last?.cursor ?? cursor)
  }
}

/// When a final job is to be forgotten.
private struct End: Comparable, Sendable {
  var at: Timestamp
  var seq: Int64

  static func < (a: End, b: End) -> Bool { a.at == b.at ? a.seq < b.seq : a.at < b.at }
}

extension Event {
  fileprivate var roughSize: Int64 {
    Int64(32 + jobID.utf8.count + queue.utf8.count + name.utf8.count + workerID.utf8.count)
  }
}
