import Jobs

/// What one or more change sets make of the rows: each row once, as it is after the last of them.
struct Batch {
  final class Job {
    var head: JobHead
    var standing: JobStanding
    /// To be written; nil: as stored.
    var body: [UInt8]?
    var carried: JobCarried?
    var hasCarried: Bool
    /// It has no rows yet.
    let isNew: Bool
    var isGone = false
    /// Of the rows as they are stored.
    let stored: JobFlags

    init(_ change: JobChange, stored: JobFlags) {
      head = change.head
      standing = change.standing
      body = change.body
      carried = change.carried
      hasCarried = change.carried.map { !CarriedCodec.isEmpty($0) } ?? stored.hasCarried
      isNew = change.isNew
      self.stored = stored
    }

    /// A job that is forgotten.
    init(_ job: ForgottenJob, stored: JobFlags) {
      head = job.head
      standing = JobStanding(state: job.state, runAt: .distantPast)
      hasCarried = stored.hasCarried
      isNew = false
      isGone = true
      self.stored = stored
    }

    func take(_ change: JobChange) {
      if change.body != nil || isNew { head = change.head }
      if let body = change.body { self.body = body }
      standing = change.standing
      guard let carried = change.carried else { return }
      self.carried = carried
      hasCarried = !CarriedCodec.isEmpty(carried)
    }

    /// Whether it is to have a row in `states`.
    var needsRow: Bool { !isNew || hasCarried || standing != head.untouched }

    var flags: JobFlags { JobFlags(standing.state, hasRow: needsRow, hasCarried: hasCarried) }
  }

  struct DocumentKey: Hashable {
    var kind: Document.Kind
    var key: String
  }

  private(set) var jobs: [Int64: Job] = [:]
  /// Of the jobs, as they were first named.
  private var order: [Int64] = []
  /// Ids of new jobs that producers chose.
  private(set) var chosen: [String: Int64] = [:]
  private(set) var queues: [String: StoredQueue?] = [:]
  private(set) var documents: [DocumentKey: [UInt8]?] = [:]
  private(set) var events: [Event] = []
  private(set) var mark: Mark

  init(from mark: Mark) { self.mark = mark }

  /// - Parameter stored: what is known of the rows of a job that this batch did not have yet.
  mutating func add(_ change: ChangeSet, stored: (Int64) -> JobFlags?) {
    if jobs.isEmpty { jobs.reserveCapacity(change.jobs.count + change.forgotten.count) }
    for gone in change.forgotten {
      let seq = gone.head.seq
      if let job = jobs[seq] {
        job.isGone = true
      } else if let flags = stored(seq) {
        jobs[seq] = Job(gone, stored: flags)
        order.append(seq)
      }
    }
    for job in change.jobs {
      if let known = jobs[job.head.seq] {
        known.take(job)
      } else {
        jobs[job.head.seq] = Job(job, stored: job.isNew ? .none : stored(job.head.seq) ?? .none)
        order.append(job.head.seq)
        if job.isNew, job.head.isChosen { chosen[job.head.job.id] = job.head.seq }
      }
    }
    for queue in change.queues { queues[queue.name] = .some(queue) }
    for name in change.forgottenQueues { queues[name] = .some(nil) }
    for document in change.documents {
      documents[DocumentKey(kind: document.kind, key: document.key)] = .some(document.bytes)
    }
    events += change.events
    mark.number = change.number
    mark.nextSeq = change.nextSeq
    if let last = change.events.last { mark.lastCursor = max(mark.lastCursor, last.cursor) }
  }

  mutating func reserveCursors(to cursor: Int64) { mark.reservedCursor = cursor }

  /// Which record of the log it is.
  mutating func set(applied: UInt64, life: UInt64) {
    mark.applied = applied
    mark.life = life
    mark.isClosed = false
  }

  // As it was read back.
  mutating func add(_ job: Job) { jobs[job.head.seq] = job }
  mutating func add(_ name: String, _ queue: StoredQueue?) { queues[name] = .some(queue) }
  mutating func add(_ event: Event) { events.append(event) }
  mutating func add(_ document: Document) {
    documents[DocumentKey(kind: document.kind, key: document.key)] = .some(document.bytes)
  }

  /// Takes in a batch that was written after this one and before anything of this one was applied.
  mutating func merge(_ later: borrowing Batch) {
    if jobs.isEmpty { jobs = later.jobs } else { for (seq, job) in later.jobs { merge(seq, job) } }
    chosen.merge(later.chosen) { $1 }
    queues.merge(later.queues) { $1 }
    documents.merge(later.documents) { $1 }
    events += later.events
    mark = later.mark
  }

  private mutating func merge(_ seq: Int64, _ later: Job) {
    guard let job = jobs[seq] else {
      jobs[seq] = later
      return
    }
    if later.isGone {
      // Never in the rows: then nothing is left of it at all.
      if job.isNew { jobs[seq] = nil } else { job.isGone = true }
      return
    }
    if let body = later.body {
      job.head = later.head
      job.body = body
    }
    job.standing = later.standing
    job.hasCarried = later.hasCarried
    if let carried = later.carried { job.carried = carried }
  }

  var isEmpty: Bool { jobs.isEmpty && queues.isEmpty && documents.isEmpty && events.isEmpty }

  /// What the catalogue has to know after it, of a batch that was not merged.
  var catalogued: [Catalogue.Change] {
    var changes: [Catalogue.Change] = []
    changes.reserveCapacity(jobs.count)
    for seq in order {
      guard let job = jobs[seq] else { continue }
      if job.isGone {
        if !job.isNew { changes.append(Catalogue.Change(seq: seq, keys: nil, flags: nil)) }
      } else {
        let keys = job.isNew || job.body != nil ? JobKeys(job.head) : nil
        changes.append(Catalogue.Change(seq: seq, keys: keys, flags: job.flags))
      }
    }
    return changes
  }
}
