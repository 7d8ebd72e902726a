import Jobs

/// A batch: jobs that are followed as one.
final class BatchEntry {
  /// Rises with every batch that is made.
  let number: Int64
  var terms: BatchTerms
  var counts = BatchCounts()
  let createdAt: Timestamp
  var finishedAt: Timestamp?
  var onFinishedJobID = ""
  var onSucceededJobID = ""
  /// Of whoever put the callbacks: they join no other batches than that one could.
  var onFinishedScope: QueueScope?
  var onSucceededScope: QueueScope?
  /// Of its jobs, and of the callbacks. Complete up to `maxQueues`; one more says that there are more.
  var queues: Set<String> = []
  static let maxQueues = 256
  // What this tick changed
  var haveTermsChanged = false
  var isTouched = false

  init(number: Int64, terms: BatchTerms, createdAt: Timestamp) {
    self.number = number
    self.terms = terms
    self.createdAt = createdAt
  }

  /// Closed, and all its jobs are final, whether that has been told or not.
  var isOver: Bool { terms.isClosed && counts.unfinished == 0 || finishedAt != nil }

  /// Closed to whoever is not of it.
  var refuses: Bool { terms.isClosed && counts.running == 0 }

  /// Of one that an older version made the queues are not known: it is shown to those who may know of all.
  private var isUnknown: Bool { queues.isEmpty && counts.jobs > 0 }

  func isForeign(to scope: QueueScope?) -> Bool {
    guard scope != nil else { return false }
    return isUnknown || !queues.isEmpty && !queues.contains { scope.covers($0) }
  }

  func isOwn(_ scope: QueueScope?) -> Bool {
    scope == nil || !isUnknown && queues.count <= Self.maxQueues && queues.allSatisfy { scope.covers($0) }
  }

  /// A callback of another queue is not shown.
  func view(within scope: QueueScope?) -> BatchView {
    var view = BatchView(
      terms: terms, counts: counts, createdAt: createdAt, finishedAt: finishedAt, onFinishedJobID: onFinishedJobID,
      onSucceededJobID: onSucceededJobID)
    if let job = terms.onFinished, !scope.covers(job.queue) {
      (view.terms.onFinished, view.onFinishedJobID) = (nil, "")
    }
    if let job = terms.onSucceeded, !scope.covers(job.queue) {
      (view.terms.onSucceeded, view.onSucceededJobID) = (nil, "")
    }
    return view
  }

  /// Something is to be done that is not done.
  var isDue: Bool {
    guard terms.isClosed, counts.unfinished == 0 else { return false }
    if finishedAt == nil { return true }
    return onSucceededJobID.isEmpty && terms.onSucceeded != nil && counts.dead + counts.canceled == 0
  }

  // MARK: Stored in two documents: what was said of it, and what is counted

  static func termsKey(_ id: String) -> String { "t:" + id }
  static func countsKey(_ id: String) -> String { "c:" + id }

  var termsDocument: Document {
    var packer = Packer()
    let hasScopes = onFinishedScope != nil || onSucceededScope != nil
    packer.add(hasScopes ? 3 : 2)
    packer.add(signed: number)
    packer.add(signed: createdAt.microseconds)
    packer.add(terms.description)
    packer.add(terms.isClosed)
    for job in [terms.onFinished, terms.onSucceeded] {
      packer.add(job != nil)
      if let job { packer.add(job) }
    }
    packer.add(UInt64(queues.count))
    for queue in queues.sorted() { packer.add(queue) }
    if hasScopes { for scope in [onFinishedScope, onSucceededScope] { packer.add(scope: scope) } }
    return Document(kind: .batch, key: Self.termsKey(terms.id), bytes: packer.bytes)
  }

