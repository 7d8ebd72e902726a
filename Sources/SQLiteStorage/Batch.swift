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
      }
    }
    for job in change.jobs {
      if let known = jobs[job.head.seq] {
        known.take(job)
      } else {
        jobs[job.head.seq] = Job(job, stored: job.isNew ? .none : stored(job.head.seq) ?? .none)
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

  /// What the catalogue has to know after it.
  var catalogued: [Catalogue.Change] {
    var changes: [Catalogue.Change] = []
    changes.reserveCapacity(jobs.count)
    for (seq, job) in jobs {
      if job.isGone {
        if !job.isNew { changes.append(Catalogue.Change(seq: seq, keys: nil, flags: nil)) }
      } else {
        let keys = job.isNew || job.body != nil ? JobKeys(job.head) : nil
        changes.append(Catalogue.Change(seq: seq, keys: keys, flags: job.flags))
      }
    }
    // New ones in their order, as the catalogue likes them.
    changes.sort { $0.seq < $1.seq }
    return changes
  }
}
