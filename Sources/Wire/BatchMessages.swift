public import Jobs

/// Batches, as the server sees them.
extension Codec {
  public func decodePutBatchRequest(_ bytes: RawSpan) throws(WireError) -> BatchTerms {
    let message = try open(bytes, as: Proto.PutBatchRequest.self)
    guard let batch = message.batch else { throw WireError("batch", "required") }
    var terms = BatchTerms(id: try identifier(batch.id, "batch.id"))
    terms.description = try text(batch.description, "batch.description", max: BatchTerms.longestDescription)
    terms.isClosed = batch.closed
    terms.onFinished = try callback(batch.onFinished, "batch.on_finished", of: terms.id)
    terms.onSucceeded = try callback(batch.onSucceeded, "batch.on_succeeded", of: terms.id)
    return terms
  }

  private func callback(
    _ spec: Proto.JobSpec?, _ path: StaticString, of batch: String
  ) throws(WireError) -> NewJob? {
    guard let spec else { return nil }
    guard spec.dependsOn.isEmpty else { throw WireError(path, "its depends_on must be empty") }
    let job = try newJob(spec, runAt: nil)
    guard job.options.batchID.isEmpty || job.options.batchID != batch else {
      throw WireError(path, "its batch_id must be empty or another batch's")
    }
    return job
  }

  /// GetBatch: the id is its only field.
  public func decodeGetBatchRequest(_ bytes: RawSpan) throws(WireError) -> String {
    let message = try open(bytes, as: Proto.GetBatchRequest.self)
    return try required(message.batchID, "batch_id")
  }

  public func decodeCancelBatchRequest(_ bytes: RawSpan) throws(WireError) -> (id: String, reason: String) {
    let message = try open(bytes, as: Proto.CancelBatchRequest.self)
    return (
      try required(message.batchID, "batch_id"),
      try text(message.reason, "reason", max: Bounds.reason)
    )
  }

  public func decodeListBatchesRequest(
    _ bytes: RawSpan
  ) throws(WireError) -> (unfinishedOnly: Bool, limit: Int, before: Int64?) {
    let message = try open(bytes, as: Proto.ListBatchesRequest.self)
    let token = try text(message.pageToken, "page_token", max: 32)
    let before = Int64(token)
    guard token.isEmpty || before ?? 0 > 0 else { throw WireError("page_token", "not one of ours") }
    return (
      message.unfinishedOnly, Self.pageSize(message.pageSize), before
    )
  }

  /// PutBatch, GetBatch and CancelBatch answer alike: the batch is their only field.
  public func encodeBatchResponse(_ view: BatchView) -> Int {
    begin()
    let message = Proto.GetBatchResponse(in: arena)
    message.batch = batch(view)
    return finish(message)
  }

  public func encodeListBatchesResponse(_ views: [BatchView], next: Int64?) -> Int {
    begin()
    let message = Proto.ListBatchesResponse(in: arena)
    message.batches = arena.array(views.count) { batch(views[$0]) }
    message.nextPageToken = arena.copy(next.map(String.init) ?? "")
    return finish(message)
  }

  private func batch(_ view: BatchView) -> Proto.Batch {
    // Two payloads that only fit into a message each by itself are not shown, as those of a job with its result.
    let isWhole = view.messageSize <= MessageSize.most - Bounds.reserve
    func callback(_ job: NewJob?) -> Proto.JobSpec? {
      guard let job else { return nil }
      let message = spec(job)
      if !isWhole { message.payload = arena.copy([]) }
      return message
    }
    let message = Proto.Batch(in: arena)
    message.id = arena.copy(view.terms.id)
    message.description = arena.copy(view.terms.description)
    message.onFinished = callback(view.terms.onFinished)
    message.onSucceeded = callback(view.terms.onSucceeded)
    message.closed = view.terms.isClosed
    message.jobs = view.counts.jobs
    message.waiting = view.counts.waiting
    message.running = view.counts.running
    message.succeeded = view.counts.succeeded
    message.dead = view.counts.dead
    message.canceled = view.counts.canceled
    message.createdAt = timestamp(view.createdAt)
    message.finishedAt = timestamp(view.finishedAt)
    message.onFinishedJobID = arena.copy(view.onFinishedJobID)
    message.onSucceededJobID = arena.copy(view.onSucceededJobID)
    return message
  }

