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

/// Looks things up for people.
final class SQLiteReader: JobReader {
  private let sessions: SessionPool
  private let salt: UInt32
  private let catalogue: Catalogue

  init(path: String, salt: UInt32, catalogue: Catalogue) {
    sessions = SessionPool(path: path, salt: salt, maxIdle: 4)
    self.salt = salt
    self.catalogue = catalogue
  }

  func close() { sessions.close() }

  func job(id: String) throws(StoreError) -> JobRecord? {
    try sessions.read { session throws(StoreError) in
      if let seq = JobID.seq(of: id, salt: salt), let job = try session.job(seq, body: true, carried: true),
        job.head.job.id == id
      {
        return job.record
      }
      guard let seq = try session.seq(of: id) else { return nil }
      return try session.job(seq, body: true, carried: true)?.record
    }
  }

  func jobs(_ query: JobQuery) throws(StoreError) -> JobPage {
    try sessions.read { session throws(StoreError) in
      let found = try session.jobs(query, catalogue, body: true, carried: true)
      return JobPage(jobs: found.jobs.map(\.record), next: found.next)
    }
  }

  func events(after cursor: Int64, limit: Int) throws(StoreError) -> EventPage {
    try sessions.read { session throws(StoreError) in try session.events(after: cursor, limit: limit) }
  }
}

/// Rows for the engine's thread.
final class SQLiteRows: RowSource {
  private let sessions: SessionPool
  private let catalogue: Catalogue

  init(path: String, salt: UInt32, catalogue: Catalogue) {
    sessions = SessionPool(path: path, salt: salt, maxIdle: 1)
    self.catalogue = catalogue
  }

  func close() { sessions.close() }

  func jobs(_ seqs: [Int64], bodies: Bool) throws(StoreError) -> [StoredJob?] {
    try sessions.read { session throws(StoreError) in
      var jobs: [StoredJob?] = []
      jobs.reserveCapacity(seqs.count)
      for seq in seqs { jobs.append(try session.job(seq, body: bodies, carried: true)) }
      return jobs
    }
  }

  func jobs(ids: [String]) throws(StoreError) -> [StoredJob?] {
    try sessions.read { session throws(StoreError) in
      var jobs: [StoredJob?] = []
      for id in ids {
        guard let seq = try session.seq(of: id) else {
          jobs.append(nil)
          continue
        }
        jobs.append(try session.job(seq, body: false, carried: true))
      }
      return jobs
    }
  }

  func expired(by time: Timestamp, limit: Int) throws(StoreError) -> (jobs: [StoredJob], next: Timestamp?) {
    try sessions.read { session throws(StoreError) in
      var jobs: [StoredJob] = []
      var next: Timestamp?
      try session.ends { at, seqs throws(StoreError) in
        if at > time {
          next = at
          return false
        }
        for seq in seqs.sorted() {
          if jobs.count == limit {
            next = at
            return false
          }
          guard let job = try session.job(seq, body: false, carried: false), job.standing.state.isFinal,
            job.standing.expires == at
          else { continue }
          jobs.append(job)
        }
        return true
      }
      return (jobs, next)
    }
  }

  func jobs(matching query: JobQuery) throws(StoreError) -> (jobs: [StoredJob], next: Int64?) {
    try sessions.read { session throws(StoreError) in try session.jobs(query, catalogue, body: false, carried: false) }
  }
}
