#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif
import Jobs
import NIOCore
import Wire

/// A batch as the server knows it. The counts are exact, whatever crashes.
public struct BatchInfo: Sendable, Hashable {
  public var id: String
  public var description: String
  /// No more jobs come from outside.
  public var isClosed: Bool
  /// Scheduled, ready, retrying or blocked.
  public var waiting: Int
  public var running: Int
  public var succeeded: Int
  public var dead: Int
  /// Expired ones counted in, and those that were deleted before they had ended.
  public var canceled: Int
  public var createdAt: Date
  public var finishedAt: Date?
  /// The ids of the callbacks once they are enqueued; empty before.
  public var onFinishedJobID: String
  public var onSucceededJobID: String

  /// All of them.
  public var jobs: Int { waiting + running + succeeded + dead + canceled }

  init(_ info: Wire.BatchInfo) {
    id = info.id
    description = info.description
    isClosed = info.isClosed
    waiting = Int(clamping: info.counts.waiting)
    running = Int(clamping: info.counts.running)
    succeeded = Int(clamping: info.counts.succeeded)
    dead = Int(clamping: info.counts.dead)
    canceled = Int(clamping: info.counts.canceled)
    createdAt = Date(info.createdAt ?? .distantPast)
    finishedAt = info.finishedAt.map { Date($0) }
    onFinishedJobID = info.onFinishedJobID
    onSucceededJobID = info.onSucceededJobID
  }
}

/// The batches that a server has. Every method throws ``GKickError``.
public struct Batches: Sendable {
  let caller: Caller

  /// The newest first.
  /// - Parameter limit: so many at most.
  public func list(unfinishedOnly: Bool = false, limit: Int = .max) async throws -> [BatchInfo] {
    try await caller.pages("JobService/ListBatches", limit: limit) {
      $0.encodeListBatchesRequest(unfinishedOnly: unfinishedOnly, pageSize: $2, pageToken: $1)
    } _: { codec, bytes throws(WireError) in
      try codec.decodeListBatchesResponse(bytes)
    }.map { BatchInfo($0) }
  }

  /// - Throws: ``GKickError/Code/notFound`` when there is none.
  public func batch(_ id: String) async throws -> BatchInfo {
    try await call("GetBatch", mayRepeat: true) { $0.encodeGetBatchRequest(id) }
  }

  /// No more jobs come from outside: it is finished when all its jobs are final, at once when it has none. One that is not there is made.
  @discardableResult
  public func close(_ id: String) async throws -> BatchInfo { try await put(BatchOrder(id: id, isClosed: true)) }

  /// Closes it and cancels all its jobs that are not final.
  @discardableResult
  public func cancel(_ id: String, reason: String = "") async throws -> BatchInfo {
    // It may have many.
    try await call("CancelBatch", timeout: .hours(1), mayRepeat: true) {
      $0.encodeCancelBatchRequest(id, reason: reason)
    }
  }

  /// What is left out stays as it was.
  package func put(_ order: BatchOrder) async throws -> BatchInfo {
    try await call("PutBatch", mayRepeat: !order.id.isEmpty) { $0.encodePutBatchRequest(order) }
  }

  private func call(
    _ method: String, timeout: TimeAmount? = nil, mayRepeat: Bool, _ encode: (Codec) -> Int
  ) async throws -> BatchInfo {
    BatchInfo(
      try await caller.call("JobService/" + method, timeout: timeout, mayRepeat: mayRepeat, encode) {
        codec, bytes throws(WireError) in
        try codec.decodeBatchResponse(bytes)
      })
  }
}

extension Client {
  /// Jobs that are followed as one.
  public var batches: Batches { Batches(caller: backend.caller) }

  /// Stores a batch: its jobs, up to 1,000 per round trip, then what runs when they are done.
  ///
  /// - Parameter allOrNothing: a job that is refused refuses all of its 1,000, and an error is thrown; those that were stored before are
  ///   cancelled when the batch's id was made here.
  /// - Returns: a handle of these jobs.
  public func enqueue(
    _ batch: Batch, allOrNothing: Bool = true, durability: Durability? = nil
  ) async throws -> BatchHandle {
    try await store(batch, durability, allOrNothing)
  }
}

extension BatchHandle {
  /// The batch as the server counts it, with jobs of others.
  public func info() async throws -> BatchInfo { try await client.batches.batch(id) }

  /// No more jobs come from outside.
  @discardableResult
  public func close() async throws -> BatchInfo { try await client.batches.close(id) }

  /// Closes it and cancels all its jobs that are not final.
  @discardableResult
  public func cancel(reason: String = "") async throws -> BatchInfo {
    try await client.batches.cancel(id, reason: reason)
  }
}
