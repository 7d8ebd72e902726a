import Jobs
import Synchronization

/// Reading connections, so that whoever looks at rows waits for no write and no write for them.
private final class SessionPool: Sendable {
  private struct Idle: ~Copyable {
    var sessions: [Session] = []
    var isClosed = false
  }

  private let path: String
  private let salt: UInt32
  private let maxIdle: Int
  private let idle = Mutex(Idle())

  init(path: String, salt: UInt32, maxIdle: Int) {
    self.path = path
    self.salt = salt
    self.maxIdle = maxIdle
  }

  func close() {
    idle.withLock { idle in
      idle.isClosed = true
      idle.sessions = []
    }
  }

  /// A session on its way from or to the pool: it has one user at any time.
  private struct Held: @unchecked Sendable {
    let session: Session
    init(_ session: Session) { self.session = session }
  }

  /// Runs `body` on a connection that no other thread uses meanwhile, in one read transaction.
  func read<T>(_ body: (Session) throws(StoreError) -> T) throws(StoreError) -> T {
    let (held, isClosed) = idle.withLock { ($0.sessions.popLast().map { Held($0) }, $0.isClosed) }
    if isClosed { throw StoreError(.unavailable, "the embedded store is closed") }
    let session: Session
    if let held { session = held.session } else { session = try Session(path: path, salt: salt) }
    defer {
      let held = Held(session)
      idle.withLock { idle in
        if idle.sessions.count < maxIdle, !idle.isClosed { idle.sessions.append(held.session) }
      }
    }
    return try session.read { () throws(StoreError) in try body(session) }
  }
}

/// A look at jobs: what is on its way into the database first, then the database.
private struct Looker {
  let sessions: SessionPool
  let catalogue: Catalogue
  let overlay: Overlay

  /// One per seq. The overlay is asked before the database: what has left it meanwhile is then found there.
  func jobs(_ seqs: [Int64], body: Bool, carried: Bool) throws(StoreError) -> [StoredJob?] {
    let over = overlay.jobs(seqs)
    func isKnown(_ job: Overlay.Job) -> Bool {
      job.isGone || (!body || job.body != nil) && (!carried || job.carried != nil)
    }
    var found: [StoredJob?] = []
    found.reserveCapacity(seqs.count)
    if over.allSatisfy({ $0.map(isKnown) ?? false }) {
      for job in over { found.append(job.flatMap { StoredJob($0, nil, body: body, carried: carried) }) }
      return found
    }
    try sessions.read { session throws(StoreError) in
      for (seq, job) in zip(seqs, over) {
        if let job, isKnown(job) {
          found.append(StoredJob(job, nil, body: body, carried: carried))
          continue
        }
        let below = try session.job(seq, body: body, carried: carried)
        if let job { found.append(StoredJob(job, below, body: body, carried: carried)) } else { found.append(below) }
      }
    }
    return found
  }

  func seqs(ids: [String]) throws(StoreError) -> [Int64?] {
    let over = ids.map { overlay.seq(of: $0) }
    return try sessions.read { session throws(StoreError) in
      var seqs: [Int64?] = []
      for (id, seq) in zip(ids, over) {
        if let seq { seqs.append(seq) } else { seqs.append(try session.seq(of: id)) }
      }
      return seqs
    }
  }

  /// Jobs that match, by the catalogue. Looks at no more rows than `maxRows`: two texts may have the same key.
  func jobs(_ query: JobQuery, body: Bool, carried: Bool) throws(StoreError) -> (jobs: [StoredJob], next: Int64?) {
    let limit = min(max(query.limit, 1), 1_000)
    var found: [StoredJob] = []
    var before = query.before ?? .max
    var looked = 0
    while true {
      // One more, to know whether there is a next page.
      let seqs = catalogue.find(query, before: before, limit: limit - found.count + 1)
      if seqs.isEmpty { return (found, nil) }
      for (seq, job) in zip(seqs, try jobs(seqs, body: body, carried: carried)) {
        if found.count == limit || looked == Self.maxRows { return (found, before) }
        looked += 1
        before = seq
        if let job, query.takes(job.head, job.standing.state) { found.append(job) }
      }
    }
  }

