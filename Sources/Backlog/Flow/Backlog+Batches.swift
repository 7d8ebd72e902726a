public import Jobs

extension Backlog {
  // MARK: Counting

  /// Counts a job of a batch in a state, or (-1) out of it.
  func countInBatch(_ job: LiveJob, _ state: JobState, _ step: Int) {
    guard let batch = batches.byID[job.head.job.options.batchID] else { return }
    func add(_ count: inout UInt64) { if step > 0 { count += 1 } else { count -= min(1, count) } }
    switch state {
    case .scheduled, .ready, .retrying, .blocked: add(&batch.counts.waiting)
    case .running: add(&batch.counts.running)
    case .succeeded: add(&batch.counts.succeeded)
    case .dead: add(&batch.counts.dead)
    case .canceled, .expired: add(&batch.counts.canceled)
    }
    batches.touch(batch)
    if batch.isDue { batches.due.append(batch) }
  }

  /// A new job's batch is made if it is not there.
  func joinBatch(_ job: LiveJob, _ now: Timestamp) {
    let id = job.head.job.options.batchID
    guard !id.isEmpty else { return }
    note(job.head.job.queue, of: batches.byID[id] ?? makeBatch(BatchTerms(id: id), now))
  }

  /// Remembers whose the batch is.
  private func note(_ queue: String, of batch: BatchEntry) {
    guard batch.queues.count <= BatchEntry.maxQueues, batch.queues.insert(queue).inserted else { return }
    batch.haveTermsChanged = true
    batches.touch(batch)
  }

  /// Whether none of what is known of the batch is of these queues. One that is not there is nobody's.
  func isForeign(batch id: String, to scope: QueueScope?) -> Bool {
    guard scope != nil, let batch = batches.byID[id] else { return false }
    return batch.isForeign(to: scope)
  }

  @discardableResult
  private func makeBatch(_ terms: BatchTerms, _ now: Timestamp) -> BatchEntry {
    let batch = BatchEntry(number: batches.nextNumber, terms: terms, createdAt: now)
    batch.haveTermsChanged = true
    batches.insert(batch)
    batches.touch(batch)
    return batch
  }

  /// Whether a job from outside may not join.
  func closed(_ id: String) -> EnqueueRefusal? {
    guard let batch = batches.byID[id], batch.refuses else { return nil }
    return .batchClosed(id: id)
  }

  // MARK: Verbs

  public enum BatchResult: Sendable {
    case done(BatchView)
    case notFound
    /// It is there, and nothing of it is of the caller's queues.
    case foreign
    /// It is finished: its callbacks are no longer changed.
    case finished
  }

  /// Makes a batch, or changes what is said of it.
  public func putBatch(
    _ terms: BatchTerms, scope: QueueScope? = nil, now: Moment
  ) throws(StoreError) -> BatchResult {
    var terms = terms
    if isForeign(batch: terms.id, to: scope) { return .foreign }
    if terms.id.isEmpty {
      // A number is spent on it, so that it is never another's.
      terms.id = JobID.make(seq: nextSeq, at: now.wall, salt: salt)
      nextSeq += 1
    }
    let batch: BatchEntry
    if let known = batches.byID[terms.id] {
      batch = known
      if batch.finishedAt != nil, terms.onFinished != nil || terms.onSucceeded != nil { return .finished }
      if !terms.description.isEmpty { batch.terms.description = terms.description }
      if let job = terms.onFinished { (batch.terms.onFinished, batch.onFinishedScope) = (job, scope) }
      if let job = terms.onSucceeded { (batch.terms.onSucceeded, batch.onSucceededScope) = (job, scope) }
      if terms.isClosed { batch.terms.isClosed = true }
      batch.haveTermsChanged = true
      batches.touch(batch)
    } else {
      batch = makeBatch(terms, now.wall)
      if terms.onFinished != nil { batch.onFinishedScope = scope }
      if terms.onSucceeded != nil { batch.onSucceededScope = scope }
    }
    for job in [terms.onFinished, terms.onSucceeded] { if let job { note(job.queue, of: batch) } }
    if batch.isDue { try finish(batch, now.wall) }
    return .done(batch.view(within: scope))
  }

  /// nil: it is not there, or nothing of it is of these queues.
  public func batch(_ id: String, scope: QueueScope? = nil) -> BatchView? {
    guard let batch = batches.byID[id], !batch.isForeign(to: scope) else { return nil }
    return batch.view(within: scope)
  }

  /// Whether all jobs of the batch are of these queues.
  public func isOwn(batch id: String, scope: QueueScope?) -> Bool {
    batches.byID[id].map { $0.isOwn(scope) } ?? true
  }

  /// Newest first, from `before` on (nil: the newest), at most `limit` and what fits into an answer; and where the next page begins.
  public func batches(
    unfinishedOnly: Bool, before: Int64?, limit: Int, scope: QueueScope? = nil
  ) -> (batches: [BatchView], next: Int64?) {
    var found: [BatchView] = []
    var rank = before.map { batches.order.rank(of: Entry(at: $0, seq: $0)) } ?? batches.order.count
    var last: Int64?
    var size = 0
    while rank > 0 {
      rank -= 1
      guard let entry = batches.order[rank], let batch = batches.byNumber[entry.seq] else { break }
      if unfinishedOnly && batch.finishedAt != nil || batch.isForeign(to: scope) { continue }
      if found.count == limit { return (found, last) }
      let view = batch.view(within: scope)
      size += view.messageSize
      if size > MessageSize.answer, !found.isEmpty { return (found, last) }
      found.append(view)
      last = batch.number
    }
    return (found, nil)
  }