  // MARK: As a producer sees them

  public func encodePutBatchRequest(_ order: BatchOrder) -> Int {
    begin()
    let message = Proto.PutBatchRequest(in: arena)
    let batch = Proto.Batch(in: arena)
    batch.id = arena.copy(order.id)
    batch.description = arena.copy(order.description)
    batch.onFinished = order.onFinished.map { spec($0) }
    batch.onSucceeded = order.onSucceeded.map { spec($0) }
    batch.closed = order.isClosed
    message.batch = batch
    return finish(message)
  }

  public func encodeGetBatchRequest(_ id: String) -> Int {
    begin()
    let message = Proto.GetBatchRequest(in: arena)
    message.batchID = arena.copy(id)
    return finish(message)
  }

  public func encodeCancelBatchRequest(_ id: String, reason: String) -> Int {
    begin()
    let message = Proto.CancelBatchRequest(in: arena)
    message.batchID = arena.copy(id)
    message.reason = arena.copy(reason)
    return finish(message)
  }

  public func encodeListBatchesRequest(unfinishedOnly: Bool, pageSize: UInt32 = 0, pageToken: String = "") -> Int {
    begin()
    let message = Proto.ListBatchesRequest(in: arena)
    message.unfinishedOnly = unfinishedOnly
    message.pageSize = pageSize
    message.pageToken = arena.copy(pageToken)
    return finish(message)
  }

  public func decodeBatchResponse(_ bytes: RawSpan) throws(WireError) -> BatchInfo {
    let message = try open(bytes, as: Proto.GetBatchResponse.self)
    guard let batch = message.batch else { throw WireError("batch", "not set") }
    return try info(batch)
  }

  public func decodeListBatchesResponse(_ bytes: RawSpan) throws(WireError) -> (batches: [BatchInfo], next: String) {
    let message = try open(bytes, as: Proto.ListBatchesResponse.self)
    var found: [BatchInfo] = []
    for batch in message.batches {
      found.append(try info(batch))
    }
    return (found, try text(message.nextPageToken, "next_page_token", max: .max))
  }

  private func info(_ batch: Proto.Batch) throws(WireError) -> BatchInfo {
    var info = BatchInfo()
    info.id = try text(batch.id, "batch.id", max: .max)
    info.description = try text(batch.description, "batch.description", max: .max)
    info.isClosed = batch.closed
    info.counts.waiting = batch.waiting
    info.counts.running = batch.running
    info.counts.succeeded = batch.succeeded
    info.counts.dead = batch.dead
    info.counts.canceled = batch.canceled
    info.createdAt = try timestamp(batch.createdAt, "batch.created_at")
    info.finishedAt = try timestamp(batch.finishedAt, "batch.finished_at")
    info.onFinishedJobID = try text(batch.onFinishedJobID, "batch.on_finished_job_id", max: .max)
    info.onSucceededJobID = try text(batch.onSucceededJobID, "batch.on_succeeded_job_id", max: .max)
    return info
  }
}

/// What a producer says of a batch.
public struct BatchOrder: Hashable, Sendable {
  public var id: String
  public var description: String
  public var onFinished: JobSpec?
  public var onSucceeded: JobSpec?
  public var isClosed: Bool

  public init(
    id: String = "", description: String = "", onFinished: JobSpec? = nil, onSucceeded: JobSpec? = nil,
    isClosed: Bool = false
  ) {
    self.id = id
    self.description = description
    self.onFinished = onFinished
    self.onSucceeded = onSucceeded
    self.isClosed = isClosed
  }
}

/// A batch as a server shows it, without its callbacks.
public struct BatchInfo: Hashable, Sendable {
  public var id = ""
  public var description = ""
  public var isClosed = false
  public var counts = BatchCounts()
  public var createdAt: Timestamp?
  public var finishedAt: Timestamp?
  public var onFinishedJobID = ""
  public var onSucceededJobID = ""

  public init() {}
}
