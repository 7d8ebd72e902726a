#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif
import Jobs
import NIOCore
import Wire

/// Limits, batches and recurring jobs over gRPC.
extension GRPCBackend {
  func limits() async throws -> [LimitStanding] {
    try await pages { [caller] token in
      let page = try await caller.call("AdminService/ListLimits", mayRepeat: true) {
        $0.encodeListLimitsRequest(pageSize: 1_000, pageToken: token)
      } _: { codec, bytes throws(WireError) in
        try codec.decodeListLimitsResponse(bytes)
      }
      return (page.limits, page.next)
    }.map { LimitStanding($0) }
  }

  func putLimit(_ limit: Jobs.Limit) async throws {
    try await caller.call("AdminService/PutLimit", mayRepeat: true) { $0.encodePutLimitRequest(limit) }
  }

  func deleteLimit(_ scope: Jobs.Limit.Scope) async throws {
    try await caller.call("AdminService/DeleteLimit") { $0.encodeDeleteLimitRequest(scope) }
  }

  private func pages<Element>(
    _ page: (String) async throws -> (elements: [Element], next: String)
  ) async throws -> [Element] {
    var all: [Element] = []
    var token = ""
    repeat {
      let read = try await page(token)
      all += read.elements
      token = read.next
    } while !token.isEmpty
    return all
  }

  // MARK: - Batches

  func batches(unfinishedOnly: Bool, limit: Int) async throws -> [BatchInfo] {
    var all: [BatchInfo] = []
    var token = ""
    repeat {
      let (before, size) = (token, UInt32(min(1_000, max(1, limit - all.count))))
      let page = try await caller.call("JobService/ListBatches", mayRepeat: true) {
        $0.encodeListBatchesRequest(unfinishedOnly: unfinishedOnly, pageSize: size, pageToken: before)
      } _: { codec, bytes throws(WireError) in
        try codec.decodeListBatchesResponse(bytes)
      }
      all += page.batches.map { BatchInfo($0) }
      token = page.next
    } while !token.isEmpty && all.count < limit
    return all
  }

  func batch(_ id: String) async throws -> BatchInfo {
    try await batch("GetBatch", mayRepeat: true) { $0.encodeGetBatchRequest(id) }
  }

  func putBatch(_ terms: BatchTerms) async throws -> BatchInfo {
    let order = BatchOrder(
      id: terms.id, description: terms.description, onFinished: terms.onFinished.map { JobSpec($0) },
      onSucceeded: terms.onSucceeded.map { JobSpec($0) }, isClosed: terms.isClosed)
    return try await batch("PutBatch", mayRepeat: !terms.id.isEmpty) { $0.encodePutBatchRequest(order) }
  }

  /// It may have many jobs to cancel.
  func cancelBatch(_ id: String, reason: String) async throws -> BatchInfo {
    try await batch("CancelBatch", timeout: .hours(1), mayRepeat: true) {
      $0.encodeCancelBatchRequest(id, reason: reason)
    }
  }

  private func batch(
    _ method: String, timeout: TimeAmount? = nil, mayRepeat: Bool, _ encode: (Codec) -> Int
  ) async throws -> BatchInfo {
    BatchInfo(
      try await caller.call("JobService/" + method, timeout: timeout, mayRepeat: mayRepeat, encode) {
        codec, bytes throws(WireError) in
        try codec.decodeBatchResponse(bytes)
      })
  }

  // MARK: - Recurring jobs

  func recurringJobs() async throws -> [RecurringJob] {
    try await pages { [caller] token in
      let page = try await caller.call("AdminService/ListRecurringJobs", mayRepeat: true) {
        $0.encodeListRecurringJobsRequest(pageSize: 1_000, pageToken: token)
      } _: { codec, bytes throws(WireError) in
        try codec.decodeListRecurringJobsResponse(bytes)
      }
      return (page.jobs, page.next)
    }.map { RecurringJob($0) }
  }

  func putRecurringJob(_ job: RecurringJob) async throws -> RecurringJob {
    let order = RecurringOrder(job)
    return RecurringJob(
      try await caller.call("AdminService/PutRecurringJob", mayRepeat: true) {
        $0.encodePutRecurringJobRequest(order)
      } _: { codec, bytes throws(WireError) in
        try codec.decodePutRecurringJobResponse(bytes)
      })
  }

  func deleteRecurringJob(_ id: String) async throws {
    try await caller.call("AdminService/DeleteRecurringJob") { $0.encodeRecurringIDRequest(id) }
  }

  func triggerRecurringJob(_ id: String) async throws -> String {
    try await caller.call("AdminService/TriggerRecurringJob") {
      $0.encodeRecurringIDRequest(id)
    } _: { codec, bytes throws(WireError) in
      try codec.decodeTriggerResponse(bytes)
    }
  }

  func times(of schedule: RecurringJob.Schedule, count: Int, after: Date?) async throws -> [Date] {
    guard count > 0 else { return [] }
    let order = RecurringOrder("", schedule)
    return try await caller.call("AdminService/PreviewRecurringJob", mayRepeat: true) {
      $0.encodePreviewRequest(order, after: after?.timestamp, count: UInt32(clamping: count))
    } _: { codec, bytes throws(WireError) in
      try codec.decodePreviewResponse(bytes)
    }.map { Date($0) }
  }
}

extension RecurringOrder {
  fileprivate init(_ id: String, _ schedule: RecurringJob.Schedule) {
    self.init(id: id)
    switch schedule {
    case .cron(let text, let zone):
      cron = text
      timeZone = zone
    case .every(let duration): every = duration.interval
    }
  }

  package init(_ job: RecurringJob) {
    self.init(job.id, job.schedule)
    self.job = JobSpec(job.request)
    missedRuns =
      switch job.missedRuns {
      case .one: .one
      case .skip: .skip
      case .all: .all
      }
    overlap =
      switch job.overlap {
      case .allow: .allow
      case .skip: .skip
      }
    isPaused = job.isPaused
  }
}

extension RecurringJob {
  fileprivate init(_ order: RecurringOrder) {
    let missedRuns: MissedRuns =
      switch order.missedRuns {
      case .skip: .skip
      case .all: .all
      case .one, nil: .one
      }
    self.init(
      id: order.id,
      schedule: order.every.map { .every($0.duration) }
        ?? .cron(order.cron, timeZone: order.timeZone.isEmpty ? "UTC" : order.timeZone),
      request: JobRequest(order.job ?? JobSpec()), missedRuns: missedRuns,
      overlap: order.overlap == .skip ? .skip : .allow,
      isPaused: order.isPaused)
    nextRunAt = order.nextRunAt.map { Date($0) }
    lastRunAt = order.lastRunAt.map { Date($0) }
  }
}
