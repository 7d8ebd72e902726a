import Jobs

/// Where limits, dependencies, batches and recurring jobs meet the life of a job.
extension Backlog {
  /// A job has been put in its place.
  func entered(_ job: LiveJob) {
    let options = job.head.job.options
    countWaiting(job, 1)
    if !options.batchID.isEmpty { countInBatch(job, job.standing.state, 1) }
    if !options.recurringJobID.isEmpty, job.isWaiting { noteRecurring(job, isUnfinished: true) }
  }

  /// A job is taken from its place.
  func left(_ job: LiveJob) {
    let options = job.head.job.options
    if job.isWaiting, let key = key(of: job) {
      key.waiting -= 1
      idleKeys.append(key)
    }
    if !options.batchID.isEmpty { countInBatch(job, job.standing.state, -1) }
    if job.standing.state == .blocked { graph.unblock(job.seq) }
  }

  /// A job has become final.
  func ended(_ job: LiveJob) {
    if job.hasFlow {
      unpin(job)
      job.key = nil
      if !job.head.job.options.recurringJobID.isEmpty { noteRecurring(job, isUnfinished: false) }
    }
    if !graph.isEmpty { tellWaiters(of: job, isSuccess: job.standing.state == .succeeded, isGone: false) }
  }

  /// A job has left its place for good.
  func forgotten(_ job: LiveJob) {
    let state = job.standing.state
    if job.hasFlow {
      let options = job.head.job.options
      // What is over stays counted; what was not counts as canceled.
      if !options.batchID.isEmpty { countInBatch(job, state.isFinal ? state : .canceled, 1) }
      if !state.isFinal {
        unpin(job)
        if !options.recurringJobID.isEmpty { noteRecurring(job, isUnfinished: false) }
      }
    }
    if graph.isEmpty { return }
    if !state.isFinal {
      tellWaiters(of: job, isSuccess: false, isGone: true)
    } else if let cascade = cascades.first(where: { $0.seq == job.seq && !$0.isSuccess }) {
      markGone(job, cascade.root)
    }
    graph.unpinAll(job.seq)
  }

  /// A job that is retried by hand waits only for those that are not over.
  func tieAgain(_ job: LiveJob, wasFinal: Bool) {
    let options = job.head.job.options
    guard !options.dependsOn.isEmpty else { return }
    var ties = Ties()
    for id in options.dependsOn {
      guard let other = find(id) else { continue }
      ties.add(other)
    }
    job.standing.isUnbound = true
    bind(job, ties, isPinning: wasFinal)
  }

  // MARK: Ticks

  /// Something is to be done that waits for no time.
  var hasWork: Bool {
    !cascades.isEmpty || !doubtful.isEmpty || !batches.due.isEmpty || !missedAtLoad.isEmpty
  }

  /// One slice of what follows from what happened and from time: those that waited for others, finished batches, recurring jobs, rates. Returns how
  /// many. `limit` of them means that there may be more.
  public func work(now moment: Moment, limit: Int) throws(StoreError) -> Int {
    let now = moment.wall
    var count = openRates(now, limit: limit)
    if hasWork {
      // The same slice when it is asked for again.
      count += try settleDoubtful(now: now, limit: limit)
      count += try tellWaiters(now: now, limit: max(0, limit - count))
      count += try finishBatches(now: now, limit: max(0, limit - count))
      count += try catchUp(now: now, limit: max(0, limit - count))
    }
    if let first = recurrings.times.first, first.at <= now.microseconds {
      count += try fire(now: now, limit: max(0, limit - count))
    }
    return count
  }

  /// Adds what this tick changed of limits, batches and recurring jobs to the documents.
  func storeFlow(_ now: Timestamp) {
    if !idleKeys.isEmpty { dropIdleKeys(now) }
    if !limits.touched.isEmpty { storeWindows() }
    if !batches.touched.isEmpty { storeBatches() }
    if !recurrings.touched.isEmpty { storeRecurring() }
    if changedDocuments.count > 1 { keepLatestDocuments() }
  }

  /// Each document once, as the tick left it.
  private func keepLatestDocuments() {
    var places: [String: Int] = [:]
    var latest: [Document] = []
    for document in changedDocuments {
      let key = "\(document.kind.rawValue):\(document.key)"
      if let place = places[key] {
        latest[place] = document
      } else {
        places[key] = latest.count
        latest.append(document)
      }
    }
    changedDocuments = latest
  }

  func resetFlow() {
    limits = LimitBook()
    idleKeys = []
    usesKeys = false
    graph = DependencyGraph()
    cascades = []
    gone = [:]
    goneIDs = []
    doubtful = []
    batches = BatchBook()
    recurrings = RecurringBook()
    missedAtLoad = []
  }

  // MARK: Loading

  func loadFlow(
    ties: [LoadedTies], unfinished: ContiguousArray<Int64>, recurring: [(id: String, seq: Int64)], now: Timestamp
  ) throws(StoreError) {
    var batchTerms: [String: [UInt8]] = [:]
    var batchCounts: [String: [UInt8]] = [:]
    var recurringTerms: [String: [UInt8]] = [:]
    var recurringStandings: [String: [UInt8]] = [:]
    var windows: [String: [UInt8]] = [:]
    for document in documents {
      guard let bytes = document.bytes else { continue }
      let rest = String(document.key.dropFirst(2))
      switch document.kind {
      case .limit: try loadLimit(document.key, bytes)
      case .limitUse: windows[document.key] = bytes
      case .batch: if document.key.hasPrefix("t:") { batchTerms[rest] = bytes } else { batchCounts[rest] = bytes }
      case .recurring:
        if document.key.hasPrefix("t:") { recurringTerms[rest] = bytes } else { recurringStandings[rest] = bytes }
      case .setting:
        if document.key == Self.documentMark { loadDocumentMark(bytes) }
        guard document.key.hasPrefix(Self.goneMark) else { continue }
        var unpacker = Unpacker(bytes)
        gone[String(document.key.dropFirst(Self.goneMark.count))] = unpacker.text() ?? ""
      }
    }
    documents = []
    try loadWindows(windows)
    try loadBatch(terms: batchTerms, counts: batchCounts)
    try loadRecurring(terms: recurringTerms, standings: recurringStandings, unfinished: recurring, now: now)
    tieLoaded(ties, unfinished: unfinished)
    holdLoaded(now)
  }

  // MARK: Figures

  public var flowFigures: FlowFigures {
    var figures = FlowFigures()
    figures.openBatches = batches.open
    figures.batches = batches.byID.count
    figures.recurringJobs = recurrings.byID.count
    figures.recurring = recurrings.figures
    figures.blocked = graph.blocked
    return figures
  }

  /// Of a blocked job: how many it waits for.
  public func openDependencies(ofJob id: String) -> Int {
    guard !graph.isEmpty, let seq = seq(ofDependency: id) else { return 0 }
    return graph.open(seq)
  }
}

public struct FlowFigures: Hashable, Sendable {
  public var openBatches = 0
  public var batches = 0
  public var recurringJobs = 0
  public var recurring = RecurringFigures()
  public var blocked = 0

  public init() {}
}