  /// Closes it; its jobs are canceled by sweeps.
  public func closeBatch(_ id: String) -> BatchView? {
    guard let batch = batches.byID[id] else { return nil }
    if !batch.terms.isClosed {
      batch.terms.isClosed = true
      batch.haveTermsChanged = true
      batches.touch(batch)
    }
    if batch.isDue { batches.due.append(batch) }
    return batch.view(within: nil)
  }

  /// Jobs of the batch that the storage may not know yet, which a sweep over what is stored would not see.
  public func cancelUnstored(ofBatch id: String, reason: String, now: Moment) throws(StoreError) -> [HeldJob] {
    let jobs = unstored.filter {
      $0.head.job.options.batchID == id && !$0.isForgotten && !$0.standing.state.isFinal
    }
    try readCarried(of: jobs)
    var held: [HeldJob] = []
    for job in jobs where !job.standing.state.isFinal {
      if case .running(let running) = cancel(job, asked: reason, now: now) { held.append(running) }
    }
    return held
  }

  // MARK: The end

  /// Finishes those that are.
  func finishBatches(now: Timestamp, limit: Int) throws(StoreError) -> Int {
    guard limit > 0, !batches.due.isEmpty else { return 0 }
    let due = try takeFinishable(limit, now)
    for batch in due where batch.isDue {
      try readingInLine { () throws(StoreError) in try finish(batch, now) }
    }
    return due.count
  }

  private func finish(_ batch: BatchEntry, _ now: Timestamp) throws(StoreError) {
    batches.touch(batch)
    if batch.finishedAt == nil {
      batch.finishedAt = now
      batches.open -= 1
      batches.ends.insert(Entry(at: (now + terms.deadRetention).microseconds, seq: batch.number))
      // Of one with jobs of several queues only those hear who may know of all queues.
      let queue = batch.queues.count == 1 ? batch.queues.first ?? "" : ""
      record([Event(kind: .batchFinished, at: now, queue: queue, batchID: batch.terms.id)])
      if let job = batch.terms.onFinished {
        batch.onFinishedJobID = try enqueueOwn(job, by: .callback, scope: batch.onFinishedScope, now)
      }
    }
    if batch.onSucceededJobID.isEmpty, let job = batch.terms.onSucceeded,
      batch.counts.dead + batch.counts.canceled == 0,
      batch.counts.unfinished == 0
    {
      batch.onSucceededJobID = try enqueueOwn(job, by: .callback, scope: batch.onSucceededScope, now)
    }
  }

  /// Takes in a job that the server makes: one whose id or key is there counts as made.
  /// - Parameter scope: of whoever asked for it.
  func enqueueOwn(_ job: NewJob, by maker: JobMaker, scope: QueueScope?, _ now: Timestamp) throws(StoreError) -> String
  {
    try readRelatives(of: [EnqueueGroup(jobs: [job])], now)
    switch enqueue(job, by: maker, scope: scope, now: now) {
    case .stored(let id, _, _), .duplicate(let id, _, _), .conflict(let id): return id
    case .withdrawn, .refused: return job.id
    }
  }

  /// Finished ones whose time is over.
  func forgetBatches(now: Timestamp, limit: Int) {
    for entry in batches.ends.first(limit) where entry.at <= now.microseconds {
      batches.ends.remove(entry)
      guard let batch = batches.byNumber[entry.seq] else { continue }
      if batch.counts.unfinished > 0 {
        // One of its jobs was retried by hand.
        batches.ends.insert(Entry(at: (now + terms.deadRetention).microseconds, seq: batch.number))
        continue
      }
      batches.remove(batch)
      changedDocuments.append(Document(kind: .batch, key: BatchEntry.termsKey(batch.terms.id), bytes: nil))
      changedDocuments.append(Document(kind: .batch, key: BatchEntry.countsKey(batch.terms.id), bytes: nil))
    }
  }

  /// Adds what this tick changed of batches.
  func storeBatches() {
    for batch in batches.touched {
      batch.isTouched = false
      guard batches.byNumber[batch.number] === batch else { continue }
      if batch.haveTermsChanged {
        batch.haveTermsChanged = false
        changedDocuments.append(batch.termsDocument)
      }
      changedDocuments.append(batch.countsDocument)
    }
    batches.touched.removeAll(keepingCapacity: true)
  }

  // MARK: Loading

  func loadBatch(terms: [String: [UInt8]], counts: [String: [UInt8]]) throws(StoreError) {
    for (id, bytes) in terms.sorted(by: { $0.key < $1.key }) {
      guard let batch = BatchEntry(id: id, terms: bytes) else {
        throw StoreError(.unusable, "the store is damaged: what is kept of batch \(id) cannot be read")
      }
      if let bytes = counts[id], !batch.take(counts: bytes) {
        throw StoreError(.unusable, "the store is damaged: the counts of batch \(id) cannot be read")
      }
      batches.insert(batch)
      if let finishedAt = batch.finishedAt {
        batches.ends.insert(Entry(at: (finishedAt + self.terms.deadRetention).microseconds, seq: batch.number))
      }
      if batch.isDue { batches.due.append(batch) }
    }
  }
}
