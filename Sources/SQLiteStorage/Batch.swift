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
  /// Ids of new jobs that producers chose.
  private(set) var chosen: [String: Int64] = [:]
  private(set) var queues: [String: StoredQueue?] = [:]
  private(set) var documents: [DocumentKey: [UInt8]?] = [:]
  private(set) var events = PackedEvents()
  var mark: Mark

  init(from mark: Mark) { self.mark = mark }

  /// Takes in a change set, but for its events.
  /// - Parameters:
  ///   - stored: what is known of the rows of a job that this batch did not have yet.
  ///   - told: what the catalogue has to know of each job.
  mutating func add(
    _ change: ChangeSet, stored: (Int64) -> JobFlags?, told: inout [Catalogue.Change]
  ) {
    for gone in change.forgotten {
      forget(gone, stored: stored)
      told.append(Catalogue.Change(seq: gone.head.seq, keys: nil, flags: nil))
    }
    for index in change.jobs.indices {
      let job = put(change.jobs[index], stored: stored)
      let isTold = change.jobs[index].isNew || change.jobs[index].body != nil
      told.append(
        Catalogue.Change(seq: job.head.seq, keys: isTold ? JobKeys(job.head) : nil, flags: job.flags))
    }
    for queue in change.queues { put(queue) }
    for name in change.forgottenQueues { forget(name) }
    for document in change.documents { put(document) }
  }

  @discardableResult
  mutating func put(_ change: JobChange, stored: (Int64) -> JobFlags?) -> Job {
    let seq = change.head.seq
    if !change.isNew, let known = jobs[seq] {
      known.take(change)
      return known
    }
    let job = Job(change, stored: change.isNew ? .none : stored(seq) ?? .none)
    jobs[seq] = job
    if change.isNew, change.head.isChosen { chosen[change.head.job.id] = seq }
    return job
  }

  mutating func forget(_ gone: ForgottenJob, stored: (Int64) -> JobFlags?) {
    let seq = gone.head.seq
    if let job = jobs[seq] {
      // Never in the rows: then nothing is left of it at all.
      if job.isNew { jobs[seq] = nil } else { job.isGone = true }
    } else if let flags = stored(seq) {
      jobs[seq] = Job(gone, stored: flags)
    }
  }

  mutating func put(_ queue: StoredQueue) { queues[queue.name] = .some(queue) }
  mutating func forget(_ queue: String) { queues[queue] = .some(nil) }
  mutating func put(_ document: Document) {
    documents[DocumentKey(kind: document.kind, key: document.key)] = .some(document.bytes)
  }
  mutating func add(_ packed: PackedEvents) { events.add(packed) }
}