  private static let maxRows = 5_000
}

extension StoredJob {
  /// What is over the database and, where that says nothing, what is in it; nil: the job is gone.
  fileprivate init?(_ over: Overlay.Job, _ below: StoredJob?, body: Bool, carried: Bool) {
    if over.isGone { return nil }
    self.init(head: over.head, standing: over.standing)
    if body {
      self.body = over.body ?? below?.body ?? []
      isDamaged = over.body == nil && below?.isDamaged ?? true
    }
    if carried { self.carried = over.carried ?? below?.carried ?? .nothing }
  }
}

/// Looks things up for people.
final class SQLiteReader: JobReader {
  private let sessions: SessionPool
  private let looker: Looker
  private let salt: UInt32

  init(path: String, salt: UInt32, _ catalogue: Catalogue, _ overlay: Overlay) {
    sessions = SessionPool(path: path, salt: salt, maxIdle: 4)
    looker = Looker(sessions: sessions, catalogue: catalogue, overlay: overlay)
    self.salt = salt
  }

  func close() { sessions.close() }

  func job(id: String) throws(StoreError) -> JobRecord? {
    if let seq = JobID.seq(of: id, salt: salt), let job = try looker.jobs([seq], body: true, carried: true)[0],
      job.head.job.id == id
    {
      return job.record
    }
    guard let seq = try looker.seqs(ids: [id])[0] else { return nil }
    return try looker.jobs([seq], body: true, carried: true)[0]?.record
  }

  func jobs(_ query: JobQuery) throws(StoreError) -> JobPage {
    let found = try looker.jobs(query, body: true, carried: true)
    return JobPage(jobs: found.jobs.map(\.record), next: found.next)
  }

  func events(after cursor: Int64, limit: Int) throws(StoreError) -> EventPage {
    try looker.overlay.settle()
    return try sessions.read { session throws(StoreError) in try session.events(after: cursor, limit: limit) }
  }
}

/// Rows for the engine's thread.
final class SQLiteRows: RowSource {
  private let sessions: SessionPool
  private let looker: Looker

  init(path: String, salt: UInt32, _ catalogue: Catalogue, _ overlay: Overlay) {
    sessions = SessionPool(path: path, salt: salt, maxIdle: 1)
    looker = Looker(sessions: sessions, catalogue: catalogue, overlay: overlay)
  }

  func close() { sessions.close() }

  /// The lock on its folder keeps others out.
  func check(_ epoch: Epoch) throws(StoreError) {}

  func jobs(_ seqs: [Int64], bodies: Bool) throws(StoreError) -> [StoredJob?] {
    try looker.jobs(seqs, body: bodies, carried: true)
  }

  func jobs(ids: [String]) throws(StoreError) -> [StoredJob?] {
    let seqs = try looker.seqs(ids: ids)
    let found = try looker.jobs(seqs.compactMap { $0 }, body: false, carried: true)
    var next = found.makeIterator()
    return seqs.map { $0 == nil ? nil : next.next() ?? nil }
  }

  func expired(by time: Timestamp, limit: Int) throws(StoreError) -> (jobs: [StoredJob], next: Timestamp?) {
    let over = looker.overlay.ends(by: time)
    var next = over.next
    var ends = over.ended
    try sessions.read { session throws(StoreError) in
      var count = 0
      try session.ends { at, seqs throws(StoreError) in
        if at > time || count >= limit {
          next = min(next ?? at, at)
          return false
        }
        for seq in seqs where !over.changed.contains(seq) {
          ends.append((at, seq))
          count += 1
        }
        return true
      }
    }
    ends.sort { ($0.at, $0.seq) < ($1.at, $1.seq) }
    if ends.count > limit { next = min(next ?? ends[limit].at, ends[limit].at) }
    let jobs = try looker.jobs(ends.prefix(limit).map(\.seq), body: false, carried: false)
    // Unless it changed in between.
    return (jobs.compactMap { $0 }.filter { $0.standing.state.isFinal && $0.standing.expires <= time }, next)
  }

  func jobs(matching query: JobQuery) throws(StoreError) -> (jobs: [StoredJob], next: Int64?) {
    try looker.jobs(query, body: false, carried: false)
  }
}
