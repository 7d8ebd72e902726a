import CProtobufC
import GKickProtos
public import Jobs

/// Batches, as the server sees them.
extension Codec {
  public func decodePutBatchRequest(_ bytes: RawSpan) throws(WireError) -> BatchTerms {
    let message = unsafe try open(bytes, gkick__v1__put_batch_request__unpack)
    guard let batch = unsafe message.pointee.batch else { throw WireError("batch", "required") }
    var terms = BatchTerms(id: unsafe try identifier(batch.pointee.id, "batch.id"))
    terms.description = unsafe try text(
      batch.pointee.description, "batch.description", max: BatchTerms.longestDescription)
    terms.isClosed = unsafe batch.pointee.closed != 0
    terms.onFinished = unsafe try callback(batch.pointee.on_finished, "batch.on_finished", of: terms.id)
    terms.onSucceeded = unsafe try callback(batch.pointee.on_succeeded, "batch.on_succeeded", of: terms.id)
    return terms
  }

  private func callback(
    _ spec: UnsafeMutablePointer<Gkick__V1__JobSpec>?, _ path: StaticString, of batch: String
  ) throws(WireError) -> NewJob? {
    guard let spec = unsafe spec else { return nil }
    guard unsafe spec.pointee.n_depends_on == 0 else { throw WireError(path, "its depends_on must be empty") }
    let job = unsafe try newJob(spec, runAt: nil)
    guard job.options.batchID.isEmpty || job.options.batchID != batch else {
      throw WireError(path, "its batch_id must be empty or another batch's")
    }
    return job
  }

  /// GetBatch: the id is its only field.
  public func decodeGetBatchRequest(_ bytes: RawSpan) throws(WireError) -> String {
    let message = unsafe try open(bytes, gkick__v1__get_batch_request__unpack)
    return unsafe try required(message.pointee.batch_id, "batch_id")
  }

  public func decodeCancelBatchRequest(_ bytes: RawSpan) throws(WireError) -> (id: String, reason: String) {
    let message = unsafe try open(bytes, gkick__v1__cancel_batch_request__unpack)
    return (
      unsafe try required(message.pointee.batch_id, "batch_id"),
      unsafe try text(message.pointee.reason, "reason", max: Bounds.reason)
    )
  }

  public func decodeListBatchesRequest(
    _ bytes: RawSpan
  ) throws(WireError) -> (unfinishedOnly: Bool, limit: Int, before: Int64?) {
    let message = unsafe try open(bytes, gkick__v1__list_batches_request__unpack)
    let token = unsafe try text(message.pointee.page_token, "page_token", max: 32)
    let before = Int64(token)
    guard token.isEmpty || before ?? 0 > 0 else { throw WireError("page_token", "not one of ours") }
    return (
      unsafe message.pointee.unfinished_only != 0, Self.pageSize(unsafe message.pointee.page_size), before
    )
  }

  /// PutBatch, GetBatch and CancelBatch answer alike: the batch is their only field.
  public func encodeBatchResponse(_ view: BatchView) -> Int {
    begin()
    let message = unsafe arena.make(gkick__v1__get_batch_response__init)
    unsafe message.pointee.batch = batch(view)
    return unsafe finish(message)
  }

  public func encodeListBatchesResponse(_ views: [BatchView], next: Int64?) -> Int {
    begin()
    let message = unsafe arena.make(gkick__v1__list_batches_response__init)
    unsafe message.pointee.n_batches = views.count
    unsafe message.pointee.batches = arena.array(views.count) { unsafe batch(views[$0]) }
    unsafe message.pointee.next_page_token = arena.copy(next.map(String.init) ?? "")
    return unsafe finish(message)
  }

  private func batch(_ view: BatchView) -> UnsafeMutablePointer<Gkick__V1__Batch> {
    // Two payloads that only fit into a message each by itself are not shown, as those of a job with its result.
    let isWhole = view.messageSize <= MessageSize.most - Bounds.reserve
    func callback(_ job: NewJob?) -> UnsafeMutablePointer<Gkick__V1__JobSpec>? {
      guard let job else { return nil }
      let message = unsafe spec(job)
      if !isWhole { unsafe message.pointee.payload = arena.copy([]) }
      return unsafe message
    }
    let message = unsafe arena.make(gkick__v1__batch__init)
    unsafe message.pointee.id = arena.copy(view.terms.id)
    unsafe message.pointee.description = arena.copy(view.terms.description)
    unsafe message.pointee.on_finished = callback(view.terms.onFinished)
    unsafe message.pointee.on_succeeded = callback(view.terms.onSucceeded)
    unsafe message.pointee.closed = view.terms.isClosed ? 1 : 0
    unsafe message.pointee.jobs = view.counts.jobs
    unsafe message.pointee.waiting = view.counts.waiting
    unsafe message.pointee.running = view.counts.running
    unsafe message.pointee.succeeded = view.counts.succeeded
    unsafe message.pointee.dead = view.counts.dead
    unsafe message.pointee.canceled = view.counts.canceled
    unsafe message.pointee.created_at = timestamp(view.createdAt)
    unsafe message.pointee.finished_at = timestamp(view.finishedAt)
    unsafe message.pointee.on_finished_job_id = arena.copy(view.onFinishedJobID)
    unsafe message.pointee.on_succeeded_job_id = arena.copy(view.onSucceededJobID)
    return unsafe message
  }

