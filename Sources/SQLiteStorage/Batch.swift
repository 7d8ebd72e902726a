import Jobs

/// What one or more change sets make of the rows: each row once, as it is after the last of them.
struct Batch {
  final class Job {
    let seq: Int64
    private(set) var head: JobHead
    private(set) var standing: JobStanding
    /// To be written; nil: as stored.
    private(set) var body: [UInt8]?
    private(set) var carried: JobCarried?
    private(set) var hasCarried: Bool
    /// It has no rows yet.
    let isNew: Bool
    fileprivate(set) var isGone = false
    /// The head is not the stored one.
    private var isReplaced = false
    /// Of the rows as they are stored.
    let stored: JobFlags
    /// What it is found by; nil: not made here.
    fileprivate(set) var keys: JobKeys?

    /// Field by field, by place: to take the change out of the array costs as much as all else here.
    fileprivate init(_ jobs: [JobChange], _ index: Int, stored: JobFlags) {
      head = jobs[index].head
      seq = head.seq
      standing = jobs[index].standing
      body = jobs[index].body
      carried = jobs[index].carried
      hasCarried = carried.map { !CarriedCodec.isEmpty($0) } ?? stored.hasCarried
      isNew = jobs[index].isNew
      self.stored = stored
    }

    /// A job that is forgotten.
    fileprivate init(_ job: ForgottenJob, stored: JobFlags) {
      head = job.head
      seq = head.seq
      standing = JobStanding(state: job.state, runAt: .distantPast)
      hasCarried = stored.hasCarried
      isNew = false
      isGone = true
      isReplaced = job.isReplaced
      self.stored = stored
    }

    fileprivate func take(_ jobs: [JobChange], _ index: Int) {
      if let body = jobs[index].body {
        head = jobs[index].head
        self.body = body
      } else if isNew {
        head = jobs[index].head
      }
      standing = jobs[index].standing
      guard let carried = jobs[index].carried else { return }
      self.carried = carried
      hasCarried = !CarriedCodec.isEmpty(carried)
    }

    /// Whether it is to have a row in `states`. One that was started is not as it was when it came; to know that costs less than to compare.
    var needsRow: Bool { !isNew || hasCarried || standing.wasStarted || standing != head.untouched }

    var flags: JobFlags { JobFlags(standing.state, hasRow: needsRow, hasCarried: hasCarried) }

    /// Whether a row says that it holds its key although it is final. Of one that was replaced since, it is not known: the one before may have.
    var mayHaveHold: Bool { stored.isFinal && (head.holdsUntil != nil || body != nil || isReplaced) }

    /// It came and went meanwhile: there is nothing to be written.
    var isNothing: Bool { isNew && isGone }
  }

  struct DocumentKey: Hashable {
    var kind: Document.Kind
    var key: String
  }

  /// In the order in which they were first changed, which is nearly that of their seqs.
  private(set) var jobs: [Job] = []
  private var places = NumberTable<Int32>()
  /// Ids of new jobs that producers chose.
  private(set) var chosen: [String: Int64] = [:]
  private(set) var queues: [String: StoredQueue?] = [:]
  private(set) var documents: [DocumentKey: [UInt8]?] = [:]
  private(set) var events = PackedEvents()
  var mark: Mark
  private var keyring = JobKeys.Ring()

  init(from mark: Mark) { self.mark = mark }

  /// nil: nothing is changed of it.
  func job(_ seq: Int64) -> Job? { places[seq].map { jobs[Int($0)] } }

  private mutating func insert(_ job: Job) {
    places.insert(job.seq, Int32(jobs.count))
    jobs.append(job)
  }

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
      let job = put(change.jobs, index, stored: stored)
      let isTold = change.jobs[index].isNew || change.jobs[index].body != nil
      if isTold { job.keys = keyring.keys(of: job.head) }
      told.append(Catalogue.Change(seq: job.seq, keys: isTold ? job.keys : nil, flags: job.flags))
    }
    for queue in change.queues { put(queue) }
    for name in change.forgottenQueues { forget(name) }
    for document in change.documents { put(document) }
  }

  /// Takes in the change of one job, which is at this place.
  @discardableResult
  mutating func put(_ changes: [JobChange], _ index: Int, stored: (Int64) -> JobFlags?) -> Job {
    let isNew = changes[index].isNew
    if !isNew, let known = job(changes[index].head.seq) {
      known.take(changes, index)
      return known
    }
    let job = Job(changes, index, stored: isNew ? .none : stored(changes[index].head.seq) ?? .none)
    insert(job)
    if isNew, job.head.isChosen { chosen[job.head.job.id] = job.seq }
    return job
  }

  mutating func forget(_ gone: ForgottenJob, stored: (Int64) -> JobFlags?) {
    let seq = gone.head.seq
    if let job = job(seq) {
      job.isGone = true
    } else if let flags = stored(seq) {
      insert(Job(gone, stored: flags))
    }
  }

  mutating func put(_ queue: StoredQueue) { queues[queue.name] = .some(queue) }
  mutating func forget(_ queue: String) { queues[queue] = .some(nil) }
  mutating func put(_ document: Document) {
    documents[DocumentKey(kind: document.kind, key: document.key)] = .some(document.bytes)
  }
  mutating func add(_ packed: PackedEvents) { events.add(packed) }
}