  var countsDocument: Document {
    var packer = Packer()
    packer.add(1)
    for count in [counts.waiting, counts.running, counts.succeeded, counts.dead, counts.canceled] { packer.add(count) }
    packer.add(optional: finishedAt?.microseconds)
    packer.add(onFinishedJobID)
    packer.add(onSucceededJobID)
    return Document(kind: .batch, key: Self.countsKey(terms.id), bytes: packer.bytes)
  }

  convenience init?(id: String, terms bytes: [UInt8]) {
    var unpacker = Unpacker(bytes)
    // Version 1 did not know the queues, and 2 has no scopes.
    guard let version = unpacker.number(), 1...3 ~= version, let number = unpacker.signed(),
      let created = unpacker.signed(),
      let description = unpacker.text(), let isClosed = unpacker.flag()
    else { return nil }
    var callbacks: [NewJob?] = []
    for _ in 0..<2 {
      guard let isThere = unpacker.flag() else { return nil }
      guard isThere else {
        callbacks.append(nil)
        continue
      }
      guard let job = unpacker.job() else { return nil }
      callbacks.append(job)
    }
    var queues: Set<String> = []
    if version >= 2 {
      guard let count = unpacker.number() else { return nil }
      for _ in 0..<min(count, UInt64(Self.maxQueues) + 1) {
        guard let queue = unpacker.text() else { return nil }
        queues.insert(queue)
      }
    }
    var scopes: [QueueScope?] = [nil, nil]
    if version >= 3 {
      guard let finished = unpacker.scope(), let succeeded = unpacker.scope() else { return nil }
      scopes = [finished, succeeded]
    }
    guard unpacker.isAtEnd else { return nil }
    self.init(
      number: number,
      terms: BatchTerms(
        id: id, description: description, onFinished: callbacks[0], onSucceeded: callbacks[1], isClosed: isClosed),
      createdAt: Timestamp(microseconds: created))
    self.queues = queues
    onFinishedScope = scopes[0]
    onSucceededScope = scopes[1]
  }

  /// - Returns: whether these are such bytes.
  func take(counts bytes: [UInt8]) -> Bool {
    var unpacker = Unpacker(bytes)
    guard unpacker.number() == 1, let waiting = unpacker.number(), let running = unpacker.number(),
      let succeeded = unpacker.number(), let dead = unpacker.number(), let canceled = unpacker.number(),
      let finished = unpacker.optional(), let onFinished = unpacker.text(), let onSucceeded = unpacker.text(),
      unpacker.isAtEnd
    else { return false }
    counts.waiting = waiting
    counts.running = running
    counts.succeeded = succeeded
    counts.dead = dead
    counts.canceled = canceled
    finishedAt = finished.map { Timestamp(microseconds: $0) }
    onFinishedJobID = onFinished
    onSucceededJobID = onSucceeded
    return true
  }
}

/// All batches, by id and in the order in which they were made.
struct BatchBook {
  var byID: [String: BatchEntry] = [:]
  var byNumber = NumberTable<BatchEntry>()
  /// By number, which is in both parts of each entry.
  var order = Order()
  /// Finished ones, by when they are forgotten.
  var ends = Order()
  var nextNumber: Int64 = 1
  var open = 0
  var touched: [BatchEntry] = []
  /// Perhaps finished.
  var due: [BatchEntry] = []

  mutating func insert(_ batch: BatchEntry) {
    byID[batch.terms.id] = batch
    byNumber.insert(batch.number, batch)
    order.insert(Entry(at: batch.number, seq: batch.number))
    nextNumber = max(nextNumber, batch.number + 1)
    if batch.finishedAt == nil { open += 1 }
  }

  mutating func remove(_ batch: BatchEntry) {
    byID[batch.terms.id] = nil
    byNumber.remove(batch.number)
    order.remove(Entry(at: batch.number, seq: batch.number))
    if batch.finishedAt == nil { open -= 1 }
  }

  mutating func touch(_ batch: BatchEntry) {
    guard !batch.isTouched else { return }
    batch.isTouched = true
    touched.append(batch)
  }
}