  // MARK: As a producer sees them

  public func encodePutBatchRequest(_ order: BatchOrder) -> Int {
    begin()
    let message = unsafe arena.make(gkick__v1__put_batch_request__init)
    let batch = unsafe arena.make(gkick__v1__batch__init)
    unsafe batch.pointee.id = arena.copy(order.id)
    unsafe batch.pointee.description = arena.copy(order.description)
    unsafe batch.pointee.on_finished = order.onFinished.map { unsafe spec($0) }
    unsafe batch.pointee.on_succeeded = order.onSucceeded.map { unsafe spec($0) }
    unsafe batch.pointee.closed = order.isClosed ? 1 : 0
    unsafe message.pointee.batch = unsafe batch
    return unsafe finish(message)
  }

  public func encodeGetBatchRequest(_ id: String) -> Int {
    begin()
    let message = unsafe arena.make(gkick__v1__get_batch_request__init)
    unsafe message.pointee.batch_id = arena.copy(id)
    return unsafe finish(message)
  }

  public func encodeCancelBatchRequest(_ id: String, reason: String) -> Int {
    begin()
    let message = unsafe arena.make(gkick__v1__cancel_batch_request__init)
    unsafe message.pointee.batch_id = arena.copy(id)
    unsafe message.pointee.reason = arena.copy(reason)
    return unsafe finish(message)
  }

  public func encodeListBatchesRequest(unfinishedOnly: Bool, pageSize: UInt32 = 0, pageToken: String = "") -> Int {
    begin()
    let message = unsafe arena.make(gkick__v1__list_batches_request__init)
    unsafe message.pointee.unfinished_only = unfinishedOnly ? 1 : 0
    unsafe message.pointee.page_size = pageSize
    unsafe message.pointee.page_token = arena.copy(pageToken)
    return unsafe finish(message)
  }

  public func decodeBatchResponse(_ bytes: RawSpan) throws(WireError) -> BatchInfo {
    let message = unsafe try open(bytes, gkick__v1__get_batch_response__unpack)
    guard let batch = unsafe message.pointee.batch else { throw WireError("batch", "not set") }
    return unsafe try info(batch)
  }

  public func decodeListBatchesResponse(_ bytes: RawSpan) throws(WireError) -> (batches: [BatchInfo], next: String) {
    let message = unsafe try open(bytes, gkick__v1__list_batches_response__unpack)
    var found: [BatchInfo] = []
    for index in 0..<(unsafe message.pointee.n_batches) {
      // There are n_batches of them, and none is nil.
      found.append(unsafe try info(message.pointee.batches[index]!))
    }
    return (found, unsafe try text(message.pointee.next_page_token, "next_page_token", max: .max))
  }

  private func info(_ batch: UnsafeMutablePointer<Gkick__V1__Batch>) throws(WireError) -> BatchInfo {
    var info = BatchInfo()
    info.id = unsafe try text(batch.pointee.id, "batch.id", max: .max)
    info.description = unsafe try text(batch.pointee.description, "batch.description", max: .max)
    info.isClosed = unsafe batch.pointee.closed != 0
    info.counts.waiting = unsafe batch.pointee.waiting
    info.counts.running = unsafe batch.pointee.running
    info.counts.succeeded = unsafe batch.pointee.succeeded
    info.counts.dead = unsafe batch.pointee.dead
    info.counts.canceled = unsafe batch.pointee.canceled
    info.createdAt = unsafe try timestamp(batch.pointee.created_at, "batch.created_at")
    info.finishedAt = unsafe try timestamp(batch.pointee.finished_at, "batch.finished_at")
    info.onFinishedJobID = unsafe try text(batch.pointee.on_finished_job_id, "batch.on_finished_job_id", max: .max)
    info.onSucceededJobID = unsafe try text(
      batch.pointee.on_succeeded_job_id, "batch.on_succeeded_job_id", max: .max)
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
